#include "asr/long_recogniser.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/contract.h"

namespace pipit {

LongRecogniser::LongRecogniser(const Transducer& model,
                               const RecogniserOptions& options,
                               const SegmentOptions& segments,
                               Tell tell)
    : recogniser_(model, options), segments_(segments), tell_(std::move(tell)) {
  expects(segments.least_s >= 0 && segments.least_s < segments.most_s, "LongRecogniser: 0 <= least_s < most_s");
  piece_ = static_cast<std::size_t>(std::lround(recogniser_.step_s() * 16000));
}

// So few samples at a time that each push makes one step at most: segments end at the same step however sound is cut.
void LongRecogniser::push(std::span<const float> samples) {
  while (!samples.empty()) {
    const std::size_t n = std::min(piece_, samples.size());
    const int before = recogniser_.steps();
    recogniser_.push(samples.first(n));
    samples = samples.subspan(n);
    if (recogniser_.steps() == before || recogniser_.seconds_decoded() < segments_.least_s) continue;
    recogniser_.alive(alive_);
    if (ends()) end_segment();
  }
}

void LongRecogniser::finish() {
  recogniser_.finish();
  end_segment();
}

bool LongRecogniser::ends() const {
  const auto best = std::max_element(
      alive_.begin(), alive_.end(), [](const Alive& a, const Alive& b) { return a.log_score < b.log_score; });
  const double pause_s = (recogniser_.steps() - 1 - best->last_frame) * recogniser_.step_s();
  const double over = (recogniser_.seconds_decoded() - segments_.least_s) / (segments_.most_s - segments_.least_s);
  return pause_s >= segments_.pause_s * (1 - over);
}

void LongRecogniser::end_segment() {
  tell_(begin_s_, recogniser_);
  begin_s_ += recogniser_.seconds_decoded();
  recogniser_.start_turn();
}

}  // namespace pipit
