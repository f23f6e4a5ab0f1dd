// apps/turn_sounds.h — clips made into what an end-pointer is tried on: pauses inside sentences, silence behind them.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "asr/align.h"
#include "audio/audio_file.h"
#include "audio/corpus.h"

namespace pipit {

struct TurnSoundOptions {
  int pauses = 2;  ///< put into a clip at most, each between words that follow without one
  double shortest_s = 0.2, longest_s = 1.0;
  double silence_s = 2.5;  ///< behind the clip
  /// The speaker's own pauses are shortened to that: a reader rests between sentences, and nobody can hear there
  /// whether the next one will follow. Infinite: they stay as they are.
  double own_s = std::numeric_limits<double>::infinity();
  std::uint64_t seed = 1;
};

struct SilentSpan {
  double begin_s = 0, length_s = 0;
  bool inserted = false;  ///< by us; else the speaker's own, 0.2 s or longer
};

struct TurnSound {
  std::vector<float> samples;
  double start_s = 0, end_s = 0;  ///< first and last voice
  double aligned_end_s = 0;       ///< where the last word's last piece is aligned
  bool by_alignment = false;  ///< voice went on more than 0.4 s behind it (a breath, a click): not counted as speech
  std::vector<SilentSpan> pauses;  ///< in order
};

/// Voice is where a frame's level (mean log-mel of three) stands above floor + 0.3 (loud - floor), floor and loud being
/// the clip's quantiles 0.03 and 0.9, for three frames in a row: seen from the whole clip, not as the runtime sees it.
/// A pause is placed at the quietest frame within 120 ms of the aligned end of a word, where no pause of 0.2 s is near.
/// It and the silence are noise made of grains (20 ms, overlapping, signs and places at random) of the clip's quietest
/// 200 ms. Without words that can be aligned, or without voice: no samples.
TurnSound make_turn_sound(const Transducer& model,
                          const Clip& clip,
                          const Audio& audio,
                          const TurnSoundOptions& options);

}  // namespace pipit
