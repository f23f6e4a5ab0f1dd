// poses/pose_graph.h — poses tied together by measured relative poses.
// Frames: a pose is T_world_body; an edge holds T_from_to, the pose of body `to` seen from body `from`.
// Units: metres and radians. D is Pose::kDim: 3 in the plane (x, y, angle), 6 in space (x, y, z, rotation).
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "geom/se2.h"
#include "geom/se3.h"

namespace pipit {

/// A measured relative pose. `information` is the symmetric inverse covariance of the error of chi2.h: translation
/// first, then the angle (2-D, rad) or the vector part of the error quaternion (3-D, half a rotation vector for small
/// angles).
template <class Pose>
struct Edge {
  static constexpr int kDim = Pose::kDim;
  using Information = Eigen::Matrix<double, kDim, kDim>;

  std::int32_t from = 0, to = 0;  ///< indices into PoseGraph::poses
  Pose T_from_to;
  Information information = Information::Identity();
};

/// A point seen from a pose of a 2-D graph: `xy` in the frame of that pose.
struct LandmarkEdge {
  std::int32_t pose = 0, landmark = 0;  ///< indices into PoseGraph::poses and PoseGraph::landmarks
  Eigen::Vector2d xy = Eigen::Vector2d::Zero();
  Eigen::Matrix2d information = Eigen::Matrix2d::Identity();
};

/// Poses in ascending order of id, edges in order of the file. Landmarks occur in 2-D graphs only.
template <class Pose>
struct PoseGraph {
  static constexpr int kDim = Pose::kDim;
  using PoseType = Pose;

  std::vector<std::int64_t> ids;    ///< [P], strictly ascending
  std::vector<Pose> poses;          ///< [P] T_world_body; identity where the file held no vertices
  std::vector<Edge<Pose>> edges;    ///< [E]
  std::vector<std::int32_t> fixed;  ///< indices of poses that must not move, ascending; empty: hold pose 0
  bool has_vertices = false;        ///< `poses` are a guess that somebody made
  std::int64_t dropped_edges = 0;   ///< edges of a known kind that Pipit cannot use; see `notes`
  std::vector<std::string> notes;   ///< one line for each thing the reader skipped

  std::vector<std::int64_t> landmark_ids;  ///< [L], strictly ascending, disjoint from `ids`
  std::vector<Eigen::Vector2d> landmarks;  ///< [L] in the world
  std::vector<LandmarkEdge> landmark_edges;

  /// A new pose, whose id is one above all others; returns its index.
  std::int32_t add(const Pose& T_world_body);
  /// A new edge between poses that are there. Needs: two poses, everything finite, the information symmetric and
  /// positive definite.
  void add(const Edge<Pose>& edge);
  /// A new pose where a measured step from another one leads, and the edge of that step; returns the pose's index.
  std::int32_t add_step(std::int32_t from,
                        const Pose& T_from_to,
                        const typename Edge<Pose>::Information& information = Edge<Pose>::Information::Identity());

  std::int32_t num_poses() const { return static_cast<std::int32_t>(poses.size()); }
  std::int32_t num_landmarks() const { return static_cast<std::int32_t>(landmarks.size()); }
  std::size_t num_edges() const { return edges.size() + landmark_edges.size(); }
};

using PoseGraph2 = PoseGraph<SE2<double>>;
using PoseGraph3 = PoseGraph<SE3<double>>;
using AnyPoseGraph = std::variant<PoseGraph2, PoseGraph3>;

/// An edge between neighbours in the list of poses is odometry; any other closes a loop.
template <class Pose>
bool is_odometry(const Edge<Pose>& edge) {
  return edge.to - edge.from == 1 || edge.from - edge.to == 1;
}

/// Which poses and landmarks hang together.
struct Connectivity {
  std::int32_t num_components = 0;
  std::vector<std::int32_t> component;  ///< [P + L], poses first; numbered in order of their first member
};

/// Cost O(P + E).
template <class Pose>
Connectivity connectivity(const PoseGraph<Pose>& graph);

/// One line that says which poses do not hang on the first one ("poses 5..7 (3 in all) are not connected to pose 0"),
/// by id; empty when the graph is connected.
template <class Pose>
std::string disconnection(const PoseGraph<Pose>& graph);

/// One line that says what 32-bit indices cannot name of a graph of that size; empty when they can name everything.
/// Two limits: num_nodes * dim unknowns, and 2 * num_edges + num_nodes neighbours, each at most 2^31 - 1.
std::string beyond_indices(std::int64_t num_nodes, std::int64_t num_edges, int dim);

}  // namespace pipit
