#include "text/normalise.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "base/random.h"
#include "tests/data_path.h"
#include "text/number_words.h"

namespace pipit {
namespace {

bool in_alphabet(const std::string& text) {
  const auto letter = [&](std::size_t i) { return i < text.size() && text[i] >= 'A' && text[i] <= 'Z'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (letter(i)) continue;
    if (text[i] != ' ' && text[i] != '\'') return false;
    if (i == 0 || !letter(i - 1) || !letter(i + 1)) return false;
  }
  return true;
}

void expect_laws(const std::string& text) {
  const std::string once = normalise(text);
  EXPECT_TRUE(in_alphabet(once)) << "'" << text << "' -> '" << once << "'";
  EXPECT_EQ(normalise(once), once) << "'" << text << "'";
}

TEST(Normalise, Examples) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"  Hello,   world! ", "HELLO WORLD"},
      {"It\u2019s the \u2018boys\u2019\u2019 dog", "IT'S THE BOYS DOG"},
      {"'em o''clock don't", "EM O CLOCK DON'T"},
      {"well-known\u2014caf\u00e9 na\u00efve stra\u00dfe \u00c6sop", "WELL KNOWN CAFE NAIVE STRASSE AESOP"},
      {"e\u0301le\u0300ve soft\u00adhyphen", "ELEVE SOFTHYPHEN"},
      {"Mr. and Mrs. Smith, Dr Who", "MISTER AND MISSUS SMITH DOCTOR WHO"},
      {"St. Paul lives in Main St.", "SAINT PAUL LIVES IN MAIN STREET"},
      {"'Mr.'", "MISTER"},
      {"U.S.A. e.g. D A L Z", "U S A E G D A L Z"},
      {"0 7 12 40 42 100 101 110 342",
       "ZERO SEVEN TWELVE FORTY FORTY TWO ONE HUNDRED ONE HUNDRED ONE ONE HUNDRED TEN "
       "THREE HUNDRED FORTY TWO"},
      {"1,000 and 1000 and 12,345", "ONE THOUSAND AND ONE THOUSAND AND TWELVE THOUSAND THREE HUNDRED FORTY FIVE"},
      {"999,999,999", "NINE HUNDRED NINETY NINE MILLION NINE HUNDRED NINETY NINE THOUSAND NINE HUNDRED NINETY NINE"},
      {"1000001", "ONE MILLION ONE"},
      {"1234567890", "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE ZERO"},
      {"007", "ZERO ZERO SEVEN"},
      {"in 1905, 1900, 1984, 2000, 2007 or 2012",
       "IN NINETEEN OH FIVE NINETEEN HUNDRED NINETEEN EIGHTY FOUR TWO THOUSAND TWO THOUSAND SEVEN OR TWENTY TWELVE"},
      {"1099 1100 2100", "ONE THOUSAND NINETY NINE ELEVEN HUNDRED TWO THOUSAND ONE HUNDRED"},
      {"1,905 $1905 1905%",
       "ONE THOUSAND NINE HUNDRED FIVE ONE THOUSAND NINE HUNDRED FIVE DOLLARS ONE THOUSAND NINE "
       "HUNDRED FIVE PERCENT"},
      {"the 1980s, the 1990's and the 20s", "THE NINETEEN EIGHTIES THE NINETEEN NINETIES AND THE TWENTIES"},
      {"1st 2nd 3rd 12th 20th 21st 100th", "FIRST SECOND THIRD TWELFTH TWENTIETH TWENTY FIRST ONE HUNDREDTH"},
      {"3.14 0.5 -4 5-7", "THREE POINT ONE FOUR ZERO POINT FIVE MINUS FOUR FIVE SEVEN"},
      {"$1 $5 $1.05 $2.50", "ONE DOLLAR FIVE DOLLARS ONE DOLLAR AND FIVE CENTS TWO DOLLARS AND FIFTY CENTS"},
      {"$3.2 million $3.25 billion", "THREE POINT TWO MILLION DOLLARS THREE POINT TWO FIVE BILLION DOLLARS"},
      {"5% B2B 3M R&D", "FIVE PERCENT B TWO B THREE M R AND D"},
      {"1,2,3 1,23 12,3456", "ONE TWO THREE ONE TWENTY THREE TWELVE THREE THOUSAND FOUR HUNDRED FIFTY SIX"},
  };
  for (const auto& [text, wanted] : cases) {
    EXPECT_EQ(normalise(text), wanted) << text;
    expect_laws(text);
  }
}

