// bundle/implicit_steps.h — steps of the views alone, points eliminated without a reduced matrix. Private to bundle/.
// Source: papers.md A3; Agarwal, Snavely, Seitz, Szeliski, Bundle adjustment in the large (2010), sec. 4.3.
// Legend: J = (A, B), views and points, scaled by blocks (scaled_problem.h) and rounded to S; C = B'B + lambda, 3x3 for
//   each point.   S = A'A + H + lambda - A'B C^-1 B'A;
//   p'S p = |A p + B x|^2 + lambda (p'p + x'x) + p'H p with x = -C^-1 B'A p: never below zero.
#pragma once
#include "bundle/scaled_problem.h"
#include "bundle/view_blocks.h"

namespace pipit {

/// Half the iterations of CgnrSteps, and 4/3 of the work in each. S: J at rest; all that is made of J is made of the
/// rounded one, so that the system is one of least squares still, near the true one. Vectors are not rounded to S: an
/// error of x is amplified in directions that J hardly sees; one of J p, as CgnrSteps has it, is not. C^-1 in fp32 or
/// better: for the same reason B'B = 1, as it was before rounding, will not do.
/// Memory: J in S and in fp32; no reduced matrix, so views that all see each other cost no more than others.
template <class S>
class ImplicitSteps final : public BundleSteps {
 public:
  using V = typename ScaledProblem<S>::V;
  ImplicitSteps(const BundleLayout& layout, const BundleOptions& options, Workers& workers);

  bool prepare() override { return problem_.prepare(), true; }
  double linearise(const LineariseJob& job) override;
  double cost(const LineariseJob& job) override { return cost_of<V>(job, problem_.workers); }
  void propose(const LineariseJob& job, double lambda, const LinearGoal& goal, BundleStep& step) override;
  const LinearReport& report() const override { return problem_.report; }

 private:
  void invert_blocks(double lambda);
  void solve_points(std::span<V> x) const;
  double multiply(std::span<const V> p, double lambda, std::span<V> q);
  void precondition(std::span<const V> r, double lambda, std::span<V> z);

  ScaledProblem<S> problem_;
  ViewPreconditioner preconditioner_;
  ViewBlocks view_blocks_;
  AlignedVector<V> blocks_, inverse_;  // [points + 1, 6] B'B, C^-1
  std::vector<V> b_, y_, x_, q_;
  PcgScratch<V> scratch_;
};

}  // namespace pipit
