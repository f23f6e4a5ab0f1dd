// graph/chordal.h — all rotations at once, then all places at once, each by one linear least-squares problem.
// Source: Martinec and Pajdla, Robust Rotation and Translation Estimation in Multiview Reconstruction (CVPR 2007);
//         Carlone, Tron, Daniilidis and Dellaert, Initialization Techniques for 3D SLAM (ICRA 2015), sec. III.
// Legend: R_i, t_i rotation and place of pose i; R_ij, t_ij as measured; W information; held: poses that keep what they
// are.
#pragma once
#include <Eigen/Core>
#include <optional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "poses/pose_graph.h"
#include "sparse/choose.h"

namespace pipit {

/// What the two systems below share when they have the same structure: their order and the layout of their factor.
struct ChordalPlan {
  BlockPattern pattern;
  std::optional<LinearChoice> choice;
};

/// Rotations that minimise sum w_ij |R_j - R_i R_ij|_F^2 over all matrices, each then replaced by the nearest rotation.
///
/// In      held [P] (1: that pose keeps its rotation), at least one in each part that edges connect.
///         poses [P]: rotations of held poses; those of the others are used only where the relaxation shrinks a matrix
///         to nothing (norm below 1e-8 of a rotation's), which says that its measurements cancel. w_ij = 1 / mean
///         variance of the rotation of the edge, its translation unknown (marginal, from W^-1).
/// Out     poses: rotations; places untouched.
/// Yields  false when the system is not positive definite: a part without a held pose.
///         plan: kept, and used where it fits; null: no matter.
/// Exact   noiseless measurements give the true rotations to about cond * eps.
template <class Pose>
bool relax_rotations(const PoseGraph<Pose>& graph,
                     std::span<const char> held,
                     std::span<Pose> poses,
                     Workers& workers,
                     ChordalPlan* plan = nullptr);

/// Places of poses and landmarks that minimise chi2 (chi2.h) for the given rotations.
///
/// In      held [P] as above, poses [P]: rotations of all, places of held ones. landmarks [L] all move.
/// Out     poses: places; landmarks.
/// Yields  false when the system is not positive definite.
template <class Pose>
bool solve_places(const PoseGraph<Pose>& graph,
                  std::span<const char> held,
                  std::span<Pose> poses,
                  std::span<Eigen::Vector2d> landmarks,
                  Workers& workers,
                  ChordalPlan* plan = nullptr);

}  // namespace pipit
