#include "endpoint/voice_activity.h"

#include <algorithm>
#include <cmath>

namespace pipit {

void VoiceActivity::reset() {
  num_frames_ = 0;
  threshold_ = 0;
  tail_.fill(0);
  start_turn();
}

void VoiceActivity::start_turn() {
  silent_ = num_voiced_ = 0;
  run_ = 0;
  any_ = false;
  voiced_sum_ = 0;
  fall_ = 0;
}

void VoiceActivity::push(std::span<const float> log_mel) {
  constexpr float kSilence = -23;  // the floor of log-mel frames
  double sum = 0;
  for (const float v : log_mel) sum += std::isfinite(v) ? v : kSilence;
  const auto now = static_cast<float>(log_mel.empty() ? kSilence : sum / static_cast<double>(log_mel.size()));
  if (num_frames_ == 0) recent_.fill(now);
  std::rotate(recent_.begin(), recent_.begin() + 1, recent_.end());
  recent_.back() = now;
  const float level = (recent_[0] + recent_[1] + recent_[2]) / 3;

  if (num_frames_ == 0) {
    lowest_.fill(level);
    highest_.fill(level);
  }
  if (num_frames_ % kBlock == 0) {
    std::rotate(lowest_.begin(), lowest_.begin() + 1, lowest_.end());
    std::rotate(highest_.begin(), highest_.begin() + 1, highest_.end());
    lowest_.back() = highest_.back() = level;
  }
  lowest_.back() = std::min(lowest_.back(), level);
  highest_.back() = std::max(highest_.back(), level);
  const float floor = *std::min_element(lowest_.begin(), lowest_.end());
  const float loudest = *std::max_element(highest_.begin(), highest_.end());
  threshold_ = floor + options_.share * std::max(loudest - floor, options_.least_range);

  tail_[static_cast<std::size_t>(num_frames_ % kTail)] = level;
  ++num_frames_;
  run_ = level > threshold_ ? run_ + 1 : 0;
  if (run_ > 0) {
    voiced_sum_ += static_cast<double>(level);
    ++num_voiced_;
  }
  if (!voice()) return void(++silent_);
  silent_ = 0;
  any_ = true;
  double last = 0;
  for (const float v : tail_) last += static_cast<double>(v);
  fall_ = static_cast<float>(voiced_sum_ / static_cast<double>(num_voiced_) - last / kTail);
}

}  // namespace pipit
