#include "endpoint/evidence.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "endpoint/end_pointer.h"

namespace pipit {
namespace {

Evidence some_evidence(Random& random) {
  Evidence out{};
  for (float& v : out) v = static_cast<float>(random.uniform(-1, 2));
  out[kSilence] = static_cast<float>(random.uniform(0, 2));
  return out;
}

EndWeights some_weights(Random& random) {
  EndWeights out;
  for (std::size_t k = kSilence + 1; k < kNumEvidence; ++k) out.per_unit[k] = random.uniform(-0.3, 0.3);
  out.offset_s = random.uniform(-0.2, 0.2);
  out.least_s = -0.2, out.most_s = 0.1;
  return out;
}

TEST(EndWeights, AsTheyStandSilenceAloneCounts) {
  Random random(1);
  for (int trial = 0; trial < 20; ++trial) {
    const Evidence evidence = some_evidence(random);
    EXPECT_DOUBLE_EQ(EndWeights{}.silence_s(evidence), static_cast<double>(evidence[kSilence]));
  }
}

TEST(EndWeights, ASecondOfUndisturbedSilenceCountsAsOne) {
  Random random(2);
  for (int trial = 0; trial < 20; ++trial) {
    const EndWeights weights = some_weights(random);
    Evidence evidence = some_evidence(random);
    const double before = weights.silence_s(evidence);
    for (std::size_t k = 0; k <= kStable; ++k) evidence[k] += 1;
    EXPECT_NEAR(weights.silence_s(evidence), before + 1, 1e-6);
    EXPECT_LE(std::abs(before + 1 - static_cast<double>(evidence[kSilence])), 0.2 + 1e-6)
        << "nothing else is worth more";
  }
}

TEST(EndWeights, SurviveTheirFile) {
  Random random(3);
  const EndWeights weights = some_weights(random);
  const auto back = parse_end_weights("# made up\n" + format_end_weights(weights), "w");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->per_unit, weights.per_unit);
  EXPECT_EQ(back->offset_s, weights.offset_s);
  EXPECT_EQ(back->least_s, weights.least_s);
  EXPECT_EQ(back->most_s, weights.most_s);
}

TEST(EndWeights, SayWhatIsWrongWithAFile) {
  const std::string good = format_end_weights({});
  const auto message = [](const std::string& text) {
    const auto got = parse_end_weights(text, "w");
    return got ? std::string("read") : got.error().message;
  };
  EXPECT_EQ(message(good), "read");
  EXPECT_EQ(message(""), "w: no line for 'pause'");
  EXPECT_EQ(message("loudness\t1\n"), "w:1: 'loudness?1': an unknown name");
  EndWeights crossed;
  crossed.least_s = 0.5, crossed.most_s = 0.25;
  EXPECT_EQ(message(format_end_weights(crossed)), "w: least_s 0.5 above most_s 0.25");
  EXPECT_EQ(message(good + "pause\t0\n").substr(0, 2), "w:");
  EXPECT_NE(message(good + "pause\t0\n").find("there already"), std::string::npos);
  for (const char* line : {"silence 1", "silence\t", "silence\tnan", "silence\t1x", "silence"})
    EXPECT_NE(message(line).find("wanted a name, a tab and a number"), std::string::npos) << line;
}

TEST(SentenceEnds, KnowsItsWordsAndOthers) {
  EXPECT_EQ(SentenceEnds().after("THE"), 0);
  const auto ends = SentenceEnds::parse("# a comment\nTHE\t-3.5\nother\t0.5\n", "e");
  ASSERT_TRUE(ends);
  EXPECT_EQ(ends->after("THE"), -3.5F);
  EXPECT_EQ(ends->after("HOUSE"), 0.5F);
  EXPECT_FALSE(SentenceEnds::parse("THE\t-3.5\n", "e")) << "'other' is missing";
  EXPECT_FALSE(SentenceEnds::parse("THE\t1\nTHE\t2\nother\t0\n", "e"));
  EXPECT_FALSE(SentenceEnds::open("/nowhere/at.all"));
  const auto ours = SentenceEnds::open(PIPIT_SOURCE_DIR "/models/english.ends");
  ASSERT_TRUE(ours) << ours.error().message;
  EXPECT_LT(ours->after("THE"), -2);
  EXPECT_GT(ours->after("AGAIN"), 1);
}

TEST(HasEnded, LessPatienceIsNeverLater) {
  Random random(4);
  for (int trial = 0; trial < 1000; ++trial) {
    const EndWeights weights = some_weights(random);
    const Evidence evidence = some_evidence(random);
    const double patience_s = random.uniform(0.1, 2);
    if (has_ended(evidence, weights, {}, patience_s)) {
      EXPECT_TRUE(has_ended(evidence, weights, {}, patience_s - random.uniform(0, 1)));
    }
  }
}

TEST(HasEnded, NoSpeechIsCutAndNoSilenceIsEndless) {
  const EndOptions options;
  EndWeights eager, stubborn;
  eager.offset_s = 100, stubborn.offset_s = -100;
  eager.most_s = 0.5, stubborn.least_s = -0.2;
  Evidence evidence{};
  EXPECT_FALSE(has_ended(evidence, eager, options, 0.05)) << "the speaker speaks";
  evidence[kSilence] = 1.01F;
  EXPECT_TRUE(has_ended(evidence, stubborn, options, 0.7)) << "however unfinished it sounds";
}

}  // namespace
}  // namespace pipit
