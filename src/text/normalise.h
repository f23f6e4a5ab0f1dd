// text/normalise.h — any text as a transcript writes it: A-Z, the inner apostrophe, single spaces.
#pragma once
#include <string>
#include <string_view>

namespace pipit {

/// In      any bytes; read as UTF-8, a byte that is none is a space.
/// Out     words of A-Z with apostrophes between two letters only, single spaces between words, none at the ends.
/// Laws    normalise(normalise(x)) == normalise(x), and the alphabet, for every x.
/// Cost    O(size).
///
/// Letters of the Latin alphabet lose their accents (É is E, ß is SS, Æ is AE), curly apostrophes become ', everything
/// else separates words. What is read out:
///   numbers        42, 1,234,567 up to 999,999,999; longer ones and those that begin with 0 digit by digit
///   years          1905, 2007, 2012: four digits alone, 1100 to 2099; 1980s, 20s in the plural
///   ordinals       1st, 22nd, 113th
///   decimals       3.14: THREE POINT ONE FOUR
///   $ and %        $1.05: ONE DOLLAR AND FIVE CENTS; $3.2 million: THREE POINT TWO MILLION DOLLARS; 5%: FIVE PERCENT
///   & and -5       AND; MINUS FIVE where no letter or digit stands before the sign
///   MR MRS DR ST   MISTER MISSUS DOCTOR; SAINT, or STREET as the last word of the text
/// Single letters stay: "U.S.A." is U S A.
std::string normalise(std::string_view text);

}  // namespace pipit
