#include "solve/gnc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "base/clock.h"

namespace pipit {
namespace {

// Sets found one after the other at the end of a sweep, and sweeps; two or three are usual.
constexpr int kMaxSets = 10, kMaxSweeps = 10;
// A sweep that lowers the cost by less is the last: well above what the tolerance of a run leaves open.
constexpr double kBetter = 1e-3;
// Where fewer than 1 in 5 doubted factors are undecided, those with weight make up a structure worth a good factor.
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
      const auto size = static_cast<std::size_t>(batch.size());
      parts_.push_back({b, &batch.weights, std::vector<double>(size, 1.0), std::vector<char>(size, 0)});
      size_ += batch.size();
    }
    restore();
  }

  void trust_all() {
    for (const Part& part : parts_) part.weights->assign(part.saved.size(), 1.0);
  }
  void save() {
    for (Part& part : parts_) part.saved = *part.weights;
  }
  void restore() {
    for (const Part& part : parts_) *part.weights = part.saved;
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
    std::vector<double> saved;
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

// One run of graduated non-convexity: what its parts share.
class Search {
 public:
  Search(Problem& problem,
         std::span<const std::size_t> batches,
         const MinimiseOptions& options,
         const GncOptions& gnc,
         const Observer& observer)
      : problem_(problem),
        options_(options),
        gnc_(gnc),
        observer_(observer),
        c2_(gnc.scale * gnc.scale),
        doubt_(problem, batches) {}

  GncSummary run() {
    double best = std::numeric_limits<double>::infinity();
    for (int sweeps = 0; sweeps < kMaxSweeps; ++sweeps) {
      graduate();
      if (sweeps == 0) summary_.last.cost_initial = cost_initial_;
      const bool undecided = !going();  // cut short: weights may lie between 0 and 1
      if (!undecided) settle();
      if (undecided && !in_time() && run_.stop != Stop::Diverged) {
        run_.stop = Stop::TimeLimit;
        run_.cost_final = minimiser_->cost();
      }
      const std::int64_t rejected = doubt_.count(kRejected);
      const double cost = run_.cost_final + 0.5 * c2_ * static_cast<double>(rejected);
      if (sweeps > 0 && (undecided || cancelled_ || !(cost < (1 - kBetter) * best))) {
        problem_.restore(1);
        doubt_.restore();
        break;
      }
      best = cost;
      best_run_ = run_;
      problem_.save(1);
      doubt_.save();
      if (rejected == 0 || !going()) break;
    }
    return report();
  }

 private:
  static constexpr auto kRejected = [](double weight) { return weight < 0.5; };

  bool in_time() const { return watch_.seconds() < options_.time_limit_s; }
  bool going() const { return !cancelled_ && in_time() && run_.stop != Stop::Diverged; }

  // A minimiser for the factors that have weight now.
  void renew(MinimiseOptions how) {
    if (minimiser_) add_work(work_, run_);
    run_ = {};
    doubt_.leave_out();
    how.time_limit_s = std::max(0.0, options_.time_limit_s - watch_.seconds());
    minimiser_ = std::make_unique<Minimiser>(problem_, how);
  }

  void step() {
    run_ = minimiser_->run([this](const Iteration& it) {
      trace_.push_back(it);
      trace_.back().number = static_cast<int>(trace_.size());
      trace_.back().seconds = watch_.seconds();
      cancelled_ = observer_ && !observer_(trace_.back());
      return !cancelled_;
    });
  }

  // From where the variables are to weights of 0 and 1.
  void graduate() {
    doubt_.trust_all();
    renew(one_rough_step(options_));
    cost_initial_ = minimiser_->cost();
    const double largest = doubt_.largest(*minimiser_);
    if (!std::isfinite(cost_initial_)) return step();  // which says that it diverged
    bool rough = true, done = 2 * largest <= c2_;      // nobody is doubtful
    int rounds = 0;
    for (double mu = c2_ / (2 * largest - c2_); !done && going(); mu *= gnc_.growth) {
      doubt_.weigh(*minimiser_, [&](double s) { return surrogate_weight(s, c2_, mu); });
      const std::int64_t between = doubt_.count([](double w) { return w != 0 && w != 1; });
      if (rough ? between * kFew < doubt_.size() : doubt_.misses_one()) {
        rough = between * kFew >= doubt_.size();
        renew(rough ? one_rough_step(options_) : one_step(options_));
      }
      step();
      done = ++rounds == gnc_.max_rounds || between == 0;
    }
    summary_.rounds += rounds;
  }

  // Solves for what fits, until what fits is what was solved for.
  void settle() {
    const auto keep = [this] { return doubt_.weigh(*minimiser_, [this](double s) { return s <= c2_ ? 1.0 : 0.0; }); };
    keep();
    for (int sets = 0; sets < kMaxSets; ++sets) {
      renew(options_);
      step();
      if (!going() || !keep()) break;
    }
  }

  GncSummary report() {
    summary_.rejected = doubt_.count(kRejected);
    summary_.inliers = doubt_.size() - summary_.rejected;
    const double cost_initial = summary_.last.cost_initial;
    add_work(work_, run_);
    summary_.last = best_run_;
    summary_.last.seconds = {};
    Summary& last = summary_.last;
    last.linear.factorisations = last.linear.inner_iterations = 0;
    last.linear.seconds_symbolic = last.linear.seconds_factor = last.linear.seconds_solve = 0;
    last.linear.range = {};
    add_work(last, work_);
    last.cost_initial = cost_initial;
    last.iterations = static_cast<int>(trace_.size());
    last.trace = std::move(trace_);
    last.seconds.total = watch_.seconds();
    if (cancelled_) last.stop = Stop::Cancelled;
    return std::move(summary_);
  }

  Problem& problem_;
  const MinimiseOptions& options_;
  const GncOptions& gnc_;
  const Observer& observer_;
  const Stopwatch watch_;
  const double c2_;
  Doubt doubt_;
  std::unique_ptr<Minimiser> minimiser_;
  Summary run_, best_run_, work_;  // the last run; the one behind the best answer; the work of minimisers that are gone
  std::vector<Iteration> trace_;
  double cost_initial_ = 0;
  bool cancelled_ = false;
  GncSummary summary_;
};

}  // namespace

GncSummary minimise_gnc(Problem& problem,
                        std::span<const std::size_t> batches,
                        const MinimiseOptions& options,
                        const GncOptions& gnc,
                        const Observer& observer) {
  expects(gnc.scale > 0 && gnc.growth > 1, "gnc: needs scale > 0 and growth > 1");
  return Search(problem, batches, options, gnc, observer).run();
}

}  // namespace pipit
