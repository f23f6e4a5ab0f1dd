// endpoint/end_pointer.h — has the turn ended? One decision for each tick, from that tick's evidence alone.
#pragma once
#include "endpoint/evidence.h"

namespace pipit {

struct EndOptions {
  double patience_s = 0.85;  ///< silence that ends a turn, as it counts (EndWeights::silence_s)
  double least_s = 0.2;      ///< real silence below which nothing ends: by then cadence has been asked
  double lead_s = 0.2;       ///< the speculative end-pointer has so much less patience; 0: there is none
};

/// Whether the turn is over for somebody with so much patience. More evidence never undoes it, less patience never
/// delays it.
inline bool has_ended(const Evidence& evidence,
                      const EndWeights& weights,
                      const EndOptions& options,
                      double patience_s) {
  return static_cast<double>(evidence[kSilence]) >= options.least_s && weights.silence_s(evidence) >= patience_s;
}

}  // namespace pipit
