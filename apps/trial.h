// apps/trial.h — one pose graph, one guess, one way to solve: what the evaluations compare.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "geom/trajectory.h"
#include "graph/optimise.h"

namespace pipit {

template <class Pose>
struct Trial {
  OptimiseSummary summary;
  std::vector<Pose> poses;  ///< where it ended
  double seconds = 0;       ///< of the optimisation, ordering and symbolic work included, initial guess not
};

/// A precision preset with everything else at its default.
inline MinimiseOptions preset(std::string_view precision,
                              SolverKind solver = SolverKind::Auto,
                              FactorKind factor = FactorKind::Auto) {
  MinimiseOptions options;
  options.precision = precision_preset(precision).value_or(mixed_precision());
  options.solver = solver;
  options.factor = factor;
  return options;
}

/// The options of a plain run: no loss, a given guess.
inline OptimiseOptions plain(const MinimiseOptions& minimise, Init init) {
  OptimiseOptions options;
  options.minimise = minimise;
  options.init = init;
  return options;
}

/// Optimises from the given poses. The graph keeps its own.
template <class Pose>
Result<Trial<Pose>> solve_from(PoseGraph<Pose> graph,
                               const std::vector<Pose>& guess,
                               const MinimiseOptions& minimise,
                               const Observer& observer = {}) {
  graph.poses = guess;
  graph.has_vertices = true;
  const auto summary = optimise(graph, plain(minimise, Init::File), observer);
  if (!summary) return summary.error();
  return Trial<Pose>{*summary, std::move(graph.poses), summary->minimise.seconds.total - summary->seconds_init};
}

template <class Pose>
auto positions(const std::vector<Pose>& poses) {
  using Point = std::decay_t<decltype(poses.front().t)>;
  std::vector<Point> points;
  points.reserve(poses.size());
  for (const Pose& pose : poses) points.push_back(pose.t);
  return points;
}

/// RMSE of positions in m after rotation and translation; NaN where the estimate is not finite.
template <class Pose>
double ate_m(const std::vector<Pose>& est, const std::vector<Pose>& truth, Align align = Align::Rigid) {
  constexpr int kPlaces = Pose::kDim == 3 ? 2 : 3;
  using Point = Eigen::Matrix<double, kPlaces, 1>;
  const auto a = positions(est), b = positions(truth);
  return ate<kPlaces>(std::span<const Point>(a), std::span<const Point>(b), align).position_m.rmse;
}

/// Positions of the estimate after the rotation and translation that bring it closest to the truth.
template <class Pose>
auto aligned_positions(const std::vector<Pose>& est, const std::vector<Pose>& truth) {
  constexpr int kPlaces = Pose::kDim == 3 ? 2 : 3;
  using Point = Eigen::Matrix<double, kPlaces, 1>;
  auto a = positions(est);
  const auto b = positions(truth);
  const auto fit = align<kPlaces>(std::span<const Point>(a), std::span<const Point>(b), Align::Rigid);
  for (auto& point : a) point = fit.act(point);
  return a;
}

/// Moves all poses by (x, 0, ..): measurements between them do not change.
template <class Pose>
std::vector<Pose> moved(std::vector<Pose> poses, double x_m) {
  for (Pose& pose : poses) pose.t[0] += x_m;
  return poses;
}

}  // namespace pipit
