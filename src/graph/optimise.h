// graph/optimise.h — the door of the room: a pose graph in, the poses that fit it best out.
// Source: papers.md A1, A6, A8.   chi2 as in chi2.h; objective = sum rho(r'Wr), which is chi2 where no loss is set.
#pragma once
#include <optional>
#include <span>

#include "base/result.h"
#include "graph/initial_guess.h"
#include "poses/pose_graph.h"
#include "solve/gnc.h"
#include "solve/minimise.h"

namespace pipit {

struct OptimiseOptions {
  MinimiseOptions minimise;
  Init init = Init::Auto;
  /// Applied to loop closures and landmark edges; odometry (consecutive poses) is trusted. Scale 0: default_scale for
  /// the dimension of the edge.
  RobustLoss robust{.scale = 0};
  /// Graduated non-convexity instead of `robust`: loop closures whose residual stays above the scale are rejected.
  /// Init::Auto then means the guess that fits best when no closure can cost more than the square of the scale.
  bool gnc = false;
  /// Residual norm, in standard deviations, that divides inliers from outliers; 0: the 99.9 % quantile of chi with the
  /// dimension of the edge (4.03 in 2-D, 4.74 in 3-D).
  double gnc_scale = 0;
};

struct OptimiseSummary {
  Init init = Init::File;           ///< the guess that was used
  std::optional<double> chi2_file;  ///< of the poses in the file; none where it held no vertices
  double chi2_initial = 0, chi2_final = 0;
  double objective_initial = 0, objective_final = 0;
  std::int64_t inliers = 0, rejected = 0;  ///< doubted edges: weight at least one half, and the others
  /// Indices into graph.edges and graph.landmark_edges of those rejected, ascending.
  std::vector<std::int64_t> rejected_edges, rejected_landmark_edges;
  Summary minimise;  ///< seconds.total covers init and optimisation
  double seconds_init = 0;
};

/// Replaces graph.poses (and landmarks) by the optimum found. Fixed poses stay; without any, pose 0 does.
///
/// Fails   InvalidArgument: no poses, not connected, Init::File without vertices. A numerical failure is no Error but
///         minimise.stop, with the best poses found so far in the graph (at worst the initial guess).
/// Threads same bits for any minimise.num_threads.
template <class Pose>
Result<OptimiseSummary> optimise(PoseGraph<Pose>& graph, const OptimiseOptions& options, const Observer& observer = {});

/// Covariance of poses (indices into graph.poses) at the graph's current poses, in the tangent space of each
/// (translation m, rotation rad), D x D each, row-major; fixed poses give zeros. All in fp64; loss and weights are not
/// applied. Fails   Unsupported where the system is not positive definite.   Cost: one factorisation, D solves per
/// pose.
template <class Pose>
Result<std::vector<Eigen::Matrix<double, Pose::kDim, Pose::kDim>>> pose_covariances(
    const PoseGraph<Pose>& graph, std::span<const std::int32_t> poses);

}  // namespace pipit
