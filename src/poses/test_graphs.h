// poses/test_graphs.h — small simulated graphs and what is asked about them, for the tests of poses and graph.
#pragma once
#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

#include "poses/chi2.h"
#include "poses/generate.h"

namespace pipit::testing {

/// `scale` 0: nothing is noisy.
template <class Pose>
Simulated<Pose> simulated(GraphKind kind, std::int32_t num_poses, double scale, std::uint64_t seed = 1) {
  SimulateOptions options{.kind = kind, .num_poses = num_poses, .seed = seed};
  options.noise.scale = scale;
  return std::get<Simulated<Pose>>(simulate_graph(options));
}

template <class Pose>
double chi2_of(const PoseGraph<Pose>& graph, const std::vector<Pose>& poses, int num_threads = 1) {
  Workers workers(num_threads);
  return chi2<Pose>(graph, poses, graph.landmarks, workers);
}

template <class Pose>
double distance(const Pose& a, const Pose& b) {
  return a.local(b).norm();
}

template <class Pose>
double worst_distance(const std::vector<Pose>& a, const std::vector<Pose>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, distance(a[i], b[i]));
  return worst;
}

/// The odometry that led to a pose.
template <class Pose>
const Edge<Pose>* step_to(const PoseGraph<Pose>& whole, std::int32_t pose) {
  for (const auto& edge : whole.edges)
    if (edge.from == pose - 1 && edge.to == pose) return &edge;
  return nullptr;
}

}  // namespace pipit::testing
