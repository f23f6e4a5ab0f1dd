#include "poses/pose_graph.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/contract.h"

namespace pipit {
namespace {

std::int32_t root_of(std::vector<std::int32_t>& parent, std::int32_t node) {
  while (parent[node] != node) {
    parent[node] = parent[parent[node]];
    node = parent[node];
  }
  return node;
}

/// The smaller root wins, so that the root of a component is its first member.
void join(std::vector<std::int32_t>& parent, std::int32_t a, std::int32_t b) {
  a = root_of(parent, a);
  b = root_of(parent, b);
  if (a < b) {
    parent[b] = a;
  } else {
    parent[a] = b;
  }
}

bool finite(const SE2<double>& T) { return T.t.allFinite() && std::isfinite(T.theta); }
bool finite(const SE3<double>& T) { return T.t.allFinite() && T.q.coeffs().allFinite(); }

}  // namespace

template <class Pose>
std::int32_t PoseGraph<Pose>::add(const Pose& T_world_body) {
  expects(finite(T_world_body), "PoseGraph::add: a pose that is not finite");
  expects(poses.size() < std::numeric_limits<std::int32_t>::max(), "PoseGraph::add: too many poses");
  const std::int64_t last = std::max(ids.empty() ? -1 : ids.back(), landmark_ids.empty() ? -1 : landmark_ids.back());
  ids.push_back(last + 1);
  poses.push_back(T_world_body);
  has_vertices = true;
  return num_poses() - 1;
}

template <class Pose>
void PoseGraph<Pose>::add(const Edge<Pose>& edge) {
  expects(std::min(edge.from, edge.to) >= 0 && std::max(edge.from, edge.to) < num_poses(),
          "PoseGraph::add: an edge to a pose that is not there");
  expects(edge.from != edge.to, "PoseGraph::add: an edge from a pose to itself");
  expects(finite(edge.T_from_to) && edge.information.allFinite(), "PoseGraph::add: an edge that is not finite");
  expects(edge.information == edge.information.transpose() && edge.information.llt().info() == Eigen::Success,
          "PoseGraph::add: information that is not symmetric and positive definite");
  edges.push_back(edge);
}

template <class Pose>
std::int32_t PoseGraph<Pose>::add_step(std::int32_t from,
                                       const Pose& T_from_to,
                                       const typename Edge<Pose>::Information& information) {
  expects(from >= 0 && from < num_poses(), "PoseGraph::add_step: from a pose that is not there");
  Pose T_world_to = poses[static_cast<std::size_t>(from)] * T_from_to;
  if constexpr (Pose::kDim == 6) T_world_to.q.normalize();
  const std::int32_t to = add(T_world_to);
  add(Edge<Pose>{from, to, T_from_to, information});
  return to;
}

template <class Pose>
Connectivity connectivity(const PoseGraph<Pose>& graph) {
  const std::int32_t num_poses = graph.num_poses();
  std::vector<std::int32_t> parent(static_cast<std::size_t>(num_poses) + graph.landmarks.size());
  std::iota(parent.begin(), parent.end(), 0);
  for (const auto& edge : graph.edges) join(parent, edge.from, edge.to);
  for (const auto& edge : graph.landmark_edges) join(parent, edge.pose, num_poses + edge.landmark);

  Connectivity out;
  out.component.resize(parent.size());
  for (std::size_t i = 0; i < parent.size(); ++i) {
    const std::int32_t root = root_of(parent, static_cast<std::int32_t>(i));
    out.component[i] = root == static_cast<std::int32_t>(i) ? out.num_components++ : out.component[root];
  }
  return out;
}

template <class Pose>
std::string disconnection(const PoseGraph<Pose>& graph) {
  const Connectivity parts = connectivity(graph);
  if (parts.num_components <= 1) return {};
  const auto id_of = [&](std::size_t i) {
    return i < graph.ids.size() ? graph.ids[i] : graph.landmark_ids[i - graph.ids.size()];
  };
  std::size_t first = 0, last = 0, count = 0;
  for (std::size_t i = 0; i < parts.component.size(); ++i) {
    if (parts.component[i] == 0) continue;
    if (count++ == 0) first = i;
    last = i;
  }
  std::string line = first < graph.ids.size() ? "pose" : "landmark";
  if (count == 1) {
    line += ' ' + std::to_string(id_of(first)) + " is";
  } else {
    line += "s " + std::to_string(id_of(first)) + ".." + std::to_string(id_of(last)) + " (" + std::to_string(count) +
            " in all) are";
  }
  return line + " not connected to pose " + std::to_string(id_of(0)) + ": the graph has " +
         std::to_string(parts.num_components) + " parts, wanted one";
}

std::string beyond_indices(std::int64_t num_nodes, std::int64_t num_edges, int dim) {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  const auto says = [&](std::int64_t found, const char* what) {
    return std::to_string(found) + what + ", wanted at most " + std::to_string(most) + " (32-bit indices)";
  };
  if (num_nodes > most / dim) return says(num_nodes * dim, " unknowns");
  if (num_edges > (most - num_nodes) / 2) return says(2 * num_edges + num_nodes, " neighbours of poses");
  return {};
}

template struct PoseGraph<SE2<double>>;
template struct PoseGraph<SE3<double>>;
template Connectivity connectivity(const PoseGraph2&);
template Connectivity connectivity(const PoseGraph3&);
template std::string disconnection(const PoseGraph2&);
template std::string disconnection(const PoseGraph3&);

}  // namespace pipit
