#include "graph/initial_guess.h"

#include "graph/chordal.h"
#include "poses/chi2.h"
#include "poses/spanning_tree.h"

namespace pipit {
namespace {

Error invalid(std::string why) { return Error{Code::InvalidArgument, "initial guess: " + std::move(why)}; }

/// Places each landmark where its first observation saw it.
template <class Pose>
std::vector<Eigen::Vector2d> first_sight([[maybe_unused]] const PoseGraph<Pose>& graph,
                                         [[maybe_unused]] std::span<const Pose> poses) {
  std::vector<Eigen::Vector2d> landmarks(graph.landmarks.size(), Eigen::Vector2d::Zero());
  if constexpr (Pose::kDim == 3) {
    std::vector<char> seen(landmarks.size(), 0);
    for (const LandmarkEdge& edge : graph.landmark_edges) {
      if (seen[edge.landmark]) continue;
      seen[edge.landmark] = 1;
      landmarks[edge.landmark] = poses[edge.pose].act(edge.xy);
    }
  }
  return landmarks;
}

}  // namespace

std::string_view name(Init init) {
  switch (init) {
    case Init::Auto:
      return "auto";
    case Init::File:
      return "file";
    case Init::Odometry:
      return "odometry";
    case Init::Chordal:
      return "chordal";
  }
  return "unknown";
}

template <class Pose>
Result<InitialGuess<Pose>> initial_guess(const PoseGraph<Pose>& graph, Init init, Workers& workers) {
  using Guess = InitialGuess<Pose>;
  const Guess file{graph.poses, graph.landmarks, Init::File};
  if (std::string why = beyond_indices(graph.num_poses() + std::int64_t{graph.num_landmarks()},
                                       static_cast<std::int64_t>(graph.num_edges()),
                                       graph.kDim);
      !why.empty())
    return Error{Code::Unsupported, "the graph has " + why};
  if (init == Init::File && !graph.has_vertices) return invalid("the graph has no vertices; take odometry or chordal");
  if (init == Init::File || graph.poses.empty()) return file;
  if (std::string why = disconnection(graph); !why.empty()) return invalid(std::move(why));

  // Without vertices only one fixed pose has a meaning: it is the origin.
  std::vector<std::int32_t> roots = graph.fixed;
  if (roots.empty()) roots.push_back(0);
  if (!graph.has_vertices) roots.resize(1);
  const SpanningTree tree = spanning_tree<Pose>(graph, roots);
  if (tree.order.size() < graph.poses.size()) {  // neither odometry nor chordal relaxation goes through landmarks
    if (init == Init::Auto && graph.has_vertices) return file;
    return invalid("some poses hang together through landmarks only; take the poses of the file");
  }

  Guess odometry{graph.poses, {}, Init::Odometry};
  compose_along<Pose>(tree, graph, odometry.poses);
  odometry.landmarks = first_sight<Pose>(graph, odometry.poses);
  if (init == Init::Odometry) return odometry;

  Guess chordal = odometry;
  chordal.used = Init::Chordal;
  std::vector<char> held(graph.poses.size(), 0);
  for (const std::int32_t root : roots) held[root] = 1;
  ChordalPlan plan;
  const bool solved = relax_rotations<Pose>(graph, held, chordal.poses, workers, &plan) &&
                      solve_places<Pose>(graph, held, chordal.poses, chordal.landmarks, workers, &plan);
  if (init == Init::Chordal) {
    if (!solved) return invalid("the chordal system is not positive definite; take odometry");
    return chordal;
  }

  const auto cost = [&](const Guess& guess) { return chi2<Pose>(graph, guess.poses, guess.landmarks, workers); };
  Guess* best = &odometry;
  if (solved && cost(chordal) <= cost(odometry)) best = &chordal;
  if (graph.has_vertices && cost(file) < cost(*best)) return file;
  return std::move(*best);
}

template Result<InitialGuess<SE2<double>>> initial_guess(const PoseGraph2&, Init, Workers&);
template Result<InitialGuess<SE3<double>>> initial_guess(const PoseGraph3&, Init, Workers&);

}  // namespace pipit
