// asr/long_recogniser.h — a sound without end: words come segment by segment, in bounded memory.
#pragma once
#include <functional>
#include <span>

#include "asr/recogniser.h"

namespace pipit {

/// A segment ends where the likeliest hypothesis has said nothing for `pause_s`; not before `least_s`, and the longer
/// it lasts the shorter a pause will do, down to none at all at `most_s`. A sound shorter than least_s is one segment:
/// its words are those of a plain Recogniser.
struct SegmentOptions {
  double least_s = 20, most_s = 60, pause_s = 0.6;  ///< 0 <= least_s < most_s
};

/// The search starts anew with each segment; encoder and normalisation carry on.
///
/// In        as Recogniser: the words do not depend on how the sound is cut.
/// Memory    bounded, words included: they are handed over and forgotten.
/// Threads   one per stream.
class LongRecogniser {
 public:
  /// Told of every segment when it ends, one of silence too: the recogniser shows what was heard in it, with times
  /// since the segment's begin, which lies at `begin_s` of the sound.
  using Tell = std::function<void(double begin_s, const Recogniser&)>;

  LongRecogniser(const Transducer& model, const RecogniserOptions& options, const SegmentOptions& segments, Tell tell);

  void push(std::span<const float> samples);
  /// No more will come: the last segment ends.
  void finish();

  /// What stands of the segment that is under way, times since the first sample; may still change.
  Transcript partial() const { return later(recogniser_.partial(), begin_s_); }
  double seconds_decoded() const { return begin_s_ + recogniser_.seconds_decoded(); }

 private:
  bool ends() const;
  void end_segment();

  Recogniser recogniser_;
  SegmentOptions segments_;
  Tell tell_;
  std::vector<Alive> alive_;
  double begin_s_ = 0;  // of the segment
  std::size_t piece_;   // samples of one step
};

}  // namespace pipit
