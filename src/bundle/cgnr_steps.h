// bundle/cgnr_steps.h — steps by conjugate gradients on the damped least-squares problem; J'J is never formed. Private
// to bundle/.
// Source: papers.md A4: only the products are in half. Nash and Sofer's stop (sparse/pcg.h).
#pragma once
#include "bundle/scaled_problem.h"

namespace pipit {

/// S: J at rest in the products (half, float, double). N: the recurrences (float, double for double; SeparateHalf: the
/// naive solver, in which every sum is a half: it is expected to fail).
/// The gradient that a solve begins with is the unrounded one: fp16 bends the way, not the goal. The direction is
/// rounded before it is gone along (NormalProduct::round), so that the residual of the recurrence stays that of x; then
/// to replace it by the one that the unrounded J gives makes things worse, since the two systems differ: 366 inner
/// iterations of a window in place of 339, twice as far from the answer in fp64, and walks that end metres away.
template <class S, class N>
class CgnrSteps final : public BundleSteps {
 public:
  using V = typename ScaledProblem<S>::V;
  CgnrSteps(const BundleLayout& layout, const BundleOptions& options, Workers& workers);

  bool prepare() override { return problem_.prepare(), true; }
  double linearise(const LineariseJob& job) override { return problem_.linearise(job); }
  double cost(const LineariseJob& job) override { return cost_of<V>(job, problem_.workers); }
  void propose(const LineariseJob& job, double lambda, const LinearGoal& goal, BundleStep& step) override;
  const LinearReport& report() const override { return problem_.report; }

 private:
  static constexpr bool kNaive = !std::is_floating_point_v<N>;
  PcgScalar<N> multiply(std::span<const N> p, double lambda, std::span<N> q);

  ScaledProblem<S> problem_;
  std::vector<N> b_, y_;
  std::vector<V> p_, q_;  // of the naive solver, as numbers
  PcgScratch<N> scratch_;
};

}  // namespace pipit
