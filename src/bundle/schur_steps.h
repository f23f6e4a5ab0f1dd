// bundle/schur_steps.h — steps by way of the views' system: eliminate points, solve, substitute. Private to bundle/.
#pragma once
#include "bundle/elimination.h"
#include "bundle/steps.h"

namespace pipit {

/// T: format of J, W and the reduced matrix.
template <class T>
class SchurSteps final : public BundleSteps {
 public:
  SchurSteps(const BundleLayout& layout, const LinearOptions& options, Workers& workers);

  double linearise(const LineariseJob& job) override;
  double cost(const LineariseJob& job) override { return cost_of<T>(job, workers_); }
  void propose(const LineariseJob& job, double lambda, const LinearGoal& goal, BundleStep& step) override;
  const LinearReport& report() const override { return layout_.shares ? shared_report_ : solver_.report(); }

 private:
  void solve(const LinearGoal& goal, BundleStep& step);
  /// Views that share intrinsics: their columns of S added up, and a dense factor.
  bool solve_shared(std::span<double> dc);

  const BundleLayout& layout_;
  Workers& workers_;
  Linearised<T> parts_;
  Elimination<T> elimination_;
  LinearSolver solver_;
  LinearReport shared_report_;
  bool fresh_ = false;  // W stands in the records still
};

}  // namespace pipit
