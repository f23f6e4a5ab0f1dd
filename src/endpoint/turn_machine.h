// endpoint/turn_machine.h — two end-pointers side by side: the speculative one says early what the final one will
// probably say, and takes it back where it was wrong.   Source: papers.md B3.
//
// In a turn:   (Speculative (Revised Speculative)* Revised?)? Final, or Final alone.
// - Exactly one Final per turn, and when it comes does not depend on the speculative one: with or without it, the turns
//   are the same.
// - A speculation stands until Final confirms it (same labels) or Revised withdraws it, at once when the speaker goes
//   on or the best text changes. Revised comes before Final, never after. The next guess has the next number.
// - While one stands, firing again says nothing.
#pragma once
#include <cstdint>

#include "endpoint/end_pointer.h"

namespace pipit {

/// What is known at one tick of 10 ms.
struct TurnTick {
  Evidence evidence{};
  std::uint64_t labels = 0;  ///< names the best text: another one has another number
  bool any_label = false;    ///< nothing ends before something was heard
  bool voice = false;
};

struct TurnSignals {
  bool revised = false, speculative = false, final = false;  ///< in this order
  int withdrawn = -1;                                        ///< number of the speculation taken back
  /// Of the one that stands: begun with this tick, or confirmed by Final; -1: none.
  int speculation = -1;
};

class TurnMachine {
 public:
  TurnMachine(const EndWeights& weights, const EndOptions& options) : weights_(weights), options_(options) {}

  /// The turn goes on. After a Final the next tick is the next turn's first.
  TurnSignals step(const TurnTick& tick);
  /// The sound has ended: whatever was heard is final.
  TurnSignals finish(const TurnTick& last);

 private:
  TurnSignals close(TurnSignals signals);
  void withdraw(TurnSignals& signals);

  EndWeights weights_;
  EndOptions options_;
  int next_ = 0, standing_ = -1;  // speculations of this turn
  std::uint64_t labels_ = 0;      // of the one that stands
};

}  // namespace pipit
