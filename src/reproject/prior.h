// reproject/prior.h — what is known of poses beyond what is seen: a quadratic cost around first estimates.
// Source: Leutenegger, Lynen, Bosse, Siegwart, Furgale, Keyframe-based visual-inertial odometry using nonlinear
// optimization (2015), sec. 3.5 (marginalisation); Huang, Mourikis, Roumeliotis, A first-estimates Jacobian EKF (2009).
// Legend: d = at (-) pose of each view [6 k];   cost(d) = 1/2 d'H d + g'd + c.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "geom/se3.h"

namespace pipit {

/// H and g were linearised once, at `at`, and stay: directions that nothing was known of then stay unknown.
struct PosePrior {
  std::vector<std::int32_t> views;  ///< k, ascending
  std::vector<SE3<double>> at;      ///< [k] T_world_cam
  std::vector<double> H;            ///< [6 k, 6 k], symmetric
  std::vector<double> g;            ///< [6 k]
  double c = 0;

  bool empty() const { return views.empty(); }
  int size() const { return 6 * static_cast<int>(views.size()); }
  /// Yields the cost at poses [views of the scene]; gradient [6 k] = H d + g.
  double evaluate(std::span<const SE3<double>> T_world_cam, std::span<double> gradient) const;
};

}  // namespace pipit
