#include "poses/generate.h"

#include <cmath>

#include "base/contract.h"
#include "base/random.h"
#include "poses/drives.h"
#include "poses/spanning_tree.h"

namespace pipit {
namespace {

template <class Pose>
constexpr int kPlaces = Pose::kDim == 3 ? 2 : 3;  // coordinates of a place; the rest of the tangent is rotation

/// z = truth moved by normal noise; W is the inverse covariance in the error of chi2.h (half angles in space).
template <class Pose>
Edge<Pose> measure(std::int32_t from,
                   std::int32_t to,
                   const Pose& T_from_to,
                   double sigma_t,
                   double sigma_r,
                   double scale,
                   Random& random) {
  constexpr int D = Pose::kDim, N = kPlaces<Pose>;
  Edge<Pose> edge{from, to, T_from_to, {}};
  edge.information.setZero();
  const double in_error = D == 6 ? 0.5 : 1;  // the error holds this much of an angle
  typename Pose::Tangent d;
  for (int k = 0; k < D; ++k) {
    const double sigma = k < N ? sigma_t : sigma_r;
    d[k] = scale * sigma * random.normal();
    const double in_chi2 = k < N ? sigma : in_error * sigma;
    edge.information(k, k) = 1 / (in_chi2 * in_chi2);
  }
  if (scale > 0) edge.T_from_to = T_from_to.retract(d);
  return edge;
}

double angle_of(const SE2<double>& T) { return std::abs(T.theta); }
double angle_of(const SE3<double>& T) { return 2 * std::atan2(T.q.vec().norm(), std::abs(T.q.w())); }

template <class Pose>
Simulated<Pose> measured(Drive<Pose> drive, const GraphNoise& noise, Random& random) {
  Simulated<Pose> out;
  out.truth = std::move(drive.poses);
  PoseGraph<Pose>& graph = out.graph;
  const std::size_t num_poses = out.truth.size();
  const auto relative = [&](std::int32_t from, std::int32_t to) {
    Pose T = out.truth[from].inverse() * out.truth[to];
    if constexpr (Pose::kDim == 6) T.q.normalize();
    return T;
  };
  graph.edges.reserve(num_poses + drive.closures.size());
  for (std::int32_t i = 0; i + 1 < static_cast<std::int32_t>(num_poses); ++i) {
    const Pose T = relative(i, i + 1);
    graph.edges.push_back(measure(i,
                                  i + 1,
                                  T,
                                  std::hypot(noise.odometry_position, noise.odometry_fraction * T.t.norm()),
                                  std::hypot(noise.odometry_angle, noise.odometry_turn * angle_of(T)),
                                  noise.scale,
                                  random));
  }
  for (const auto& [from, to] : drive.closures)
    graph.edges.push_back(
        measure(from, to, relative(from, to), noise.closure_position, noise.closure_angle, noise.scale, random));
  graph.ids.resize(num_poses);
  for (std::size_t i = 0; i < num_poses; ++i) graph.ids[i] = static_cast<std::int64_t>(i);
  graph.has_vertices = true;
  graph.poses.resize(num_poses);
  graph.poses[0] = out.truth[0];
  const std::int32_t root[] = {0};
  compose_along<Pose>(spanning_tree<Pose>(graph, root), graph, graph.poses);
  return out;
}

}  // namespace

std::string_view name(GraphKind kind) {
  switch (kind) {
    case GraphKind::Home:
      return "home";
    case GraphKind::City:
      return "city";
    case GraphKind::Grid:
      return "grid";
    case GraphKind::Sphere:
      return "sphere";
    case GraphKind::Torus:
      return "torus";
  }
  return "unknown";
}

std::optional<GraphKind> graph_kind(std::string_view wanted) {
  for (const GraphKind kind : {GraphKind::Home, GraphKind::City, GraphKind::Grid, GraphKind::Sphere, GraphKind::Torus})
    if (name(kind) == wanted) return kind;
  return std::nullopt;
}

AnySimulated simulate_graph(const SimulateOptions& options) {
  const GraphNoise& noise = options.noise;
  expects(options.num_poses >= 2, "simulate_graph: needs at least 2 poses");
  expects(noise.odometry_position > 0 && noise.odometry_angle > 0 && noise.odometry_fraction >= 0 &&
              noise.odometry_turn >= 0 && noise.closure_position > 0 && noise.closure_angle > 0 && noise.scale >= 0,
          "simulate_graph: sigmas must be above zero");
  Random path(options.seed), draw(options.seed ^ 0x6e6f697365u);
  switch (options.kind) {
    case GraphKind::Home:
      return measured(drive_home(options.num_poses, path), noise, draw);
    case GraphKind::City:
      return measured(drive_city(options.num_poses, path), noise, draw);
    case GraphKind::Grid:
      return measured(drive_grid(options.num_poses, path), noise, draw);
    case GraphKind::Sphere:
      return measured(drive_sphere(options.num_poses), noise, draw);
    case GraphKind::Torus:
      break;
  }
  return measured(drive_torus(options.num_poses), noise, draw);
}

template <class Pose>
void perturb(std::span<Pose> poses, double sigma_t, double sigma_r, std::uint64_t seed) {
  Random random(seed);
  for (Pose& pose : poses) {
    typename Pose::Tangent d;
    for (int k = 0; k < Pose::kDim; ++k) d[k] = (k < kPlaces<Pose> ? sigma_t : sigma_r) * random.normal();
    pose = pose.retract(d);
  }
}

template <class Pose>
std::size_t add_wrong_closures(PoseGraph<Pose>& graph, std::int32_t count, std::uint64_t seed) {
  expects(graph.num_poses() >= 3 && !graph.edges.empty(), "add_wrong_closures: needs 3 poses and an edge");
  Random random(seed);
  const std::size_t first = graph.edges.size();
  std::vector<std::size_t> closures;
  for (std::size_t e = 0; e < first; ++e)
    if (!is_odometry(graph.edges[e])) closures.push_back(e);
  for (std::int32_t k = 0; k < count; ++k) {
    Edge<Pose> edge = graph.edges[closures.empty() ? 0 : closures[random.below(closures.size())]];
    do {
      edge.from = static_cast<std::int32_t>(random.below(graph.poses.size()));
      edge.to = static_cast<std::int32_t>(random.below(graph.poses.size()));
    } while (edge.from == edge.to || is_odometry(edge));
    edge.T_from_to = Pose();
    perturb<Pose>({&edge.T_from_to, 1}, 0.1, 0.1, random());
    graph.edges.push_back(edge);
  }
  return first;
}

template void perturb(std::span<SE2<double>>, double, double, std::uint64_t);
template void perturb(std::span<SE3<double>>, double, double, std::uint64_t);
template std::size_t add_wrong_closures(PoseGraph2&, std::int32_t, std::uint64_t);
template std::size_t add_wrong_closures(PoseGraph3&, std::int32_t, std::uint64_t);

}  // namespace pipit
