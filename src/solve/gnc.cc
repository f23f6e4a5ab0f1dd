#include "solve/gnc.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace pipit {
namespace {

// Weight of truncated least squares at convexity mu (eq. 14).
double surrogate_weight(double s, double c2, double mu) {
  if (s <= mu / (mu + 1) * c2) return 1;
  if (s >= (mu + 1) / mu * c2) return 0;
  return std::sqrt(c2 / s * mu * (mu + 1)) - mu;
}

}  // namespace

GncSummary minimise_gnc(Problem& problem,
                        std::span<const std::size_t> batches,
                        const MinimiseOptions& options,
                        const GncOptions& gnc,
                        const Observer& observer) {
  expects(gnc.scale > 0 && gnc.growth > 1, "gnc: needs scale > 0 and growth > 1");
  const Stopwatch watch;
  const double c2 = gnc.scale * gnc.scale;
  GncSummary summary;
  Minimiser minimiser(problem, options);
  int iterations = 0;
  bool cancelled = false;
  const Observer counting = [&](const Iteration& it) {
    Iteration seen = it;
    seen.number = ++iterations;
    seen.seconds = watch.seconds();
    cancelled = observer && !observer(seen);
    return !cancelled;
  };

  for (const std::size_t b : batches)
    problem.batches()[b]->weights.assign(static_cast<std::size_t>(problem.batches()[b]->size()), 1.0);
  summary.last = minimiser.run(counting);
  const double cost_initial = summary.last.cost_initial;
  double largest = 0;
  for (const std::size_t b : batches)
    for (const double s : minimiser.squared_residuals(b)) largest = std::max(largest, s);

  double mu = 2 * largest > c2 ? c2 / (2 * largest - c2) : 0;  // 0: nobody is doubtful
  double last_cost = summary.last.cost_final;
  std::vector<Iteration> trace = std::move(summary.last.trace);
  bool done = mu <= 0 || !std::isfinite(largest);
  while (!done && !cancelled && summary.rounds < gnc.max_rounds && watch.seconds() < options.time_limit_s) {
    ++summary.rounds;
    bool binary = true;
    for (const std::size_t b : batches) {
      const auto squares = minimiser.squared_residuals(b);
      auto& weights = problem.batches()[b]->weights;
      for (std::size_t e = 0; e < squares.size(); ++e) {
        weights[e] = surrogate_weight(squares[e], c2, mu);
        binary = binary && (weights[e] < 1e-3 || weights[e] > 1 - 1e-3);
      }
    }
    summary.last = minimiser.run(counting);
    trace.insert(trace.end(), summary.last.trace.begin(), summary.last.trace.end());
    const double cost = summary.last.cost_final;
    done = !std::isfinite(cost) || (binary && std::abs(last_cost - cost) <= gnc.settled * cost);
    last_cost = cost;
    mu *= gnc.growth;
  }
  for (const std::size_t b : batches)
    for (const double weight : problem.batches()[b]->weights) ++(weight >= 0.5 ? summary.inliers : summary.rejected);
  summary.last.cost_initial = cost_initial;
  summary.last.iterations = iterations;
  summary.last.trace = std::move(trace);
  summary.last.seconds.total = watch.seconds();
  if (cancelled) summary.last.stop = Stop::Cancelled;
  return summary;
}

}  // namespace pipit
