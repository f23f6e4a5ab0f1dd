#include "solve/minimise.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "solve/linearise.h"
#include "solve/step.h"

namespace pipit {
namespace {

// Undamped steps may raise the cost a few times in a row, if not too far: in graphs with weak directions the way down
// leads over a rise, and a Gauss-Newton step soon pays it back (watchdog: Nocedal and Wright 2006, sec. 15.6).
constexpr int kMaxRises = 3;
constexpr double kMaxRise = 10;
// How well linear systems are solved. The next Gauss-Newton step finds about (E / cost)^2 of the cost, E being what
// this one brings: an error of a thirtieth of that is lost in it. Below half of the tolerance nobody will look.
constexpr double kRelax = 1.0 / 30, kShareOfTolerance = 0.5;
constexpr double kTightEta = 1e-3;
// Residuals that shrank by 1e-11 are rounding errors: exact measurements have cost zero, and no relative decrease
// there.
constexpr double kFloor = 1e-22;

// A gradient that is nothing but rounding shows no way down. Entry i is a sum of J_i r over some rows, each known to
// some eps |J_i| |r|: in all that is k eps sqrt(H_ii sum r^2) over those rows, and a row takes part in up to twelve
// entries.
bool at_rest(const Linearisation& linearisation, double cost, const Precision& precision) {
  // fp16 is judged like fp32, in which it is computed: what it rounds away is its own fault.
  const double eps = precision.residual == Format::Double && precision.jacobian == Format::Double ? 0x1p-53 : 0x1p-24;
  constexpr double kRoundings = 4, kEntries = 12;
  const auto gradient = linearisation.gradient(), diagonal = linearisation.diagonal();
  double square = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i)
    if (gradient[i] != 0) square += gradient[i] * gradient[i] / diagonal[i];
  return square <= kEntries * (kRoundings * eps) * (kRoundings * eps) * 2 * cost;
}

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
    case Stop::Converged:
      return "converged";
    case Stop::MaxIterations:
      return "max_iterations";
    case Stop::TimeLimit:
      return "time_limit";
    case Stop::NoProgress:
      return "no_progress";
    case Stop::Diverged:
      return "diverged";
    case Stop::Cancelled:
      return "cancelled";
  }
  return "unknown";
}

struct Minimiser::Parts {
  Parts(Problem& p, const MinimiseOptions& o)
      : problem(p),
        options(o),
        workers(o.num_threads),
        linearisation(std::make_unique<Linearisation>(p, o.precision, workers)),
        solver(linearisation->width(), linear_options(o), workers) {
    solver.analyse(linearisation->pattern());
    prepare();
  }

  void prepare() {
    if (solver.in_double()) linearisation->refine();
    linearisation->prepare(solver.needs());
    dx.resize(static_cast<std::size_t>(linearisation->num_blocks()) * static_cast<std::size_t>(linearisation->width()));
  }

  void retract() {
    const Timed timed(seconds_update);
    for (const auto& set : problem.sets()) set->retract(dx, linearisation->width(), options.precision.update, workers);
  }

  Problem& problem;
  MinimiseOptions options;
  Workers workers;
  std::unique_ptr<Linearisation> linearisation;
  LinearSolver solver;
  std::vector<double> dx;
  double seconds_update = 0;
};

Minimiser::Minimiser(Problem& problem, const MinimiseOptions& options)
    : parts_(std::make_unique<Parts>(problem, options)) {
  expects(options.max_iterations >= 0 && options.tolerance >= 0, "minimise: limits must not be negative");
}

Minimiser::~Minimiser() = default;

void Minimiser::grow() {
  Parts& p = *parts_;
  const int num_before = p.linearisation->num_blocks(), width = p.linearisation->width();
  std::vector<std::vector<std::int32_t>> before;
  for (const auto& set : p.problem.sets()) before.push_back(set->block);
  const double seconds = p.linearisation->seconds;
  p.linearisation = std::make_unique<Linearisation>(p.problem, p.options.precision, p.workers);
  p.linearisation->seconds = seconds;
  expects(p.linearisation->width() == width, "Minimiser::grow: the blocks have become wider");
  std::vector<std::int32_t> place(static_cast<std::size_t>(num_before));
  for (std::size_t s = 0; s < before.size(); ++s)
    for (std::size_t i = 0; i < before[s].size(); ++i) {
      const std::int32_t now = p.problem.sets()[s]->block[i];
      expects(before[s][i] < 0 || now >= 0, "Minimiser::grow: a variable has become fixed");
      if (before[s][i] >= 0) place[static_cast<std::size_t>(before[s][i])] = now;
    }
  p.solver.grow(p.linearisation->pattern(), place);
  p.prepare();
}

