// bundle/steps.h — what proposes a step from a linearisation: one way to solve the damped normal equations.
// Legend: dc [views, C] and dp [points, 3]: the step; lambda: damping, times the diagonal of J'J.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "bundle/optimise.h"
#include "reproject/state.h"
#include "sparse/linear_solver.h"

namespace pipit {

constexpr int kMostInner = 1000;  ///< conjugate gradients for one step

/// Calls in order: linearise, then propose for one lambda or more.
class BundleSteps {
 public:
  virtual ~BundleSteps() = default;
  /// After the layout was built anew, in the same object. False: this way of solving has to be made anew, too.
  virtual bool prepare() { return false; }
  /// The cost at `job`, with all that a step needs.
  virtual double linearise(const LineariseJob& job) = 0;
  virtual double cost(const LineariseJob& job) = 0;
  /// Needs linearise, with the same job; step.views and step.points as long as they have to be.
  virtual void propose(const LineariseJob& job, double lambda, const LinearGoal& goal, BundleStep& step) = 0;
  virtual const LinearReport& report() const = 0;
};

/// Needs   a prior of the job: conjugate gradients that are not all in half.
std::unique_ptr<BundleSteps> make_steps(const BundleLayout& layout, const BundleOptions& options, Workers& workers);

}  // namespace pipit
