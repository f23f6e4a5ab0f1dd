// text/number_words.h — numbers as an American reader says them: no AND, no hyphens ("ONE HUNDRED FORTY TWO").
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace pipit {

inline constexpr std::int64_t kLargestSpoken = 999'999'999;

/// 0 .. kLargestSpoken as a count. A number out of range is a caller's bug.
std::string cardinal_words(std::int64_t number);
/// 0 .. kLargestSpoken as a rank: 21 is TWENTY FIRST.
std::string ordinal_words(std::int64_t number);
/// 1100..1999 and 2000..2099 as a year: NINETEEN OH FIVE, TWO THOUSAND SEVEN, TWENTY TWELVE.
std::string year_words(std::int64_t year);
inline bool is_spoken_year(std::int64_t number) { return number >= 1100 && number <= 2099; }
/// One word for each of the digits (ZERO for 0). Needs digits only.
std::string digit_words(std::string_view digits);
/// The words with the last one in the plural: TWENTIES, NINES, SIXES.
std::string plural_words(std::string words);

}  // namespace pipit