double Minimiser::cost() { return parts_->linearisation->cost(); }

std::vector<double> Minimiser::squared_residuals(std::size_t batch) {
  parts_->linearisation->cost();
  return parts_->linearisation->squared_residuals(batch);
}

Summary Minimiser::run(const Observer& observer) {
  Parts& p = *parts_;
  const MinimiseOptions& o = p.options;
  const Stopwatch watch;
  Summary summary;
  StepProposer proposer(o.strategy, *p.linearisation, p.solver, p.dx);

  double cost = p.linearisation->cost();  // of the best state so far, the one that is saved
  int rises = 0;                          // undamped steps tried since then that raised the cost
  bool away = false;                      // the values are not those of the best state
  bool running = std::isfinite(cost);
  summary.cost_initial = cost;
  summary.stop = running ? Stop::MaxIterations : Stop::Diverged;
  p.problem.save();
  const auto out_of_time = [&] { return watch.seconds() > o.time_limit_s; };

  while (running && summary.iterations < o.max_iterations) {
    Iteration it{.number = ++summary.iterations, .attempts = 0};
    const double here = p.linearisation->linearise();
    if (rises > 0) p.solver.refresh();  // a step that long has left its factor behind
    proposer.linearised({.eta = kTightEta,
                         .enough = kShareOfTolerance * o.tolerance * cost,
                         .relax = here > 0 && rises == 0 ? kRelax / here : 0,  // only accurate steps pay a rise back
                         .give_up = out_of_time});
    bool promising = true, relinearise = false;
    while (!it.accepted && !relinearise && promising && proposer.propose()) {
      ++it.attempts;
      if (p.solver.in_double() && !away && !p.linearisation->refined()) {
        p.linearisation->refine();
        cost = p.linearisation->cost();
      }
      p.retract();
      const double trial = p.linearisation->cost();  // nan and inf compare false below
      promising = proposer.predicted() > std::max(0.1 * o.tolerance, 1e-15) * cost + kFloor * summary.cost_initial;
      if (trial < cost || (trial == cost && !promising)) {
        it.accepted = true;
        it.relative_decrease = cost > 0 ? (cost - trial) / cost : 0;
        proposer.accepted(cost - trial);
        cost = trial;
        rises = 0;
        away = false;
        p.problem.save();
      } else if (promising && proposer.may_rise() && rises < kMaxRises && trial < kMaxRise * cost) {
        relinearise = away = true;
        ++rises;
      } else {
        p.problem.restore();
        proposer.rejected();
        relinearise = std::exchange(away, false);
        rises = kMaxRises;  // the way over the rise led nowhere: from the best state, go down only
      }
      if (out_of_time()) {
        summary.stop = Stop::TimeLimit;
        running = false;
        break;
      }
    }
    it.cost = cost;
    it.damping = proposer.damping();
    it.inner_iterations = proposer.inner_iterations();
    it.seconds = watch.seconds();
    summary.trace.push_back(it);
    if (observer && !observer(it)) {
      summary.stop = Stop::Cancelled;
      running = false;
    }
    if (!running || relinearise) continue;
    if (it.relative_decrease > o.tolerance) continue;
    summary.stop = it.accepted || !promising || cost <= kFloor * summary.cost_initial ||
                           at_rest(*p.linearisation, cost, o.precision)
                       ? Stop::Converged
                       : Stop::NoProgress;
    running = false;
  }
  if (away) p.problem.restore();
  summary.cost_final = cost;
  summary.linear = p.solver.report();
  summary.seconds = {.total = watch.seconds(),
                     .linearize = p.linearisation->seconds,
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
