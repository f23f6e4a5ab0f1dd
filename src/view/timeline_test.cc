#include "view/timeline.h"

#include <gtest/gtest.h>

#include <cmath>

#include "view/well_formed.h"

namespace pipit {
namespace {

// Where each <text class="label"> stands: x, y and its words.
struct Shown {
  double x, y;
  std::string text;
};
std::vector<Shown> labels_in(const std::string& svg) {
  std::vector<Shown> out;
  for (auto at = svg.find("<text class=\"label\""); at != std::string::npos;
       at = svg.find("<text class=\"label\"", at + 1)) {
    const auto number = [&](const char* name) { return std::stod(svg.substr(svg.find(name, at) + 4)); };
    const auto begin = svg.find('>', at) + 1;
    out.push_back({number(" x=\""), number(" y=\""), svg.substr(begin, svg.find('<', begin) - begin)});
  }
  return out;
}

TEST(Timeline, EveryLabelIsShownAndNoneCoversAnother) {
  std::vector<TimedLabel> labels;
  for (int k = 0; k < 40; ++k)
    labels.push_back({"WORD" + std::to_string(k), 0.1 * k, 0.1 * k + 0.3, (k % 7) / 7.0, k % 3 == 0});
  const std::string svg = timeline_svg("a <title>", labels, std::vector<float>(80000, 0.1F), 5);
  EXPECT_EQ(xml_fault(svg), "");
  const auto shown = labels_in(svg);
  ASSERT_EQ(shown.size(), 40u);
  for (const Shown& a : shown)
    for (const Shown& b : shown)
      if (&a != &b && a.y == b.y) {
        EXPECT_GE(std::abs(a.x - b.x), 7 * 6) << a.text << " and " << b.text;
      }
}

TEST(Timeline, ChosenLabelsStandAbove) {
  const auto shown = labels_in(timeline_svg("t", {{"MAYBE", 1, 2, 0.9, false}, {"SURE", 1, 2, 0.5, true}}, {}, 3));
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].text, "SURE");
  EXPECT_LT(shown[0].y, shown[1].y);
  EXPECT_EQ(shown[0].x, shown[1].x);
}

TEST(Timeline, OddInputIsDrawnAllTheSame) {
  EXPECT_EQ(xml_fault(timeline_svg("", {}, {}, 1)), "");
  const std::string svg =
      timeline_svg("t", {{"<&>", -5, 99, 7, true}, {"\xff", 3, 2, -1, false}}, std::vector<float>(3), 2);
  EXPECT_EQ(xml_fault(svg), "");
  for (const Shown& one : labels_in(svg)) EXPECT_TRUE(one.x >= 0 && one.x <= 912) << one.text;
}

}  // namespace
}  // namespace pipit
