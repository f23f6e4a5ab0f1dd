#include "bundle/schur_steps.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace pipit {

template <class T>
SchurSteps<T>::SchurSteps(const BundleLayout& layout, const LinearOptions& options, Workers& workers)
    : layout_(layout), workers_(workers), elimination_(layout, workers), solver_(layout.columns, options, workers) {
  if (layout.shares)
    shared_report_.chosen = "cholesky, dense, in fp64", shared_report_.reason = "views share intrinsics";
  else
    solver_.analyse(*elimination_.pattern());
}

template <class T>
bool SchurSteps<T>::solve_shared(std::span<double> dc) {
  const Stopwatch watch;
  const BlockSymmetric<T>& S = elimination_.matrix();
  const int C = layout_.columns, I = layout_.intrinsics;
  const auto place = [&](int view, int c) {
    return c < kPoseColumns ? kPoseColumns * view + c
                            : kPoseColumns * layout_.views + I * layout_.camera_of[static_cast<std::size_t>(view)] + c -
                                  kPoseColumns;
  };
  const int n = kPoseColumns * layout_.views + I * static_cast<int>(layout_.views_with.size());
  Eigen::MatrixXd M = Eigen::MatrixXd::Zero(n, n);
  Eigen::VectorXd b = Eigen::VectorXd::Zero(n);
  for (int j = 0; j < layout_.views; ++j) {
    for (int c = 0; c < C; ++c)
      b[place(j, c)] -=
          elimination_
              .gradient()[static_cast<std::size_t>(j) * static_cast<std::size_t>(C) + static_cast<std::size_t>(c)];
    for (int k = S.pattern().col_begin[static_cast<std::size_t>(j)];
         k < S.pattern().col_begin[static_cast<std::size_t>(j) + 1];
         ++k) {
      const int i = S.pattern().row[static_cast<std::size_t>(k)];
      for (int c = 0; c < C; ++c)
        for (int r = 0; r < C; ++r) {
          const auto value = static_cast<double>(S.block(k)[c * C + r]);
          M(place(i, r), place(j, c)) += value;
          if (i != j) M(place(j, c), place(i, r)) += value;
        }
    }
  }
  for (int i = 0; i < n; ++i)
    if (M(i, i) == 0) M(i, i) = 1;  // of a camera without a view
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> llt(M);
  ++shared_report_.factorisations;
  if (llt.info() != Eigen::Success) return false;
  llt.solveInPlace(b);
  for (int v = 0; v < layout_.views; ++v)
    for (int c = 0; c < C; ++c)
      dc[static_cast<std::size_t>(v) * static_cast<std::size_t>(C) + static_cast<std::size_t>(c)] = b[place(v, c)];
  shared_report_.seconds_factor += watch.seconds();
  return true;
}

template <class T>
double SchurSteps<T>::linearise(const LineariseJob& job) {
  fresh_ = true;
  return pipit::linearise(job, false, true, parts_, workers_);
}

template <class T>
void SchurSteps<T>::solve(const LinearGoal& goal, BundleStep& step) {
  LinearSystem system{.gradient = elimination_.gradient()};
  if constexpr (sizeof(T) == 8)
    system.H64 = &elimination_.matrix();
  else
    system.H32 = &elimination_.matrix();
  const LinearOutcome outcome = solver_.solve(system, {}, goal, step.views);
  step.inner_iterations += outcome.iterations;
}

template <class T>
void SchurSteps<T>::propose(const LineariseJob& job, double lambda, const LinearGoal& goal, BundleStep& step) {
  // The elimination writes over W: another lambda at the same place costs another linearisation, 20 ns an observation.
  if (!std::exchange(fresh_, false)) pipit::linearise(job, false, true, parts_, workers_);
  step.fine = false;
  if (!elimination_.reduce(parts_, lambda)) return;
  if (layout_.shares) {
    if (!solve_shared(step.views)) return;
  } else {
    solve(goal, step);
  }
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
