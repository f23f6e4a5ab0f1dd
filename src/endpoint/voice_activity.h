// endpoint/voice_activity.h — is somebody speaking? Energy over a floor that follows the noise.
// Legend   nat: a natural logarithm of energy, as in log-mel frames; 1 nat = 4.3 dB.
#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace pipit {

struct VoiceOptions {
  /// Voice is what stands above floor + share * (loudest - floor), of the last seconds.
  float share = 0.3F;
  float least_range = 5;  ///< nats that the loudest is taken to stand above the floor at least
};

/// One stream of 10 ms frames. A frame's level is its mean over the bands, over three frames; floor and loudest are the
/// lowest and highest level of the last 5 to 5.5 s. Voice are five levels in a row above the threshold: a click
/// of 20 ms is none.   Same answer however the sound was cut; nothing is allocated.
class VoiceActivity {
 public:
  explicit VoiceActivity(const VoiceOptions& options = {}) : options_(options) { reset(); }

  /// Natural logarithms of the bands' energies, any number of bands. What is not finite counts as silence.
  void push(std::span<const float> log_mel);
  /// As new.
  void reset();
  /// A new turn: nothing was said yet; floor and loudest stay.
  void start_turn();

  bool voice() const { return run_ >= kLeastRun; }
  bool any_voice() const { return any_; }  ///< in this turn
  /// Since the last frame of voice; since the turn's start where there was none.
  double silence_s() const { return 0.01 * static_cast<double>(silent_); }
  /// How much quieter the last 200 ms of voice were than the voice of this turn, nats: a voice falls where a sentence
  /// ends. 0 before there is voice.
  float fall() const { return fall_; }
  float threshold() const { return threshold_; }

 private:
  static constexpr int kLeastRun = 5, kBlock = 50, kBlocks = 10, kTail = 20;
  VoiceOptions options_;
  std::array<float, 3> recent_{};
  std::array<float, kBlocks> lowest_{}, highest_{};  // of blocks of 0.5 s, the newest last
  std::array<float, kTail> tail_{};                  // levels of the last 200 ms
  std::int64_t num_frames_ = 0, silent_ = 0, num_voiced_ = 0;
  int run_ = 0;
  bool any_ = false;
  double voiced_sum_ = 0;
  float threshold_ = 0, fall_ = 0;
};

}  // namespace pipit
