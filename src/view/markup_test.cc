#include "view/markup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "view/well_formed.h"

namespace pipit {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Escape, LeavesNoMarkup) {
  EXPECT_EQ(escape("a < b & c > \"d\" 'e'"), "a &lt; b &amp; c &gt; &quot;d&quot; &#39;e&#39;");
  EXPECT_EQ(escape("chi² Ωr – 漢 🤖"), "chi² Ωr – 漢 🤖");
  EXPECT_EQ(escape("a\x01\x1f\nb"), "a\nb");
  EXPECT_EQ(escape(std::string("a\0b", 3)), "ab");
  // Not UTF-8: a lone byte, a cut sequence, an overlong slash, a surrogate, beyond U+10FFFF, a non-character.
  for (const std::string bad :
       {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xef\xbf\xbf", "\xe2\x82"})
    EXPECT_TRUE(escape(bad).starts_with("\ufffd")) << bad.size();
  EXPECT_EQ(escape("\xffz"), "\ufffdz");
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(xml_fault("<p a=\"" + escape(all) + "\">" + escape(all) + "</p>"), "");
}

TEST(Number, ReadsAsAPersonWouldWriteIt) {
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(-0.0), "0");
  EXPECT_EQ(format_number(14574.75), "14575");
  EXPECT_EQ(format_number(14574.75, 7), "14574.75");
  EXPECT_EQ(format_number(-1.5), "−1.500");
  EXPECT_EQ(format_number(0.001234), "0.001234");
  EXPECT_EQ(format_number(1.5e-7, 2), "1.5·10⁻⁷");
  EXPECT_EQ(format_number(6.02e23, 3), "6.02·10²³");
  EXPECT_EQ(format_number(9999.9999, 4), "10000");  // rounds up into the next power
  EXPECT_EQ(format_number(9.9999e-5, 2), "0.00010");
  EXPECT_EQ(format_number(std::nan("")), "–");
  EXPECT_EQ(format_number(-kInf), "−∞");
  EXPECT_EQ(format_fixed(2.0 / 3, 3), "0.667");
  EXPECT_EQ(format_fixed(-0.0001, 2), "0.00");
  EXPECT_EQ(format_fixed(1e300, 2), "1.000·10³⁰⁰");
  EXPECT_EQ(format_fixed(kInf, 2), "∞");
  EXPECT_EQ(power_of_ten(-12), "10⁻¹²");
  EXPECT_EQ(num_characters("10⁻¹²"), 5);
  EXPECT_DEATH(format_number(1, 0), "significant digits");
}

// The checker itself must refuse, or the other tests say nothing.
TEST(WellFormed, RefusesWhatAParserWould) {
  EXPECT_EQ(xml_fault("<a b=\"c\"><d/>x &lt; y</a>\n"), "");
  for (const char* bad : {"",
                          "x",
                          "<a>",
                          "<a></b>",
                          "<a><b></a></b>",
                          "<a b=c/>",
                          "<a b=\"1\" b=\"2\"/>",
                          "<a>&</a>",
                          "<a>&nbsp;</a>",
                          "<a>1 < 2</a>",
                          "<a/><b/>",
                          "<a>\x01</a>",
                          "<a b=\"<\"/>",
                          "<a b=\"&\"/>",
                          "<a"})
    EXPECT_NE(xml_fault(bad), "") << bad;
}

}  // namespace
}  // namespace pipit
