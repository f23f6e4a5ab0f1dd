// poses/spanning_tree.h — poses by composing measurements along one path each.
#pragma once
#include <span>
#include <vector>

#include "poses/pose_graph.h"

namespace pipit {

/// How each pose hangs on the tree.
struct SpanningTree {
  std::vector<std::int32_t> order;   ///< [reached] poses, parents before children
  std::vector<std::int32_t> parent;  ///< [P] -1 for roots and for poses not reached
  std::vector<std::int32_t> edge;    ///< [P] index of the edge to the parent; -1 for roots
};

/// Breadth first from `roots`, but along all odometry edges before any loop closure: a chain of consecutive poses is
/// never broken up, and a second chain hangs on the first by the earliest closure in breadth-first order. Cost O(P +
/// E).
template <class Pose>
SpanningTree spanning_tree(const PoseGraph<Pose>& graph, std::span<const std::int32_t> roots);

/// Sets each pose that is no root to parent * edge (or its inverse). Poses not reached stay as they are.
template <class Pose>
void compose_along(const SpanningTree& tree, const PoseGraph<Pose>& graph, std::span<Pose> poses);

}  // namespace pipit
