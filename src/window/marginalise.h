// window/marginalise.h — views and points leave a problem; what they knew of the rest stays as a prior.
// Source: Sibley, Matthies, Sukhatme, Sliding window filter with application to planetary landing (2010), sec. 3;
// Leutenegger et al. (2015), sec. 3.5.
#pragma once
#include <vector>

#include "base/parallel.h"
#include "reproject/linearise.h"
#include "reproject/prior.h"

namespace pipit {

/// Keeps its memory between calls.
class Marginaliser {
 public:
  /// Takes view 0 out of `prior`, together with all points of `scene`: all observations of `scene` become part of the
  /// new prior. Views keep their numbers here; the caller's view 0 goes away, so that numbers fall by one afterwards.
  ///
  /// In      `scene`: all views of the window, and only the points that leave. `prior`: of these views, or empty.
  /// Out     `prior` of views 1 and later that share a point with one that leaves, or were in the prior before, around
  ///         where they are now; in fp64. What was in it before keeps the Jacobians that it was made with.
  /// Needs   intrinsics fixed, no third number that is not finite.   Cost: about 30 us and 1 us a squared view.
  void drop_first(const Scene& scene, const RobustLoss& loss, PosePrior& prior);

 private:
  Workers workers_{1};
  BundleLayout layout_;
  std::vector<ViewNumbers> views_;
  BundleState state_;
  std::vector<std::uint8_t> taking_;
  Linearised<double> parts_;
  std::vector<std::int32_t> place_;  // [views] in the dense system, -1: not in it
  std::vector<double> H_, g_, gradient_;
  PosePrior next_;
};

}  // namespace pipit
