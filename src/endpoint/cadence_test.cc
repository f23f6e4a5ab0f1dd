#include "endpoint/cadence.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace pipit {
namespace {

TEST(Cadence, WithoutWeightsKnowsNothing) {
  EXPECT_EQ(Cadence()(std::vector<float>{}), 0);
  EXPECT_EQ(Cadence()(std::vector<float>{1, 2, 3}), 0);
}

TEST(Cadence, AddsUpAndIsBounded) {
  const Cadence cadence({2, -1}, 0.5F);
  EXPECT_FLOAT_EQ(cadence(std::vector<float>{1, 1}), 1.5F);
  EXPECT_FLOAT_EQ(cadence(std::vector<float>{0, 3}), -2.5F);
  EXPECT_EQ(cadence(std::vector<float>{1e6F, 0}), 8);
  EXPECT_EQ(cadence(std::vector<float>{-1e6F, 0}), -8);
}

TEST(Cadence, SurvivesItsFile) {
  Random random(1);
  std::vector<float> weights, h;
  for (int k = 0; k < 512; ++k) {
    weights.push_back(static_cast<float>(random.normal()));
    h.push_back(static_cast<float>(0.1 * random.normal()));
  }
  const Cadence cadence(weights, 0.1F);
  const auto back = Cadence::parse("# made up\n" + cadence.text(), "c");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->size(), cadence.size());
  EXPECT_EQ((*back)(h), cadence(h));
  EXPECT_EQ(back->text(), cadence.text());
}

TEST(Cadence, SaysWhatIsWrongWithAFile) {
  const auto message = [](const std::string& text) {
    const auto got = Cadence::parse(text, "c");
    return got ? std::string("read") : got.error().message;
  };
  EXPECT_EQ(message("offset\t1\nweights\t1 2\n"), "read");
  EXPECT_EQ(message(""), "c: no line for 'offset'");
  EXPECT_EQ(message("offset\t1\n"), "c: no line for 'weights'");
  for (const char* line :
       {"offset\tnan", "offset\t1 2", "weights", "weights\t1 x", "weights\t1 inf", "loudness\t1", "offset"})
    EXPECT_NE(message(std::string(line) + "\n").find("c:1: "), std::string::npos) << line;
  EXPECT_NE(message("offset\t1\noffset\t1\n").find("c:2: "), std::string::npos);
  EXPECT_NE(message("weights\t1\nweights\t1\n").find("c:2: "), std::string::npos);
  EXPECT_FALSE(Cadence::open("/nowhere/at.all"));
}

TEST(CadenceDeathTest, AnotherModelsSoundIsABug) {
  EXPECT_DEATH((void)Cadence({1, 2}, 0)(std::vector<float>{1}), "another length");
}

}  // namespace
}  // namespace pipit
