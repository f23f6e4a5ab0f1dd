#include "bundle/schur_steps.h"

#include <algorithm>
#include <cmath>

namespace pipit {

template <class T>
SchurSteps<T>::SchurSteps(const BundleLayout& layout, const LinearOptions& options, Workers& workers)
    : workers_(workers), elimination_(layout, workers), solver_(layout.columns, options, workers) {
  solver_.analyse(*elimination_.pattern());
}

template <class T>
double SchurSteps<T>::linearise(const LineariseJob& job) {
  fresh_ = true;
  return pipit::linearise(job, false, true, parts_, workers_);
}

template <class T>
void SchurSteps<T>::propose(const LineariseJob& job, double lambda, const LinearGoal& goal, BundleStep& step) {
  // The elimination writes over W: another lambda at the same place costs another linearisation, 20 ns an observation.
  if (!std::exchange(fresh_, false)) pipit::linearise(job, false, true, parts_, workers_);
  step.fine = false;
  if (!elimination_.reduce(parts_, lambda)) return;
  LinearSystem system{.gradient = elimination_.gradient()};
  if constexpr (sizeof(T) == 8)
    system.H64 = &elimination_.matrix();
  else
    system.H32 = &elimination_.matrix();
  const LinearOutcome outcome = solver_.solve(system, {}, goal, step.views);
  step.inner_iterations += outcome.iterations;
  elimination_.substitute(parts_, step.views, step.points);

  // -m(d) = (lambda d'Dd - g'd) / 2 where (H + lambda D) d = -g; an inexact solve from zero promises as much.
  double slope = 0, damped = 0;
  const auto add = [&](std::span<const double> d, std::span<const double> g, std::span<const double> D) {
    for (std::size_t i = 0; i < d.size(); ++i) slope += g[i] * d[i], damped += D[i] * d[i] * d[i];
  };
  add(step.views, parts_.g, elimination_.view_diagonal());
  add(step.points, elimination_.point_gradient(), elimination_.point_diagonal());
  step.promised = 0.5 * (lambda * damped - slope);
  step.fine = std::isfinite(step.promised) && slope < 0;
}

template class SchurSteps<float>;
template class SchurSteps<double>;

}  // namespace pipit
