#include "end_fit.h"

#include <algorithm>
#include <cmath>

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

EndWeights fit_end_weights(const std::vector<Track>& tracks, const std::vector<EvidenceOf>& used) {
  struct Row {
    std::vector<double> x;
    double y;
  };
  std::vector<Row> rows;
  const std::size_t n = used.size() + 1;
  for (const Track& track : tracks)
    for (std::size_t t = 0; t < track.ticks.size(); t += 5) {
      const TurnTick& tick = track.ticks[t];
      const float silence_s = tick.evidence[kSilence];
      if (!tick.any_label || silence_s < 0.15F || silence_s > 1.5F) continue;
      Row row{.x = {1}, .y = static_cast<std::int64_t>(t) >= track.end ? 1.0 : 0.0};
      for (const EvidenceOf which : used)
        row.x.push_back(static_cast<double>(tick.evidence[which]) -
                        (which > kSilence && which <= kStable ? static_cast<double>(silence_s) : 0));
      rows.push_back(std::move(row));
    }
  std::vector<double> w(n, 0.0);
  for (int iteration = 0; iteration < 30; ++iteration) {
    std::vector<double> a(n * n, 0.0), b(n, 0.0);  // A step = b
    for (std::size_t i = 0; i < n; ++i) a[i * n + i] = 1e-3, b[i] = -1e-3 * w[i];
    for (const Row& row : rows) {
      double z = 0;
      for (std::size_t i = 0; i < n; ++i) z += w[i] * row.x[i];
      const double p = 1 / (1 + std::exp(-z)), curve = p * (1 - p);
      for (std::size_t i = 0; i < n; ++i) {
        b[i] += (row.y - p) * row.x[i];
        for (std::size_t j = 0; j < n; ++j) a[i * n + j] += curve * row.x[i] * row.x[j];
      }
    }
    for (std::size_t i = 0; i < n; ++i)  // Gauss; A is positive definite
      for (std::size_t k = i + 1; k < n; ++k) {
        const double factor = a[k * n + i] / a[i * n + i];
        for (std::size_t j = i; j < n; ++j) a[k * n + j] -= factor * a[i * n + j];
        b[k] -= factor * b[i];
      }
    double largest = 0;
    for (std::size_t i = n; i-- > 0;) {
      for (std::size_t j = i + 1; j < n; ++j) b[i] -= a[i * n + j] * b[j];
      b[i] /= a[i * n + i];
      w[i] += b[i];
      largest = std::max(largest, std::abs(b[i]));
    }
    if (largest < 1e-9) break;
  }
  EndWeights out;
  for (std::size_t k = 1; k < used.size(); ++k) out.per_unit[used[k]] = w[k + 1] / w[1];
  EndWeights open = out;  // without its bounds
  open.least_s = -1e9, open.most_s = 1e9;
  std::vector<double> excess;
  for (const Track& track : tracks)
    for (std::size_t t = static_cast<std::size_t>(track.end); t < track.ticks.size(); t += 5) {
      const Evidence& e = track.ticks[t].evidence;
      if (track.ticks[t].any_label && e[kSilence] > 0.15F)
        excess.push_back(open.silence_s(e) - static_cast<double>(e[kSilence]));
    }
  out.offset_s = -quantile(sorted(excess), 0.5);
  return out;
}

}  // namespace pipit
