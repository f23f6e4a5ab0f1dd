#include "solve/minimise.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "solve/linearise.h"
#include "solve/step.h"

namespace pipit {
namespace {

LinearOptions linear_options(const MinimiseOptions& o) {
  LinearOptions linear;
  linear.solver = o.solver;
  linear.factor = o.factor;
  linear.matrix = o.precision.matrix;
  linear.vectors = o.precision.vectors;
  linear.factor_compute = o.precision.factorisation;
  linear.factor_storage = o.precision.preconditioner;
  linear.accumulate = o.precision.accumulate;
  linear.scaling = o.precision.scaling;
  linear.refresh_after = o.refresh_after;
  linear.count_range = o.count_range;
  return linear;
}

}  // namespace

std::string_view name(Stop stop) {
  switch (stop) {
    case Stop::Converged: return "converged";
    case Stop::MaxIterations: return "max_iterations";
    case Stop::TimeLimit: return "time_limit";
    case Stop::NoProgress: return "no_progress";
    case Stop::Diverged: return "diverged";
    case Stop::Cancelled: return "cancelled";
  }
  return "unknown";
}

struct Minimiser::Parts {
  Parts(Problem& p, const MinimiseOptions& o)
      : problem(p),
        options(o),
        workers(o.num_threads),
        linearisation(p, o.precision, workers),
        solver(linearisation.width(), linear_options(o), workers) {
    solver.analyse(linearisation.pattern());
    linearisation.prepare(solver.needs());
    dx.resize(static_cast<std::size_t>(linearisation.num_blocks() * linearisation.width()));
  }

  void retract() {
    const Timed timed(seconds_update);
    for (const auto& set : problem.sets()) set->retract(dx, linearisation.width(), options.precision.update, workers);
  }

  Problem& problem;
  MinimiseOptions options;
  Workers workers;
  Linearisation linearisation;
  LinearSolver solver;
  std::vector<double> dx;
  double seconds_update = 0;
};

Minimiser::Minimiser(Problem& problem, const MinimiseOptions& options)
    : parts_(std::make_unique<Parts>(problem, options)) {
  expects(options.max_iterations >= 0 && options.tolerance >= 0, "minimise: limits must not be negative");
}

Minimiser::~Minimiser() = default;

double Minimiser::cost() { return parts_->linearisation.cost(); }

std::vector<double> Minimiser::squared_residuals(std::size_t batch) {
  parts_->linearisation.cost();
  return parts_->linearisation.squared_residuals(batch);
}

Summary Minimiser::run(const Observer& observer) {
  Parts& p = *parts_;
  const MinimiseOptions& o = p.options;
  const Stopwatch watch;
  Summary summary;
  StepProposer proposer(o.strategy, p.linearisation, p.solver, p.dx);

  double cost = p.linearisation.cost(), eta = o.eta;
  summary.cost_initial = cost;
  summary.stop = std::isfinite(cost) ? Stop::MaxIterations : Stop::Diverged;

  for (int number = 1; number <= o.max_iterations && summary.stop == Stop::MaxIterations; ++number) {
    p.linearisation.linearise();
    proposer.linearised(eta);
    Iteration it{.number = number, .cost = cost, .attempts = 0};
    p.problem.save();
    bool out_of_time = false, useful = true;
    while (!it.accepted && useful && !out_of_time && proposer.propose()) {
      ++it.attempts;
      p.retract();
      const double trial = p.linearisation.cost();
      const double decrease = cost - trial;  // nan and inf compare false: rejected
      useful = proposer.predicted() > 1e-15 * cost;
      if (decrease > 0 || (decrease == 0 && !useful)) {
        it.accepted = true;
        it.relative_decrease = cost > 0 ? decrease / cost : 0;
        cost = trial;
        proposer.accepted(decrease);
      } else {
        p.problem.restore();
        proposer.rejected();
        useful = useful && proposer.predicted() > 1e-3 * o.tolerance * cost;
      }
      out_of_time = watch.seconds() > o.time_limit_s;
    }
    it.cost = cost;
    it.damping = proposer.damping();
    it.inner_iterations = proposer.inner_iterations();
    it.seconds = watch.seconds();
    summary.trace.push_back(it);
    summary.iterations = number;

    // A small decrease counts as converged only when the linear solve behind it was accurate: otherwise solve better.
    const bool small = it.relative_decrease <= o.tolerance;
    if (it.accepted && small && eta > kTightEta && proposer.damping() == 0) {
      eta = kTightEta;
    } else if (small) {
      const bool at_floor = it.accepted || !useful || cost == 0;
      summary.stop = at_floor ? Stop::Converged : Stop::NoProgress;
    } else if (it.relative_decrease < 1e-2) {
      eta = std::min(eta, 1e-2);
    }
    if (observer && !observer(it)) summary.stop = Stop::Cancelled;
    if (out_of_time && summary.stop != Stop::Converged) summary.stop = Stop::TimeLimit;
  }
  summary.cost_final = cost;
  summary.linear = p.solver.report();
  summary.seconds = {.total = watch.seconds(),
                     .linearize = p.linearisation.seconds,
                     .factor = summary.linear.seconds_symbolic + summary.linear.seconds_factor,
                     .solve = summary.linear.seconds_solve,
                     .update = p.seconds_update};
  return summary;
}

Summary minimise(Problem& problem, const MinimiseOptions& options, const Observer& observer) {
  const Stopwatch watch;
  Minimiser minimiser(problem, options);
  Summary summary = minimiser.run(observer);
  summary.seconds.total = watch.seconds();
  return summary;
}

}  // namespace pipit
