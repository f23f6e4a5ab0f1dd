// bench/ceres_peer.h — pose graphs through Ceres: same error, same guess, analytic Jacobians, sparse Cholesky.
#pragma once
#include <string>
#include <vector>

#include "contender.h"

namespace pipit {

/// A way to run it that is worth trying; which one is best depends on the graph.
struct CeresSetting {
  std::string name;
  bool tuned;  ///< its trust region is changed too, from LM with radius 1e4 as it comes; else only the ordering
};
std::vector<CeresSetting> ceres_settings();

/// Needs: no landmarks. `tolerance`: relative decrease of the cost at which it stops.
template <class Pose>
Run run_ceres(const PoseGraph<Pose>& graph,
              const std::vector<Pose>& guess,
              const std::string& setting,
              double tolerance,
              int num_threads);

/// "2.1.0, SuiteSparse".
std::string ceres_version();

/// The library file that answers calls to BLAS in this process.
std::string blas_library();

}  // namespace pipit
