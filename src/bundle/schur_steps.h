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
  LinearReport report() const override { return solver_.report(); }

 private:
  Workers& workers_;
  Linearised<T> parts_;
  Elimination<T> elimination_;
  LinearSolver solver_;
  bool fresh_ = false;  // W stands in the records still
};

}  // namespace pipit
