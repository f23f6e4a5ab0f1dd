#include "bundle/implicit_steps.h"

#include <algorithm>

#include "base/clock.h"
#include "base/contract.h"

namespace pipit {

template <class S>
ImplicitSteps<S>::ImplicitSteps(const BundleLayout& layout, const BundleOptions& options, Workers& workers)
    : problem_(layout, options, workers), preconditioner_(options.preconditioner) {
  expects(options.precision.scaling && options.precision.vectors != Format::Half,
          "Implicit: blocks of unit columns, vectors not in half");
  problem_.report.chosen = sizeof(S) == 2   ? "implicit schur, jacobian in fp16"
                           : sizeof(S) == 4 ? "implicit schur, jacobian in fp32"
                                            : "implicit schur, jacobian in fp64";
  problem_.report.reason = options.solver != BundleSolver::Auto ? "solver as asked"
                           : layout.intrinsics == 0 ? "few iterations, or a reduced matrix too large to form"
                                                    : "a reduced matrix too large to form";
}

template <class S>
double ImplicitSteps<S>::linearise(const LineariseJob& job) {
  const double cost = problem_.linearise(job);
  blocks_.assign((static_cast<std::size_t>(problem_.layout.points) + 1) * 6, V(0)), inverse_.resize(blocks_.size());
  problem_.product.add_point_blocks(blocks_);
  return cost;
}

/// By L D L'. A pivot that is nothing beside a column of unit length is a direction in which nobody sees the point: it
/// stays where it is.
template <class S>
void ImplicitSteps<S>::invert_blocks(double lambda) {
  constexpr double kNothing = sizeof(V) == 4 ? 1e-6 : 1e-13;  // ten roundings of a sum of squares; a hundred
  const auto inverse_of = [](double pivot) { return pivot > kNothing ? 1 / pivot : 0; };
  for (std::size_t i = 0; i < blocks_.size(); i += 6) {
    const auto c = [&](std::size_t k) { return static_cast<double>(blocks_[i + k]); };
    const double d0 = inverse_of(c(0) + lambda), l1 = c(1) * d0, l2 = c(2) * d0, below = c(4) - l1 * c(2);
    const double d1 = inverse_of(c(3) + lambda - l1 * c(1)), l3 = below * d1;
    const double d2 = inverse_of(c(5) + lambda - l2 * c(2) - l3 * below);
    const double k = l1 * l3 - l2;  // L^-1 = (1; -l1, 1; k, -l3, 1)
    const double out[] = {
        d0 + l1 * l1 * d1 + k * k * d2, -l1 * d1 - k * l3 * d2, k * d2, d1 + l3 * l3 * d2, -l3 * d2, d2};
    for (std::size_t n = 0; n < 6; ++n) inverse_[i + n] = static_cast<V>(out[n]);
  }
}

/// x <- -C^-1 x.
template <class S>
void ImplicitSteps<S>::solve_points(std::span<V> x) const {
  for (std::size_t p = 0; 4 * p < x.size(); ++p) {
    const V *c = &inverse_[6 * p], a0 = x[4 * p], a1 = x[4 * p + 1], a2 = x[4 * p + 2];
    x[4 * p] = -(c[0] * a0 + c[1] * a1 + c[2] * a2);
    x[4 * p + 1] = -(c[1] * a0 + c[3] * a1 + c[4] * a2);
    x[4 * p + 2] = -(c[2] * a0 + c[4] * a1 + c[5] * a2);
  }
}

template <class S>
double ImplicitSteps<S>::multiply(std::span<const V> p, double lambda, std::span<V> q) {
  const Stopwatch clock;
  problem_.product.to_points(p, x_);
  solve_points(x_);
  double pq = problem_.product.to_views(p, x_, q);
  for (std::size_t i = 0; i < p.size(); ++i) q[i] += static_cast<V>(lambda) * p[i];
  pq += lambda * (dot(p, p) + dot(std::span<const V>(x_), std::span<const V>(x_)));
  tie_intrinsics<V>(problem_.layout, q);
  pq += problem_.add_prior(p, q);
  problem_.report.seconds_products += clock.seconds();
  return pq;
}

template <class S>
void ImplicitSteps<S>::precondition(std::span<const V> r, double lambda, std::span<V> z) {
  if (preconditioner_ == ViewPreconditioner::SchurJacobi) {
    view_blocks_.divide<V>(r, z);
    tie_intrinsics<V>(problem_.layout, z);
    return;
  }
  std::copy(r.begin(), r.end(), z.begin());
  if (preconditioner_ == ViewPreconditioner::Jacobi) return;
  // |S| <= |A|^2 + lambda, and A has one block of orthonormal columns in each row; two where intrinsics are shared.
  constexpr int kTerms = 3;
  const V inverse = static_cast<V>(1 / ((problem_.layout.shares ? 2 : 1) + lambda));
  for (int k = 0; k < kTerms; ++k) {
    multiply(z, lambda, q_);
    for (std::size_t i = 0; i < z.size(); ++i) z[i] = r[i] + z[i] - inverse * q_[i];
  }
}

template <class S>
void ImplicitSteps<S>::propose(const LineariseJob&, double lambda, const LinearGoal& goal, BundleStep& step) {
  const Stopwatch watch;
  const std::vector<double>& g = problem_.gradient;
  const std::size_t views = problem_.views_size();
  b_.resize(views), y_.resize(views), q_.resize(views), x_.resize(g.size() - views);
  invert_blocks(lambda);
  if (preconditioner_ == ViewPreconditioner::SchurJacobi)
    view_blocks_.compute<S, V>(problem_.layout, problem_.product.jacobian(), inverse_, lambda, problem_.workers);
  // Points as they would move alone; what is left to the views then.
  for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = static_cast<V>(g[views + i]);
  solve_points(x_);
  double eliminated = 0;
  for (std::size_t i = 0; i < x_.size(); ++i) eliminated -= g[views + i] * static_cast<double>(x_[i]);
  std::fill(y_.begin(), y_.end(), V(0));
  problem_.product.to_views(y_, x_, q_);
  tie_intrinsics<V>(problem_.layout, q_);
  for (std::size_t i = 0; i < views; ++i) b_[i] = static_cast<V>(-g[i] - static_cast<double>(q_[i]));

  const auto times = [&](std::span<const V> p, std::span<V> q) { return multiply(p, lambda, q); };
  const auto before = [&](std::span<const V> r, std::span<V> z) { precondition(r, lambda, z); };
  const auto replace = [](std::span<const V>, std::span<V>) {};
  const PcgOptions options{.eta = goal.eta,
                           .enough = goal.enough,
                           .relax = goal.relax,
                           .max_iterations = kMostInner,
                           .give_up = &goal.give_up,
                           .energy = eliminated};
  const LinearOutcome outcome = pcg<V>(times, before, replace, b_, y_, options, scratch_);
  step.inner_iterations += outcome.iterations;
  problem_.report.inner_iterations += outcome.iterations;

  problem_.product.to_points(y_, x_);
  for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = static_cast<V>(g[views + i] + static_cast<double>(x_[i]));
  solve_points(x_);
  for (std::size_t i = 0; i < views; ++i) problem_.y[i] = static_cast<double>(y_[i]);
  for (std::size_t i = 0; i < x_.size(); ++i) problem_.y[views + i] = static_cast<double>(x_[i]);
  problem_.finish(lambda, step);
  problem_.report.seconds_solve += watch.seconds();
}

template class ImplicitSteps<half>;
template class ImplicitSteps<float>;
template class ImplicitSteps<double>;

}  // namespace pipit
