// Log-mel frames: the definition by brute force, the same bits however the samples come, no allocation.
#include "audio/log_mel.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

#include "audio/test_sounds.h"

namespace {
std::atomic<long> allocations = 0;
}
__attribute__((noinline)) void* operator new(std::size_t n) {
  ++allocations;
  if (void* const at = std::malloc(n > 0 ? n : 1)) return at;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* at) noexcept { std::free(at); }
__attribute__((noinline)) void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace pipit {
namespace {

double mel(double hz) { return 2595 * std::log10(1 + hz / 700); }
double hertz(double m) { return 700 * (std::pow(10, m / 2595) - 1); }
double centre_hz(int band) { return hertz(mel(20) + (mel(8000) - mel(20)) / 65 * (band + 1)); }

/// The frame of the header's definition, in fp64, by a DFT that is written out.
std::vector<double> by_definition(std::span<const float> window) {
  std::vector<double> power(257);
  for (int j = 0; j <= 256; ++j) {
    std::complex<double> sum = 0;
    for (int n = 0; n < 400; ++n)
      sum += (0.5 - 0.5 * std::cos(2 * std::numbers::pi * n / 400)) * static_cast<double>(window[n]) *
             std::polar(1.0, -2 * std::numbers::pi * j * n / 512);
    power[j] = std::norm(sum);
  }
  std::vector<double> frame(kNumBands);
  for (int b = 0; b < kNumBands; ++b) {
    const double left = mel(centre_hz(b - 1)), centre = mel(centre_hz(b)), right = mel(centre_hz(b + 1));
    double sum = 0;
    for (int j = 0; j <= 256; ++j) {
      const double m = mel(j * 16000.0 / 512);
      if (m > left && m <= centre) sum += power[j] * (m - left) / (centre - left);
      if (m > centre && m < right) sum += power[j] * (right - m) / (right - centre);
    }
    frame[b] = std::log(std::max(sum, 1e-10));
  }
  return frame;
}

std::vector<float> drain(LogMel& stream) {
  std::vector<float> out;
  std::array<float, kNumBands> frame;
  while (stream.ready() > 0) {
    stream.pop(frame);
    out.insert(out.end(), frame.begin(), frame.end());
  }
  return out;
}

// fp32 of noise that fills all bands: an FFT of 9 levels errs by about 9 * 2^-24 of the spectrum's norm, a weak bin by
// some 30 times that relative to itself, the logarithm of a sum of few by 2e-4 at most: 1e-3 has room for the rare bin.
TEST(LogMel, IsWhatTheDefinitionSays) {
  const auto samples = noise(1, 0.1, 16000);
  const auto frames = log_mel(samples);
  ASSERT_EQ(frames.size(), 98u * kNumBands);
  for (const std::size_t k : {0u, 1u, 50u, 97u}) {
    const auto wanted = by_definition(std::span(samples).subspan(160 * k, 400));
    for (int b = 0; b < kNumBands; ++b)
      EXPECT_NEAR(static_cast<double>(frames[k * kNumBands + b]), wanted[b], 1e-3) << k << ", " << b;
  }
}

TEST(LogMel, AToneIsLoudestInTheBandOfItsFrequency) {
  for (int band = 4; band < kNumBands; ++band) {  // below, bins are wider than bands
    const auto frames = log_mel(tone(centre_hz(band), 0.5, 800));
    const auto loudest = std::max_element(frames.begin(), frames.begin() + kNumBands) - frames.begin();
    EXPECT_NEAR(static_cast<double>(loudest), band, band < 20 ? 1 : 0) << centre_hz(band) << " Hz";
  }
}

// A tone of amplitude a has |X| = a / 2 * (sum of the window = 200) at its bin, 1000 Hz = bin 32 exactly.
TEST(LogMel, LevelIsThatOfTheHeader) {
  const auto loud = log_mel(tone(1000, 1, 400)), soft = log_mel(tone(1000, 0.1, 400));
  const float peak = *std::max_element(loud.begin(), loud.end());
  EXPECT_NEAR(peak, std::log(1e4), 1.0);  // the triangle weighs the bin by 0.5 to 1 and adds its neighbours
  for (int b = 20; b < 30; ++b) EXPECT_NEAR(loud[b] - soft[b], std::log(100), 0.05);
}

TEST(LogMel, SameBitsForAnyChunking) {
  const auto samples = noise(2, 0.2, 20011);
  const auto whole = log_mel(samples);
  ASSERT_EQ(whole.size(), num_frames(samples.size()) * kNumBands);
  for (int seed = 0; seed < 21; ++seed) {  // the last one: a sample at a time
    Random random(seed);
    LogMel stream;
    std::vector<float> out;
    for (std::span<const float> rest = samples; !rest.empty();) {
      const std::size_t most = seed == 20 ? 1 : 1 + random.below(std::uint64_t{1} << (1 + seed % 13));
      const std::size_t n = std::min<std::size_t>(1 + random.below(most), rest.size());
      stream.push(rest.first(n));
      rest = rest.subspan(n);
      if (seed % 3 != 0 || random.below(4) == 0) {
        const auto some = drain(stream);
        out.insert(out.end(), some.begin(), some.end());
      }
    }
    stream.finish();
    const auto last = drain(stream);
    out.insert(out.end(), last.begin(), last.end());
    EXPECT_EQ(out, whole) << "seed " << seed;
  }
}

TEST(LogMel, CountsWholeWindowsOnly) {
  for (const auto& [n, wanted] : {std::pair{0, 0}, {1, 0}, {399, 0}, {400, 1}, {559, 1}, {560, 2}, {16000, 98}}) {
    LogMel stream;
    stream.push(std::vector<float>(n));
    stream.finish();
    EXPECT_EQ(stream.ready(), wanted) << n;
    EXPECT_EQ(num_frames(n), static_cast<std::size_t>(wanted)) << n;
  }
}

TEST(LogMel, SilenceIsTheFloorAndBadSamplesStayInTheirFrames) {
  const auto silent = log_mel(std::vector<float>(4000));
  EXPECT_THAT(silent, testing::Each(testing::FloatEq(std::log(1e-10f))));
  auto samples = noise(4, 0.1, 4000);
  const auto good = log_mel(samples);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e38f}) {
    samples[2000] = bad;
    const auto frames = log_mel(samples);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      ASSERT_TRUE(std::isfinite(frames[i]));
      const std::size_t k = i / kNumBands;
      const bool inside = 2000 >= 160 * k && 2000 < 160 * k + 400;
      ASSERT_TRUE(inside || frames[i] == good[i]) << i;
    }
  }
}

TEST(LogMel, ResetForgets) {
  const auto samples = noise(5, 0.1, 2000);
  LogMel stream;
  stream.push(noise(6, 1, 777));
  stream.finish();
  stream.reset();
  stream.push(samples);
  EXPECT_EQ(drain(stream), log_mel(samples));
}

TEST(LogMel, AllocatesNothingOnceWarm) {
  const auto samples = noise(7, 0.1, 16000);
  LogMel stream;
  std::array<float, kNumBands> frame;
  const auto run = [&](std::size_t chunk) {
    for (std::size_t at = 0; at + chunk <= samples.size(); at += chunk) {
      stream.push(std::span(samples).subspan(at, chunk));
      while (stream.ready() > 0) stream.pop(frame);
    }
  };
  run(3200);
  const long before = allocations;
  for (const std::size_t chunk : {1u, 160u, 777u, 3200u}) run(chunk);
  EXPECT_EQ(allocations - before, 0);
}

TEST(LogMelDeath, MisuseStops) {
  LogMel stream;
  std::array<float, kNumBands> frame;
  EXPECT_DEATH(stream.pop(frame), "no frame is ready");
  stream.finish();
  EXPECT_DEATH(stream.push(frame), "after finish");
}

}  // namespace
}  // namespace pipit
