#include "solve/gnc.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/clock.h"

namespace pipit {
namespace {

// Sets found one after the other at the end; two or three are usual.
constexpr int kMaxSets = 10;

// Weight of truncated least squares at convexity mu (eq. 14).
double surrogate_weight(double s, double c2, double mu) {
  if (s <= mu / (mu + 1) * c2) return 1;
  if (s >= (mu + 1) / mu * c2) return 0;
  return std::sqrt(c2 / s * mu * (mu + 1)) - mu;
}

// One step, and it must not raise the cost: the next round changes the cost anyway.
MinimiseOptions one_step(MinimiseOptions options) {
  options.max_iterations = std::min(options.max_iterations, 1);
  options.strategy = Strategy::GaussNewton;
  options.solver = SolverKind::Iccg;
  options.factor = FactorKind::Ic0;
  return options;
}

class Doubt {
 public:
  Doubt(Problem& problem, std::span<const std::size_t> batches) : problem_(problem), batches_(batches) {
    for (const std::size_t b : batches)
      problem_.batches()[b]->weights.assign(static_cast<std::size_t>(problem_.batches()[b]->size()), 1.0);
  }

  double largest(Minimiser& minimiser) const {
    double largest = 0;
    for (const std::size_t b : batches_)
      for (const double s : minimiser.squared_residuals(b)) largest = std::max(largest, s);
    return largest;
  }

  // Weighs every factor by weight(s); true when a weight changed.
  template <class Weight>
  bool weigh(Minimiser& minimiser, const Weight& weight) {
    bool changed = false;
    for (const std::size_t b : batches_) {
      const auto squares = minimiser.squared_residuals(b);
      auto& weights = problem_.batches()[b]->weights;
      for (std::size_t e = 0; e < squares.size(); ++e)
        if (const double w = weight(squares[e]); std::exchange(weights[e], w) != w) changed = true;
    }
    return changed;
  }

  template <class Condition>
  std::int64_t count(const Condition& condition) const {
    std::int64_t sum = 0;
    for (const std::size_t b : batches_)
      sum += std::count_if(problem_.batches()[b]->weights.begin(), problem_.batches()[b]->weights.end(), condition);
    return sum;
  }

 private:
  Problem& problem_;
  std::span<const std::size_t> batches_;
};

// `run` is the last of its minimiser, and so holds the work of all of them.
void add_work(Summary& total, const Summary& run) {
  total.seconds.linearize += run.seconds.linearize;
  total.seconds.factor += run.seconds.factor;
  total.seconds.solve += run.seconds.solve;
  total.seconds.update += run.seconds.update;
  total.linear.factorisations += run.linear.factorisations;
  total.linear.inner_iterations += run.linear.inner_iterations;
  total.linear.seconds_symbolic += run.linear.seconds_symbolic;
  total.linear.seconds_factor += run.linear.seconds_factor;
  total.linear.seconds_solve += run.linear.seconds_solve;
  total.linear.range += run.linear.range;
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
  Summary run, before;  // the last run, and the work of minimisers that are no more
  std::vector<Iteration> trace;
  bool cancelled = false;
  const Observer counting = [&](const Iteration& it) {
    trace.push_back(it);
    trace.back().number = static_cast<int>(trace.size());
    trace.back().seconds = watch.seconds();
    cancelled = observer && !observer(trace.back());
    return !cancelled;
  };
  const auto in_time = [&] { return watch.seconds() < options.time_limit_s; };

  Doubt doubt(problem, batches);
  auto minimiser = std::make_unique<Minimiser>(problem, one_step(options));
  run = minimiser->run(counting);
  const double cost_initial = run.cost_initial;
  const double largest = doubt.largest(*minimiser);
  const auto binary = [&] { return doubt.count([](double w) { return w != 0 && w != 1; }) == 0; };
  bool settled = !std::isfinite(largest) || 2 * largest <= c2;  // the latter: nobody is doubtful
  for (double mu = c2 / (2 * largest - c2); !settled && !cancelled && in_time(); mu *= gnc.growth) {
    doubt.weigh(*minimiser, [&](double s) { return surrogate_weight(s, c2, mu); });
    run = minimiser->run(counting);
    settled = ++summary.rounds == gnc.max_rounds || run.stop == Stop::Diverged || binary();
  }

  const auto keep = [&] { return doubt.weigh(*minimiser, [&](double s) { return s <= c2 ? 1.0 : 0.0; }); };
  if (!cancelled && run.stop != Stop::Diverged) keep();
  for (int sets = 0; !cancelled && run.stop != Stop::Diverged && sets < kMaxSets; ++sets) {
    add_work(before, run);
    MinimiseOptions rest = options;
    rest.time_limit_s = std::max(0.0, options.time_limit_s - watch.seconds());
    minimiser = std::make_unique<Minimiser>(problem, rest);
    run = minimiser->run(counting);
    if (cancelled || !in_time() || !keep()) break;
  }

  summary.inliers = doubt.count([](double w) { return w >= 0.5; });
  summary.rejected = doubt.count([](double w) { return w < 0.5; });
  summary.last = run;
  add_work(summary.last, before);
  summary.last.cost_initial = cost_initial;
  summary.last.iterations = static_cast<int>(trace.size());
  summary.last.trace = std::move(trace);
  summary.last.seconds.total = watch.seconds();
  if (cancelled) summary.last.stop = Stop::Cancelled;
  return summary;
}

}  // namespace pipit
