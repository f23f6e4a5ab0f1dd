#include "end_fit.h"

#include <algorithm>
#include <cmath>

#include "base/logistic.h"
#include "statistics.h"

namespace pipit {

std::int64_t first_end(const Track& track, const EndWeights& weights, const EndOptions& options, double patience_s) {
  for (std::size_t t = 0; t < track.ticks.size(); ++t)
    if (track.ticks[t].any_label && has_ended(track.ticks[t].evidence, weights, options, patience_s))
      return static_cast<std::int64_t>(t);
  return -1;
}

EndPoint try_patience(const std::vector<Track>& tracks,
                      const EndWeights& weights,
                      const EndOptions& options,
                      double patience_s) {
  EndPoint out{.patience_s = patience_s};
  std::vector<double> late;
  for (const Track& track : tracks) {
    const std::int64_t t = first_end(track, weights, options, patience_s);
    if (t >= 0 && t < track.end)
      out.early += 1 / static_cast<double>(tracks.size());
    else
      late.push_back(t < 0 ? 1.0 / 0.0 : static_cast<double>(t - track.end) * 0.01);
  }
  late = sorted(late);
  out.median_s = quantile(late, 0.5), out.p90_s = quantile(late, 0.9);
  return out;
}

std::vector<EndPoint> try_all(const std::vector<Track>& tracks, const EndWeights& weights, const EndOptions& options) {
  std::vector<EndPoint> out;
  for (int k = 5; k <= 120; ++k) out.push_back(try_patience(tracks, weights, options, 0.02 * k));
  return out;
}

namespace {

// Silence that a tick's pause comes to.
double lasts_s(const Track& track, std::size_t tick) {
  const auto silence = [&](std::size_t t) { return track.ticks[t].evidence[kSilence]; };
  while (tick + 1 < track.ticks.size() && silence(tick + 1) > silence(tick)) ++tick;
  return static_cast<double>(silence(tick));
}

}  // namespace

Cadence fit_cadence(const std::vector<Track>& tracks) {
  constexpr double kRidge = 50, kTempting_s = 0.42;  // a shorter pause ends no turn, however it sounds
  std::vector<double> x;
  std::vector<std::uint8_t> y;
  for (const Track& track : tracks)
    for (const Track::Pause& pause : track.pauses) {
      const bool behind = static_cast<std::int64_t>(pause.tick) >= track.end;
      if (!track.ticks[pause.tick].any_label || (!behind && lasts_s(track, pause.tick) < kTempting_s)) continue;
      x.push_back(1);
      x.insert(x.end(), pause.heard.begin(), pause.heard.end());
      y.push_back(behind ? 1 : 0);
    }
  if (y.empty()) return {};
  const std::vector<double> w = fit_logistic(x, y, x.size() / y.size(), kRidge);
  return {std::vector<float>(w.begin() + 1, w.end()), static_cast<float>(w[0])};
}

namespace {

// Shifted so that the median over all ticks behind an end is plain silence.
void centre(EndWeights& weights, const std::vector<Track>& tracks) {
  EndWeights open = weights;  // without its bounds
  open.offset_s = 0, open.least_s = -1e9, open.most_s = 1e9;
  std::vector<double> excess;
  for (const Track& track : tracks)
    for (std::size_t t = static_cast<std::size_t>(track.end); t < track.ticks.size(); t += 5) {
      const Evidence& e = track.ticks[t].evidence;
      if (track.ticks[t].any_label && e[kSilence] > 0.15F)
        excess.push_back(open.silence_s(e) - static_cast<double>(e[kSilence]));
    }
  weights.offset_s = -quantile(sorted(excess), 0.5);
}

// The least patience that cuts so few at most.
double least_patience_s(const std::vector<Track>& tracks,
                        const EndWeights& weights,
                        const EndOptions& options,
                        double early) {
  int few = 5, many = 150;  // in 20 ms
  while (few < many) {
    const int middle = (few + many) / 2;
    if (try_patience(tracks, weights, options, 0.02 * middle).early <= early)
      many = middle;
    else
      few = middle + 1;
  }
  return 0.02 * few;
}

// With the least patience that is good enough: 2 % cut early, and 8 % by the speculative end-pointer, who is withdrawn.
EndPoint good_enough(const std::vector<Track>& tracks, const EndWeights& weights, const EndOptions& options) {
  const double patience_s = std::max(least_patience_s(tracks, weights, options, 0.02),
                                     least_patience_s(tracks, weights, options, 0.08) + options.lead_s);
  return try_patience(tracks, weights, options, patience_s);
}

}  // namespace

EndWeights fit_end_weights(const std::vector<Track>& tracks,
                           const std::vector<EvidenceOf>& used,
                           const EndOptions& options) {
  std::vector<double> x;
  std::vector<std::uint8_t> y;
  for (const Track& track : tracks)
    for (std::size_t t = 0; t < track.ticks.size(); t += 5) {
      const TurnTick& tick = track.ticks[t];
      const float silence_s = tick.evidence[kSilence];
      if (!tick.any_label || silence_s < 0.15F || silence_s > 1.5F) continue;
      x.push_back(1);
      for (const EvidenceOf which : used)
        x.push_back(static_cast<double>(tick.evidence[which]) -
                    (which > kSilence && which <= kStable ? static_cast<double>(silence_s) : 0));
      y.push_back(static_cast<std::int64_t>(t) >= track.end ? 1 : 0);
    }
  const std::vector<double> w = fit_logistic(x, y, used.size() + 1, 1e-3);
  if (!(w[1] > 0)) return {};  // silence says nothing of an end: these are no turns
  const EndPoint plain = try_patience(tracks, {}, options, least_patience_s(tracks, {}, options, 0.02));
  constexpr double kLater_s = 0.1;
  EndWeights best;
  double least = 1e300;
  for (const double scale : {0.5, 0.7, 1.0, 1.4, 2.0}) {
    EndWeights weights;
    for (std::size_t k = 1; k < used.size(); ++k) weights.per_unit[used[k]] = scale * w[k + 1] / w[1];
    centre(weights, tracks);
    for (int steps = 2; steps <= 20; ++steps)
      for (const double most_s : {0.0, 0.1, 0.2, 0.3}) {
        weights.least_s = -0.05 * steps, weights.most_s = most_s;
        const EndPoint point = good_enough(tracks, weights, options);
        if (point.p90_s <= plain.p90_s + kLater_s && point.median_s < least) least = point.median_s, best = weights;
      }
  }
  return best;
}

}  // namespace pipit
