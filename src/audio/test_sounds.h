// audio/test_sounds.h — for tests: sounds of known frequency and level, and files of them.
#pragma once
#include <sndfile.h>

#include <cmath>
#include <complex>
#include <cstddef>
#include <cstring>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"

namespace pipit {

inline std::vector<float> tone(double hz, double amplitude, std::size_t n, double rate_hz = 16000) {
  std::vector<float> samples(n);
  for (std::size_t i = 0; i < n; ++i)
    samples[i] =
        static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz + 0.3));
  return samples;
}

inline std::vector<float> noise(std::uint64_t seed, double deviation, std::size_t n) {
  Random random(seed);
  std::vector<float> samples(n);
  for (float& x : samples) x = static_cast<float>(deviation * random.normal());
  return samples;
}

/// Amplitude of the sine at `hz` in the middle half of the samples, by correlation under a Hann window.
inline double amplitude_at(std::span<const float> samples, double hz, double rate_hz = 16000) {
  const std::size_t n = samples.size() / 2, from = samples.size() / 4;
  std::complex<double> sum = 0;
  double weights = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double turn = 2 * std::numbers::pi * static_cast<double>(i);
    const double w = 0.5 - 0.5 * std::cos(turn / static_cast<double>(n));
    sum += w * static_cast<double>(samples[from + i]) * std::polar(1.0, -turn * hz / rate_hz);
    weights += w;
  }
  return 2 * std::abs(sum) / weights;
}

/// A file in memory, as libsndfile writes it; `samples` are frames of `channels`. Empty when libsndfile cannot.
inline std::string encode(int format, int rate_hz, int channels, std::span<const float> samples) {
  struct Growing {
    std::string bytes;
    std::size_t at = 0;
  } file;
  SF_VIRTUAL_IO io{[](void* user) { return static_cast<sf_count_t>(static_cast<Growing*>(user)->bytes.size()); },
                   [](sf_count_t offset, int whence, void* user) {
                     auto& f = *static_cast<Growing*>(user);
                     const std::size_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? f.at : f.bytes.size();
                     f.at = base + static_cast<std::size_t>(offset);
                     return static_cast<sf_count_t>(f.at);
                   },
                   [](void* to, sf_count_t n, void* user) {
                     auto& f = *static_cast<Growing*>(user);
                     const std::size_t some =
                         std::min(static_cast<std::size_t>(n), f.bytes.size() - std::min(f.at, f.bytes.size()));
                     std::memcpy(to, f.bytes.data() + f.at, some);
                     f.at += some;
                     return static_cast<sf_count_t>(some);
                   },
                   [](const void* from, sf_count_t n, void* user) {
                     auto& f = *static_cast<Growing*>(user);
                     const auto count = static_cast<std::size_t>(n);
                     if (f.bytes.size() < f.at + count) f.bytes.resize(f.at + count);
                     std::memcpy(f.bytes.data() + f.at, from, count);
                     f.at += count;
                     return n;
                   },
                   [](void* user) { return static_cast<sf_count_t>(static_cast<Growing*>(user)->at); }};
  SF_INFO info{};
  info.samplerate = rate_hz;
  info.channels = channels;
  info.format = format;
  SNDFILE* const out = sf_open_virtual(&io, SFM_WRITE, &info, &file);
  if (out == nullptr) return {};
  sf_writef_float(out, samples.data(), static_cast<sf_count_t>(samples.size()) / channels);
  sf_close(out);
  return file.bytes;
}

}  // namespace pipit
