#include "text/number_words.h"

#include "base/contract.h"

namespace pipit {
namespace {

constexpr std::string_view kSmall[] = {"ZERO",     "ONE",     "TWO",     "THREE",     "FOUR",     "FIVE",    "SIX",
                                       "SEVEN",    "EIGHT",   "NINE",    "TEN",       "ELEVEN",   "TWELVE",  "THIRTEEN",
                                       "FOURTEEN", "FIFTEEN", "SIXTEEN", "SEVENTEEN", "EIGHTEEN", "NINETEEN"};
constexpr std::string_view kTens[] = {
    "", "", "TWENTY", "THIRTY", "FORTY", "FIFTY", "SIXTY", "SEVENTY", "EIGHTY", "NINETY"};

struct Irregular {
  std::string_view count, rank;
};
constexpr Irregular kIrregular[] = {{"ONE", "FIRST"},
                                    {"TWO", "SECOND"},
                                    {"THREE", "THIRD"},
                                    {"FIVE", "FIFTH"},
                                    {"EIGHT", "EIGHTH"},
                                    {"NINE", "NINTH"},
                                    {"TWELVE", "TWELFTH"}};

void add(std::string& words, std::string_view more) {
  if (!words.empty()) words += ' ';
  words += more;
}

void add_below_thousand(std::string& words, std::int64_t n) {
  if (n >= 100) {
    add(words, kSmall[n / 100]);
    add(words, "HUNDRED");
    n %= 100;
  }
  if (n >= 20) {
    add(words, kTens[n / 10]);
    n %= 10;
  }
  if (n > 0) add(words, kSmall[n]);
}

std::size_t last_word(const std::string& words) {
  const std::size_t space = words.rfind(' ');
  return space == std::string::npos ? 0 : space + 1;
}

}  // namespace

std::string cardinal_words(std::int64_t number) {
  expects(number >= 0 && number <= kLargestSpoken, "cardinal_words: number out of range");
  if (number == 0) return std::string(kSmall[0]);
  std::string words;
  if (const auto millions = number / 1'000'000; millions > 0) {
    add_below_thousand(words, millions);
    add(words, "MILLION");
  }
  if (const auto thousands = number / 1000 % 1000; thousands > 0) {
    add_below_thousand(words, thousands);
    add(words, "THOUSAND");
  }
  add_below_thousand(words, number % 1000);
  return words;
}

std::string ordinal_words(std::int64_t number) {
  std::string words = cardinal_words(number);
  const std::size_t begin = last_word(words);
  for (const auto& [count, rank] : kIrregular)
    if (std::string_view(words).substr(begin) == count) return words.replace(begin, std::string::npos, rank);
  if (words.back() == 'Y') words.replace(words.size() - 1, 1, "IE");
  return words + "TH";
}

std::string year_words(std::int64_t year) {
  expects(is_spoken_year(year), "year_words: year out of range");
  if (year / 10 == 200) return cardinal_words(year);
  std::string words = cardinal_words(year / 100);
  const auto rest = year % 100;
  if (rest == 0)
    add(words, "HUNDRED");
  else if (rest < 10)
    add(words, "OH");
  if (rest > 0) add(words, cardinal_words(rest));
  return words;
}

std::string digit_words(std::string_view digits) {
  std::string words;
  for (const char digit : digits) {
    expects(digit >= '0' && digit <= '9', "digit_words: not a digit");
    add(words, kSmall[digit - '0']);
  }
  return words;
}

std::string plural_words(std::string words) {
  if (words.empty()) return words;
  if (words.back() == 'Y') {
    words.replace(words.size() - 1, 1, "IES");
  } else {
    words += words.back() == 'X' ? "ES" : "S";
  }
  return words;
}

}  // namespace pipit