TEST(Normalise, LawsHoldForAnyBytes) {
  Random random(3);
  const std::string_view parts[] = {"'",   "\u2019", "\u00e9", "St",     "mr",      "Mrs.",  "$",      "%",  "&",
                                    ".",   ",",      "-",      "1",      "0",       "19",    "05",     "th", "s",
                                    " ",   "\xff",   "\xc3",   "\u00d7", "'s",      "i",     "\u0301", "\t", "\n",
                                    "\0x", "nd",     "$1.",    "a'b",    "million", "\u4e2d"};
  for (int trial = 0; trial < 30000; ++trial) {
    std::string text;
    for (auto n = random.below(12); n > 0; --n)
      if (random.below(4) == 0)
        text += static_cast<char>(random.below(256));
      else
        text += parts[random.below(std::size(parts))];
    expect_laws(text);
    if (HasFailure()) return;
  }
}

/// Reads words back as a number: another road than the one that wrote them.
std::int64_t number_of(const std::string& words) {
  const std::string_view small[] = {"ZERO",     "ONE",     "TWO",     "THREE",     "FOUR",     "FIVE",    "SIX",
                                    "SEVEN",    "EIGHT",   "NINE",    "TEN",       "ELEVEN",   "TWELVE",  "THIRTEEN",
                                    "FOURTEEN", "FIFTEEN", "SIXTEEN", "SEVENTEEN", "EIGHTEEN", "NINETEEN"};
  const std::string_view tens[] = {"TWENTY", "THIRTY", "FORTY", "FIFTY", "SIXTY", "SEVENTY", "EIGHTY", "NINETY"};
  std::int64_t total = 0, group = 0;
  std::istringstream in(words);
  for (std::string word; in >> word;) {
    for (int i = 0; i < 20; ++i) group += word == small[i] ? i : 0;
    for (int i = 0; i < 8; ++i) group += word == tens[i] ? 10 * (i + 2) : 0;
    if (word == "HUNDRED") group *= 100;
    if (word == "THOUSAND" || word == "MILLION") {
      total += group * (word == "THOUSAND" ? 1000 : 1000000);
      group = 0;
    }
  }
  return total + group;
}

TEST(NumberWords, ReadBackAsTheNumber) {
  for (std::int64_t n = 0; n < 3000; ++n) ASSERT_EQ(number_of(cardinal_words(n)), n) << cardinal_words(n);
  Random random(4);
  for (int trial = 0; trial < 20000; ++trial) {
    const auto n = static_cast<std::int64_t>(random.below(kLargestSpoken + 1));
    ASSERT_EQ(number_of(cardinal_words(n)), n) << cardinal_words(n);
  }
  EXPECT_DEATH((void)cardinal_words(kLargestSpoken + 1), "out of range");
}

TEST(Normalise, TranscriptsStayButForAbbreviationsAndOuterApostrophes) {
  const std::string path = data_path("speech/asr/manifest.tsv");
  PIPIT_NEED_DATA(path);
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  int changed = 0, lines = 0;
  for (; std::getline(in, line); ++lines) {
    std::string text = line;
    for (int field = 0; field < 7; ++field) text.erase(0, text.find('\t') + 1);
    text.erase(text.find('\t'));
    expect_laws(text);
    changed += normalise(text) != text;
  }
  EXPECT_GT(lines, 10000);
  EXPECT_LE(changed, 40);  // 18 with MR, MRS, DR or ST and 17 outer apostrophes were counted by hand
}

}  // namespace
}  // namespace pipit
