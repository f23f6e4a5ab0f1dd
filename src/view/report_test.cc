#include "view/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "view/well_formed.h"

namespace pipit {
namespace {

Table small_table() {
  return {.columns = {{"name"}, {"chi²"}, {"time", "s", 4, 2}, {"steps"}},
          .rows = {{std::string("a<b"), 14574.75, 0.126, 12LL},
                   {std::string("half"), std::nan(""), 1e9, -3LL},
                   {std::string("tiny"), -1.5e-9, 2.0, 0LL}},
          .caption = "one & all"};
}

TEST(Report, IsOneWellFormedPage) {
  Figure figure("f");
  figure.line("l", std::vector<double>{0, 1}, std::vector<double>{0, 1});
  Report report("A <title> & more", "sub");
  report.heading("h < 2 & more").paragraph("p < 3 & more").code("pipit pgo a.g2o > b && c").table(small_table());
  report.figure(figure, "caption").figures({figure, figure}, "both").figures({});
  const std::string html = report.html();
  EXPECT_EQ(xml_fault(html), "");
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  EXPECT_NE(html.find("<title>A &lt;title&gt; &amp; more</title>"), std::string::npos);
  EXPECT_NE(html.find("a.g2o &gt; b &amp;&amp; c"), std::string::npos);
  // Nothing is fetched: no address but the name of the SVG language.
  for (const char* word : {"src=", "href", "url(", "@import", "<script", "<link"})
    EXPECT_EQ(html.find(word), std::string::npos) << word;
  for (auto at = html.find("http"); at != std::string::npos; at = html.find("http", at + 1))
    EXPECT_EQ(html.compare(at, 26, "http://www.w3.org/2000/svg"), 0);
}

// What RFC 4648 gives as examples, and that a sound is in the page, not fetched.
TEST(Report, ASoundIsInsideThePage) {
  const std::pair<const char*, const char*> cases[] = {{"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"\xff\xef\xbe", "/+++"}};
  for (const auto& [wav, wanted] : cases) {
    const std::string html = Report("t").sound(wav, "a < b").drawing("<svg/>", "c < d").html();
    EXPECT_EQ(xml_fault(html), "");
    EXPECT_NE(html.find(std::string("src=\"data:audio/wav;base64,") + wanted + "\""), std::string::npos) << wanted;
    EXPECT_NE(html.find("<svg/>"), std::string::npos);
  }
}

TEST(Report, NumbersStandRightAndTextsLeft) {
  const std::string html = Report("t").table(small_table()).html();
  EXPECT_NE(html.find("<td>a&lt;b</td><td class=\"n\">14575</td><td class=\"n\">0.13</td><td class=\"n\">12</td>"),
            std::string::npos);
  EXPECT_NE(html.find("<td class=\"n\">–</td><td class=\"n\">1000000000.00</td><td class=\"n\">−3</td>"),
            std::string::npos);
  EXPECT_NE(html.find("<td class=\"n\">−1.500·10⁻⁹</td>"), std::string::npos);
  EXPECT_NE(html.find("<th>name</th><th class=\"n\">chi²</th><th class=\"n\">time<small>s</small></th>"),
            std::string::npos);
}

TEST(Report, EmptyPartsAreFine) {
  EXPECT_EQ(xml_fault(Report("").html()), "");
  EXPECT_EQ(xml_fault(Report("").table({}).paragraph("").figures({}).html()), "");
}

TEST(ReportDeathTest, RowsMustFit) {
  Report report("t");
  const Table bad{.columns = {{"a"}, {"b"}}, .rows = {{1.0}}};
  EXPECT_DEATH(report.table(bad), "row and columns differ in length");
}

}  // namespace
}  // namespace pipit
