#include "poses/spanning_tree.h"

#include <algorithm>

#include "base/contract.h"

namespace pipit {

template <class Pose>
SpanningTree spanning_tree(const PoseGraph<Pose>& graph, std::span<const std::int32_t> roots) {
  const std::size_t num_poses = graph.poses.size();
  // Edges of each pose, in order of the file: begin[p] .. begin[p + 1] of `list`.
  std::vector<std::int32_t> begin(num_poses + 1, 0), list(2 * graph.edges.size());
  for (const auto& edge : graph.edges) {
    ++begin[edge.from + 1];
    ++begin[edge.to + 1];
  }
  for (std::size_t p = 0; p < num_poses; ++p) begin[p + 1] += begin[p];
  std::vector<std::int32_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t e = 0; e < graph.edges.size(); ++e) {
    list[next[graph.edges[e].from]++] = static_cast<std::int32_t>(e);
    list[next[graph.edges[e].to]++] = static_cast<std::int32_t>(e);
  }

  SpanningTree tree;
  tree.order.reserve(num_poses);
  tree.parent.assign(num_poses, -1);
  tree.edge.assign(num_poses, -1);
  std::vector<char> reached(num_poses, 0);
  for (const std::int32_t root : roots) {
    expects(root >= 0 && root < graph.num_poses(), "spanning_tree: no such root");
    if (!reached[root]) tree.order.push_back(root);
    reached[root] = 1;
  }
  const auto take = [&](std::int32_t at, std::int32_t k, bool odometry) {
    const auto& edge = graph.edges[list[k]];
    const std::int32_t other = edge.from == at ? edge.to : edge.from;
    if (reached[other] || is_odometry(edge) != odometry) return false;
    reached[other] = 1;
    tree.parent[other] = at;
    tree.edge[other] = list[k];
    tree.order.push_back(other);
    return true;
  };
  std::size_t walked = 0, closed = 0;  // poses of `order` whose odometry / whose closures have been followed
  std::copy(begin.begin(), begin.end() - 1, next.begin());  // closures followed so far, pose by pose
  while (walked < tree.order.size() || closed < tree.order.size()) {
    if (walked < tree.order.size()) {
      const std::int32_t at = tree.order[walked++];
      for (std::int32_t k = begin[at]; k < begin[at + 1]; ++k) take(at, k, true);
    } else {
      const std::int32_t at = tree.order[closed];
      bool found = false;
      while (!found && next[at] < begin[at + 1]) found = take(at, next[at]++, false);
      if (!found) ++closed;
    }
  }
  return tree;
}

template <class Pose>
void compose_along(const SpanningTree& tree, const PoseGraph<Pose>& graph, std::span<Pose> poses) {
  for (const std::int32_t p : tree.order) {
    if (tree.parent[p] < 0) continue;
    const Edge<Pose>& edge = graph.edges[tree.edge[p]];
    const Pose& parent = poses[tree.parent[p]];
    poses[p] = edge.to == p ? parent * edge.T_from_to : parent * edge.T_from_to.inverse();
    if constexpr (Pose::kDim == 6) poses[p].q.normalize();
  }
}

template SpanningTree spanning_tree(const PoseGraph2&, std::span<const std::int32_t>);
template SpanningTree spanning_tree(const PoseGraph3&, std::span<const std::int32_t>);
template void compose_along(const SpanningTree&, const PoseGraph2&, std::span<SE2<double>>);
template void compose_along(const SpanningTree&, const PoseGraph3&, std::span<SE3<double>>);

}  // namespace pipit
