#include "endpoint/turn_machine.h"

#include <utility>

namespace pipit {

void TurnMachine::withdraw(TurnSignals& signals) {
  if (standing_ < 0) return;
  signals.revised = true;
  signals.withdrawn = std::exchange(standing_, -1);
}

TurnSignals TurnMachine::step(const TurnTick& tick) {
  TurnSignals signals;
  if (tick.voice || tick.labels != labels_) withdraw(signals);
  if (!tick.any_label) return signals;
  if (has_ended(tick.evidence, weights_, options_, options_.patience_s)) return close(signals);
  if (options_.lead_s > 0 && standing_ < 0 && !tick.voice &&
      has_ended(tick.evidence, weights_, options_, options_.patience_s - options_.lead_s)) {
    standing_ = next_++;
    labels_ = tick.labels;
    signals.speculative = true;
  }
  signals.speculation = standing_;
  return signals;
}

TurnSignals TurnMachine::finish(const TurnTick& last) {
  TurnSignals signals;
  if (last.labels != labels_) withdraw(signals);
  return last.any_label ? close(signals) : signals;
}

TurnSignals TurnMachine::close(TurnSignals signals) {
  signals.final = true;
  signals.speculation = standing_;
  standing_ = -1;
  next_ = 0;
  return signals;
}

}  // namespace pipit
