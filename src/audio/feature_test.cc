// Normalised, stacked features: the formula of the header, causal, the same bits for any chunking.
#include <gmock/gmock.h>

#include <limits>

#include "audio/feature_stream.h"
#include "audio/test_sounds.h"

namespace pipit {
namespace {

FeatureNorm some_norm() {
  FeatureNorm norm;
  for (int b = 0; b < kNumBands; ++b) {
    norm.mean[b] = -8.0f + 0.1f * static_cast<float>(b);
    norm.inverse_deviation[b] = 0.2f + 0.01f * static_cast<float>(b);
  }
  return norm;
}

std::vector<float> drain(FeatureStream& stream) {
  std::vector<float> out, features(stream.width());
  while (stream.ready() > 0) {
    stream.pop(features);
    out.insert(out.end(), features.begin(), features.end());
  }
  return out;
}

std::vector<float> all_of(const FeatureNorm& norm, int stack, std::span<const float> samples) {
  FeatureStream stream(norm, stack);
  stream.push(samples);
  stream.finish();
  return drain(stream);
}

// A float of at most 10 in size, times the deviation below 1: half a step is 2^-22; fp64 sums add nothing visible.
TEST(RunningNorm, IsTheFormula) {
  const FeatureNorm norm = some_norm();
  RunningNorm running(norm);
  const auto values = noise(1, 2, std::size_t{500} * kNumBands);
  for (int pass = 0; pass < 2; ++pass) {
    for (int t = 0; t < 500; ++t) {
      std::array<float, kNumBands> frame;
      std::copy_n(values.begin() + t * kNumBands, kNumBands, frame.begin());
      running.apply(frame);
      if (t % 50 != 0) continue;
      for (int b = 0; b < kNumBands; ++b) {
        long double sum = 300.0L * static_cast<long double>(norm.mean[b]);
        for (int i = 0; i <= t; ++i) sum += static_cast<long double>(values[i * kNumBands + b]);
        const long double wanted = (static_cast<long double>(values[t * kNumBands + b]) - sum / (300.0L + t + 1)) *
                                   static_cast<long double>(norm.inverse_deviation[b]);
        ASSERT_NEAR(static_cast<double>(frame[b]), static_cast<double>(wanted), 0x1p-20) << t << ", " << b;
      }
    }
    running.reset();
  }
}

TEST(RunningNorm, WithoutAPriorTheFirstFrameIsZero) {
  FeatureNorm norm = some_norm();
  norm.prior_frames = 0;
  RunningNorm running(norm);
  std::array<float, kNumBands> frame;
  frame.fill(-3.5f);
  running.apply(frame);
  EXPECT_THAT(frame, testing::Each(0.0f));
}

// Ten hours: a constant frame is away from its mean by prior * (x - mean) / (prior + t + 1), to fp64.
TEST(RunningNorm, TenHoursDoNotDrift) {
  FeatureNorm norm;
  norm.mean.fill(-8);
  RunningNorm running(norm);
  std::array<float, kNumBands> frame;
  const int n = 3600 * 1000;
  for (int t = 0; t < n; ++t) {
    frame.fill(-7.3f);
    running.apply(frame);
  }
  EXPECT_NEAR(static_cast<double>(frame[0]), 300 * 0.7 / (300.0 + n), 4e-9);
}

TEST(FeatureStream, StacksConsecutiveFramesAndDropsTheIncomplete) {
  const auto samples = noise(2, 0.1, 16000);  // 98 frames
  const auto single = all_of(some_norm(), 1, samples);
  ASSERT_EQ(single.size(), 98u * kNumBands);
  for (const int stack : {2, 3, 6, 98, 99}) {
    const auto stacked = all_of(some_norm(), stack, samples);
    ASSERT_EQ(stacked.size(), static_cast<std::size_t>(98 / stack * stack * kNumBands)) << stack;
    EXPECT_TRUE(std::equal(stacked.begin(), stacked.end(), single.begin())) << stack;
  }
}

TEST(FeatureStream, SameBitsForAnyChunkingAndAfterReset) {
  const auto samples = noise(3, 0.1, 30001);
  const auto whole = all_of(some_norm(), 3, samples);
  FeatureStream stream(some_norm(), 3);
  for (int seed = 0; seed < 20; ++seed) {
    Random random(seed);
    std::vector<float> out;
    for (std::span<const float> rest = samples; !rest.empty();) {
      const std::size_t n = std::min<std::size_t>(random.below(std::uint64_t{2} << (seed % 12)), rest.size());
      stream.push(rest.first(n));
      rest = rest.subspan(n);
      const auto some = drain(stream);
      out.insert(out.end(), some.begin(), some.end());
    }
    stream.finish();
    EXPECT_EQ(out, whole) << seed;
    stream.reset();
  }
}

// Causal: what comes later changes nothing before.
TEST(FeatureStream, TheFutureIsNotUsed) {
  auto samples = noise(4, 0.1, 16000);
  const auto before = all_of(some_norm(), 1, samples);
  for (std::size_t i = 8000; i < samples.size(); ++i) samples[i] = 0;
  const auto after = all_of(some_norm(), 1, samples);
  const std::size_t untouched = num_frames(8000) * kNumBands;
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(untouched), after.begin()));
  EXPECT_NE(before, after);
}

TEST(FeatureNorm, TextReadsBackBitForBit) {
  FeatureNorm norm;
  const auto values = noise(5, 1, kNumBands);
  for (int b = 0; b < kNumBands; ++b) {
    norm.mean[b] = values[b];
    norm.inverse_deviation[b] = std::abs(values[b]) + 1e-6f;
  }
  const auto read = parse_feature_norm(format_feature_norm(norm), "norm.tsv");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->mean, norm.mean);
  EXPECT_EQ(read->inverse_deviation, norm.inverse_deviation);
}

TEST(FeatureNorm, BadTextIsNamedByLine) {
  const std::string good = format_feature_norm({});
  EXPECT_EQ(parse_feature_norm("", "n").error().message, "n: 0 lines, wanted 64");
  for (const char* const line : {"0\t0\n", "nan\t1\n", "1\n", "1\t1\t1\n", "\n"})
    EXPECT_THAT(parse_feature_norm(line + good, "n").error().message, testing::HasSubstr("n:1: found")) << line;
  EXPECT_THAT(parse_feature_norm(good + "0\t1\n", "n").error().message, testing::HasSubstr("n:65: found"));
}

TEST(FeatureDeath, MisuseStops) {
  EXPECT_DEATH(FeatureStream(FeatureNorm(), 0), "stack");
  FeatureStream stream(FeatureNorm(), 3);
  std::vector<float> features(3 * kNumBands);
  EXPECT_DEATH(stream.pop(features), "no vector is ready");
  stream.push(std::vector<float>(1000));
  features.pop_back();
  EXPECT_DEATH(stream.pop(features), "length");
  FeatureNorm bad;
  bad.mean[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_DEATH(RunningNorm{bad}, "not finite");
}

}  // namespace
}  // namespace pipit
