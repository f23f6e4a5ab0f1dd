#include "audio/log_mel.h"

#include <kiss_fftr.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <new>
#include <numbers>

#include "audio/audio_file.h"
#include "base/contract.h"

namespace pipit {
namespace {

constexpr int kPoints = 512, kBins = kPoints / 2 + 1;
constexpr double kLowest_hz = 20, kHighest_hz = 8000;
constexpr float kFloor = 1e-10f, kCeiling = 1e20f;

double mel(double hz) { return 2595 * std::log10(1 + hz / 700); }

/// Window and triangles, the same for every stream.
struct Tables {
  struct Band {
    int first_bin = 0;
    std::size_t first_weight = 0;
    int num_bins = 0;
  };
  std::array<float, kWindow_samples> window;
  std::array<Band, kNumBands> bands;
  std::vector<float> weights;

  Tables() {
    for (int n = 0; n < kWindow_samples; ++n)
      window[n] = static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * n / kWindow_samples));
    const double low = mel(kLowest_hz), step = (mel(kHighest_hz) - low) / (kNumBands + 1);
    for (int b = 0; b < kNumBands; ++b) {
      const double centre = low + step * (b + 1);
      Band& band = bands[b];
      band.first_weight = weights.size();
      for (int j = 0; j < kBins; ++j) {
        const double weight = 1 - std::abs(mel(static_cast<double>(j) * kSampleRate / kPoints) - centre) / step;
        if (weight <= 0) continue;
        if (band.num_bins++ == 0) band.first_bin = j;
        weights.push_back(static_cast<float>(weight));
      }
    }
  }
};

const Tables& tables() {
  static const Tables shared;
  return shared;
}

struct Free {
  void operator()(kiss_fftr_state* plan) const { kiss_fftr_free(plan); }
};

}  // namespace

struct LogMel::Transform {
  std::unique_ptr<kiss_fftr_state, Free> plan{kiss_fftr_alloc(kPoints, 0, nullptr, nullptr)};
  std::array<float, kPoints> time{};  // stays zero behind the window
  std::array<kiss_fft_cpx, kBins> spectrum;
  std::array<float, kBins> power;
  const Tables& table = tables();

  Transform() {
    if (!plan) throw std::bad_alloc();
  }

  void run(const float* samples, std::span<float, kNumBands> frame) {
    for (int n = 0; n < kWindow_samples; ++n) time[n] = samples[n] * table.window[n];
    kiss_fftr(plan.get(), time.data(), spectrum.data());
    for (int j = 0; j < kBins; ++j) power[j] = spectrum[j].r * spectrum[j].r + spectrum[j].i * spectrum[j].i;
    for (int b = 0; b < kNumBands; ++b) {
      const Tables::Band& band = table.bands[b];
      float sum = 0;
      for (int j = 0; j < band.num_bins; ++j) sum += table.weights[band.first_weight + j] * power[band.first_bin + j];
      frame[b] = std::log(sum > kFloor ? std::min(sum, kCeiling) : kFloor);  // NaN becomes the floor
    }
  }
};

LogMel::LogMel() : transform_(std::make_unique<Transform>()) { samples_.reserve(8 * kWindow_samples); }
LogMel::LogMel(LogMel&&) noexcept = default;
LogMel& LogMel::operator=(LogMel&&) noexcept = default;
LogMel::~LogMel() = default;

void LogMel::push(std::span<const float> samples) {
  expects(!finished_, "LogMel::push after finish");
  // When the rest moves to the front, at least half as many samples as it has fit in before it moves again.
  const std::size_t needed = samples_.size() - begin_ + samples.size();
  if (samples_.size() + samples.size() > samples_.capacity()) {
    samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
    if (samples_.capacity() < needed + needed / 2) samples_.reserve(2 * needed);
  }
  samples_.insert(samples_.end(), samples.begin(), samples.end());
}

int LogMel::ready() const { return static_cast<int>(num_frames(samples_.size() - begin_)); }

void LogMel::pop(std::span<float, kNumBands> frame) {
  expects(ready() > 0, "LogMel::pop: no frame is ready");
  transform_->run(samples_.data() + begin_, frame);
  begin_ += kHop_samples;
}

void LogMel::reset() {
  samples_.clear();
  begin_ = 0;
  finished_ = false;
}

std::vector<float> log_mel(std::span<const float> samples) {
  std::vector<float> frames(num_frames(samples.size()) * kNumBands);
  LogMel stream;
  constexpr std::size_t kBlock = 1 << 14;  // keeps the copy of the samples small
  float* out = frames.data();
  for (std::size_t at = 0; at < samples.size(); at += kBlock) {
    stream.push(samples.subspan(at, std::min(kBlock, samples.size() - at)));
    for (; stream.ready() > 0; out += kNumBands) stream.pop(std::span<float, kNumBands>(out, kNumBands));
  }
  return frames;
}

}  // namespace pipit
