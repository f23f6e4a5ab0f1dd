// endpoint/end_pointer.h — has the turn ended? One decision for each tick, from that tick's evidence alone.
#pragma once
#include "endpoint/evidence.h"

namespace pipit {

struct EndOptions {
  double patience_s = 0.7;  ///< silence that ends a turn, as it counts (EndWeights::silence_s)
  /// Real silence that ends a turn whatever else speaks against it: patience + grace.
  double grace_s = 0.8;
  double least_s = 0.1;  ///< real silence below which nothing ends
  double lead_s = 0.2;   ///< the speculative end-pointer has so much less patience; 0: there is none
};

/// Whether the turn is over for somebody with so much patience. More evidence never undoes it, less patience never
/// delays it.
inline bool has_ended(const Evidence& evidence,
                      const EndWeights& weights,
                      const EndOptions& options,
                      double patience_s) {
  const auto silence_s = static_cast<double>(evidence[kSilence]);
  return silence_s >= options.least_s &&
         (weights.silence_s(evidence) >= patience_s || silence_s >= patience_s + options.grace_s);
}

}  // namespace pipit
