// apps/end_fit.h — an end-pointer tried on what was seen at every tick, without decoding again; weights fitted to it.
#pragma once
#include <vector>

#include "endpoint/cadence.h"
#include "endpoint/turn_machine.h"

namespace pipit {

/// What the end-pointers saw of one sound that no one ended.
struct Track {
  struct Pause {
    std::size_t tick = 0;
    std::vector<float> heard;  ///< what cadence is asked about
  };
  std::vector<TurnTick> ticks;
  std::vector<Pause> pauses;
  std::int64_t end = 0;  ///< the first tick after the true end of speech
};

/// The first tick that ends the turn; -1: none does.
std::int64_t first_end(const Track& track, const EndWeights& weights, const EndOptions& options, double patience_s);

/// What one patience comes to. Latency: from the true end to the first end, of the tracks that were not cut.
struct EndPoint {
  double patience_s = 0, early = 0, median_s = 0, p90_s = 0;
};
EndPoint try_patience(const std::vector<Track>& tracks,
                      const EndWeights& weights,
                      const EndOptions& options,
                      double patience_s);
/// From 0.1 s to 2.4 s.
std::vector<EndPoint> try_all(const std::vector<Track>& tracks, const EndWeights& weights, const EndOptions& options);

/// Logistic regression: is this pause behind the true end? Of the others those count that last long enough to tempt.
Cadence fit_cadence(const std::vector<Track>& tracks);

/// Logistic regression: is this silent tick behind the true end? `used`: the evidence that may count, kSilence first.
/// Divided by the silence's weight; then scale and bounds are those of a small grid that, at 2 % of early ends and 8 %
/// of wrong speculations, have the least median latency, and 90 % no more than 0.1 s later than silence alone. Shifted
/// so that the median over all ticks behind an end is plain silence.
EndWeights fit_end_weights(const std::vector<Track>& tracks,
                           const std::vector<EvidenceOf>& used,
                           const EndOptions& options);

}  // namespace pipit
