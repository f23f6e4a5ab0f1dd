#include "bundle/cgnr_steps.h"

#include <algorithm>

#include "base/clock.h"

namespace pipit {

template <class S, class N>
CgnrSteps<S, N>::CgnrSteps(const BundleLayout& layout, const BundleOptions& options, Workers& workers)
    : problem_(layout, options, workers) {
  problem_.report.chosen = kNaive           ? "cgnr, all in fp16"
                           : sizeof(S) == 2 ? "cgnr, products in fp16"
                           : sizeof(S) == 4 ? "cgnr, products in fp32"
                                            : "cgnr, products in fp64";
  problem_.report.reason =
      options.solver == BundleSolver::Auto ? "a window: its Jacobian stays in the cache" : "solver as asked";
  problem_.product.keep_w = kNaive;
}

template <class S, class N>
PcgScalar<N> CgnrSteps<S, N>::multiply(std::span<const N> p, double lambda, std::span<N> q) {
  NormalProduct<S>& product = problem_.product;
  if constexpr (!kNaive) {
    const double pq = product(p, static_cast<V>(lambda), q);
    tie_intrinsics<V>(problem_.layout, q);
    return pq + problem_.add_prior(p, q);
  } else {
    p_.resize(p.size()), q_.resize(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) p_[i] = static_cast<float>(p[i]);
    product(p_, 0, q_);
    tie_intrinsics<float>(problem_.layout, q_);
    const N damping(lambda);
    for (std::size_t i = 0; i < p.size(); ++i) q[i] = mul_add(damping, p[i], N(q_[i]));
    N square(0);
    for (const float w : product.w) square = mul_add(N(w), N(w), square);
    return mul_add(damping, dot(p, p), square);
  }
}

template <class S, class N>
void CgnrSteps<S, N>::propose(const LineariseJob&, double lambda, const LinearGoal& goal, BundleStep& step) {
  const Stopwatch watch;
  const std::vector<double>& gradient = problem_.gradient;
  b_.resize(gradient.size()), y_.resize(gradient.size());
  for (std::size_t i = 0; i < b_.size(); ++i) b_[i] = N(-gradient[i]);
  const auto times = [&](std::span<const N> p, std::span<N> q) {
    const Stopwatch clock;
    if constexpr (!kNaive) problem_.product.round(scratch_.p);  // p is scratch_.p
    const auto pq = multiply(p, lambda, q);
    problem_.report.seconds_products += clock.seconds();
    return pq;
  };
  const auto same = [](std::span<const N> r, std::span<N> z) { std::copy(r.begin(), r.end(), z.begin()); };
  const auto replace = [](std::span<const N>, std::span<N>) {};
  const PcgOptions options{.eta = goal.eta,
                           .enough = goal.enough,
                           .relax = goal.relax,
                           .max_iterations = kMostInner,
                           .give_up = &goal.give_up};
  const LinearOutcome outcome = pcg<N>(times, same, replace, b_, y_, options, scratch_);
  step.inner_iterations += outcome.iterations;
  problem_.report.inner_iterations += outcome.iterations;
  for (std::size_t i = 0; i < y_.size(); ++i) problem_.y[i] = static_cast<double>(y_[i]);
  problem_.finish(lambda, step);
  problem_.report.seconds_solve += watch.seconds();
}

template class CgnrSteps<half, SeparateHalf>;
template class CgnrSteps<half, float>;
template class CgnrSteps<float, float>;
template class CgnrSteps<double, double>;

}  // namespace pipit
