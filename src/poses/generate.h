// poses/generate.h — pose graphs whose truth is known: simulated drives, noise, wrong closures.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "poses/noise_levels.h"
#include "poses/pose_graph.h"

namespace pipit {

enum class GraphKind : std::uint8_t {
  Home,    ///< plane: a household robot drives corridors and sweeps rooms, key-frame every 0.25 m or 45 degrees
  City,    ///< plane: streets on a square lattice of 1 m, random turns
  Grid,    ///< space: every node of a cubic lattice of 1 m in turn, looking anywhere
  Sphere,  ///< space: rings from pole to pole, 1 m apart, each tied to the one before
  Torus,   ///< space: rings around a tube, 1 m apart; the last ring is tied to the first
};

std::string_view name(GraphKind kind);
std::optional<GraphKind> graph_kind(std::string_view name);

/// Standard deviations of what is measured; where the defaults come from stands in noise_levels.h. The information of
/// an edge is the inverse of the covariance made from them.
struct GraphNoise {
  double odometry_fraction = noise_levels::kOdometryFraction;  ///< of the distance driven in a step
  double odometry_turn = noise_levels::kOdometryTurn;          ///< of the angle turned in a step
  double odometry_position = noise_levels::kOdometryPosition;  ///< m, added in quadrature at each step
  double odometry_angle = noise_levels::kOdometryAngle;        ///< rad, added in quadrature at each step
  double closure_position = noise_levels::kClosurePosition;    ///< m
  double closure_angle = noise_levels::kClosureAngle;          ///< rad
  double scale = 1;  ///< multiplies what is drawn, not the information: 0 gives exact measurements
};

struct SimulateOptions {
  GraphKind kind = GraphKind::Home;
  std::int32_t num_poses = 3000;  ///< >= 2
  std::uint64_t seed = 1;
  GraphNoise noise = {};
};

template <class Pose>
struct Simulated {
  PoseGraph<Pose> graph;    ///< poses: dead reckoning from the true first pose, drift included; ids 0..P-1
  std::vector<Pose> truth;  ///< [P] T_world_body
};
using AnySimulated = std::variant<Simulated<SE2<double>>, Simulated<SE3<double>>>;

/// A drive of num_poses poses with odometry between neighbours and loop closures where it comes back to a place.
///
/// The path depends on kind, num_poses and seed alone; noise is drawn from a stream of its own.
/// Needs   num_poses >= 2, sigmas > 0, scale >= 0.
/// Yields  a connected graph; at the truth chi2 is chi-square distributed with kDim * edges degrees of freedom (scale
/// 1). Cost    about 2 us per pose, and the same bits on every machine that computes sin, cos and log alike.
AnySimulated simulate_graph(const SimulateOptions& options);

/// Moves each pose by normal noise, sigma_t m on each axis of its own frame, sigma_r rad on each rotation axis.
template <class Pose>
void perturb(std::span<Pose> poses, double sigma_t, double sigma_r, std::uint64_t seed);

/// Adds `count` closures that claim two random, not neighbouring poses to be at the same place (within 0.1 m, 0.1 rad),
/// with the information of some closure of the graph (of its first edge when it has none): a robot fooled by
/// look-alikes. Needs   at least 3 poses and one edge. Returns the index of the first added edge.
template <class Pose>
std::size_t add_wrong_closures(PoseGraph<Pose>& graph, std::int32_t count, std::uint64_t seed);

}  // namespace pipit
