// poses/chi2.h — how badly a set of poses breaks the measurements of a pose graph.
// Legend: i, j poses T_world_i and T_world_j; z = T_i_j as measured; W information.
// Source: Kuemmerle, Grisetti, Strasdat, Konolige and Burgard, g2o (ICRA 2011): the error its SE2 and SE3 edges use.
#pragma once
#include <Eigen/Core>
#include <span>

#include "base/parallel.h"
#include "poses/pose_graph.h"

namespace pipit {

/// Error of an edge in the plane: [R_z'(R_i'(t_j - t_i) - t_z); wrap(theta_j - theta_i - theta_z)], metres and radians.
Eigen::Vector3d edge_error(const SE2<double>& i, const SE2<double>& j, const SE2<double>& z);

/// Error of an edge in space: [q_z^-1 (q_i^-1 (t_j - t_i) - t_z); vec(q)] with q = q_z^-1 q_i^-1 q_j, its sign such
/// that w >= 0. Metres, and half a rotation vector for small angles.
Eigen::Matrix<double, 6, 1> edge_error(const SE3<double>& i, const SE3<double>& j, const SE3<double>& z);

/// Error of a seen point: R'(landmark - t) - xy, metres in the frame of the pose.
Eigen::Vector2d landmark_error(const SE2<double>& pose, const Eigen::Vector2d& landmark, const Eigen::Vector2d& xy);

/// chi2 = sum of r' W r over all edges, landmark edges included; no factor 1/2, no robust weight.
///
/// In      poses [P], landmarks [L] in the world, in place of those of the graph; lengths must agree (contract).
/// Yields  a plain number; inf or nan when the poses are.
/// Exact   fp64; the sum is cut into parts by size alone, so the bits do not depend on the number of threads.
template <class Pose>
double chi2(const PoseGraph<Pose>& graph,
            std::span<const Pose> poses,
            std::span<const Eigen::Vector2d> landmarks,
            Workers& workers);

/// chi2 of the poses that the graph holds, on the caller's thread.
template <class Pose>
double chi2(const PoseGraph<Pose>& graph);

}  // namespace pipit
