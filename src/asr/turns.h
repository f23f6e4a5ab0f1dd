// asr/turns.h — a stream of sound cut into turns: a recogniser, and two end-pointers that listen beside it.
// Source: papers.md B3, B7.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "asr/recogniser.h"
#include "endpoint/cadence.h"
#include "endpoint/turn_machine.h"
#include "endpoint/voice_activity.h"

namespace pipit {

struct TurnOptions {
  RecogniserOptions search;
  EndOptions end;
  EndWeights weights;
  SentenceEnds sentence_ends;
  Cadence cadence;  ///< of Cadence::kParts * Transducer::heard_dim() numbers, or of none
  VoiceOptions voice;
  /// The encoder goes on into the next turn with what it has heard, as context; otherwise each turn begins as new.
  bool carry_context = true;
};

struct TurnEvent {
  enum class Kind {
    Partial,      ///< endpoint not in sight: the best text changed
    Speculative,  ///< endpoint_speculative: probably over; work on this text may begin
    Revised,      ///< that was wrong: reset the work of `speculation`; the text is the newest
    Final,        ///< endpoint_final: over. `speculation` >= 0: this is the text of that one, its work stands
  };
  Kind kind = Kind::Partial;
  int turn = 0;           ///< from 0
  int speculation = -1;   ///< number within the turn, -1: none
  double at_s = 0;        ///< sound that was needed for it, since the first sample
  Transcript transcript;  ///< of this turn; times since the first sample
};

/// "partial", "endpoint_speculative", "revised", "endpoint_final".
std::string_view name_of(TurnEvent::Kind kind);

/// One stream. Events depend on the sound alone, not on how it was cut; the finals are those that the final end-pointer
/// would give by itself (end.lead_s = 0). Log-mel frames are computed once for both.
///
/// Memory    bounded but for the words of one turn and the events not yet taken.
/// Threads   one per stream; many may share a model.
class Turns {
 public:
  Turns(const Transducer& model, const TurnOptions& options);
  ~Turns();
  Turns(Turns&&) noexcept;
  Turns& operator=(Turns&&) noexcept;

  /// 16 kHz, nominally [-1, 1].
  void push(std::span<const float> samples);
  /// No more will come: what was heard of a turn is final.
  void finish();
  /// What happened since the last call, oldest first.
  std::vector<TurnEvent> take();

  /// The newest tick, and how many there were (one for each 10 ms frame): for measurements.
  const TurnTick& tick() const;
  std::int64_t num_ticks() const;
  /// How often the voice has stopped, and what cadence was asked about the last time.
  std::int64_t num_pauses() const;
  std::span<const float> heard_at_pause() const;
  /// The best text of the turn so far.
  const Transcript& text() const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace pipit
