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
// Where fewer than 1 in 10 doubted factors are undecided, those with weight make up a structure worth a good factor.
constexpr int kFew = 5;

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
  return options;
}

// Doubted factors tie anything to anything: while they count, a complete factor would drown in fill.
MinimiseOptions one_rough_step(MinimiseOptions options) {
  options.solver = SolverKind::Iccg;
  options.factor = FactorKind::Ic0;
  return one_step(options);
}

// The weights of the doubted factors.
class Doubt {
 public:
  Doubt(Problem& problem, std::span<const std::size_t> batches) {
    for (const std::size_t b : batches) {
      auto& batch = *problem.batches()[b];
      batch.weights.assign(static_cast<std::size_t>(batch.size()), 1.0);
      parts_.push_back({b, &batch.weights, std::vector<char>(batch.weights.size(), 0)});
      size_ += batch.size();
    }
  }

  std::int64_t size() const { return size_; }

  double largest(Minimiser& minimiser) const {
    double largest = 0;
    for (const Part& part : parts_)
      for (const double s : minimiser.squared_residuals(part.batch)) largest = std::max(largest, s);
    return largest;
  }

  // Weighs every factor by weight(s); true when a weight changed.
  template <class Weight>
  bool weigh(Minimiser& minimiser, const Weight& weight) {
    bool changed = false;
    for (const Part& part : parts_) {
      const auto squares = minimiser.squared_residuals(part.batch);
      for (std::size_t e = 0; e < squares.size(); ++e)
        if (const double w = weight(squares[e]); std::exchange((*part.weights)[e], w) != w) changed = true;
    }
    return changed;
  }

  template <class Condition>
  std::int64_t count(const Condition& condition) const {
    std::int64_t sum = 0;
    for (const Part& part : parts_) sum += std::count_if(part.weights->begin(), part.weights->end(), condition);
    return sum;
  }

  // A minimiser made now leaves out the factors of weight 0.
  void leave_out() {
    for (Part& part : parts_)
      std::transform(
          part.weights->begin(), part.weights->end(), part.left_out.begin(), [](double w) { return w == 0; });
  }
  // Some factor that was left out has a weight again.
  bool misses_one() const {
    for (const Part& part : parts_)
      for (std::size_t e = 0; e < part.left_out.size(); ++e)
        if (part.left_out[e] && (*part.weights)[e] > 0) return true;
    return false;
  }

 private:
  struct Part {
    std::size_t batch;
    std::vector<double>* weights;
    std::vector<char> left_out;
  };
  std::vector<Part> parts_;
  std::int64_t size_ = 0;
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
  std::unique_ptr<Minimiser> minimiser;
  const auto renew = [&](const MinimiseOptions& how) {
    add_work(before, run);
    run = {};
    doubt.leave_out();
    minimiser = std::make_unique<Minimiser>(problem, how);
  };

  renew(one_rough_step(options));
  const double cost_initial = minimiser->cost(), largest = doubt.largest(*minimiser);
  bool settled = !std::isfinite(largest) || 2 * largest <= c2;  // the latter: nobody is doubtful
  bool rough = true;
  for (double mu = c2 / (2 * largest - c2); !settled && !cancelled && in_time(); mu *= gnc.growth) {
    doubt.weigh(*minimiser, [&](double s) { return surrogate_weight(s, c2, mu); });
    const std::int64_t between = doubt.count([](double w) { return w != 0 && w != 1; });
    if (rough ? between * kFew < doubt.size() : doubt.misses_one()) {
      rough = between * kFew >= doubt.size();
      renew(rough ? one_rough_step(options) : one_step(options));
    }
    run = minimiser->run(counting);
    settled = ++summary.rounds == gnc.max_rounds || run.stop == Stop::Diverged || between == 0;
  }

  const auto keep = [&] { return doubt.weigh(*minimiser, [&](double s) { return s <= c2 ? 1.0 : 0.0; }); };
  if (!cancelled && run.stop != Stop::Diverged) keep();
  for (int sets = 0; !cancelled && run.stop != Stop::Diverged && sets < kMaxSets; ++sets) {
    MinimiseOptions rest = options;
    rest.time_limit_s = std::max(0.0, options.time_limit_s - watch.seconds());
    renew(rest);
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
