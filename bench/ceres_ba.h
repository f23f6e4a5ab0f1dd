// bench/ceres_ba.h — bundle adjustment by Ceres, on the error that scene/scene.cc defines, with analytic derivatives.
#pragma once
#include <string>
#include <vector>

#include "bundle_contender.h"

namespace pipit {

struct CeresBaOptions {
  std::string setting = "dense schur";  ///< one of ceres_ba_settings()
  double tolerance = 1e-6;              ///< relative decrease of the cost at which it stops
  int num_threads = 1;
  int max_iterations = 200;
  bool watch_memory = true;
};

/// Ways to solve the linear systems: "dense schur", "sparse schur", "implicit schur" (conjugate gradients that never
/// form the reduced system), "explicit schur" (that form it), both with the diagonal blocks as preconditioner.
std::vector<std::string> ceres_ba_settings();

/// Intrinsics are estimated where the camera is a BAL camera of one view, and kept everywhere else. Fixed views keep
/// their pose (and intrinsics); without any fixed view nothing holds the gauge but the damping, as usual for BAL files.
/// Needs   a setting from ceres_ba_settings(), no fisheye, each BAL camera used by one view and in a scene without
/// third numbers.
BundleRun run_ceres_ba(const Scene& scene, const CeresBaOptions& options);

}  // namespace pipit
