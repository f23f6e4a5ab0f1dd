#include "graph/optimise.h"

#include <algorithm>

#include "base/clock.h"
#include "graph/between.h"
#include "graph/chi2.h"
#include "solve/covariance.h"

namespace pipit {
namespace {

template <class Pose>
struct BetweenOf;
template <>
struct BetweenOf<SE2<double>> {
  using Type = BetweenSE2;
};
template <>
struct BetweenOf<SE3<double>> {
  using Type = BetweenSE3;
};

RobustLoss scaled(RobustLoss loss, int dim) {
  if (loss.scale == 0) loss.scale = default_scale(loss.kind, dim);
  return loss;
}

// The graph as a least-squares problem. Batch 0: odometry; 1: loop closures; 2 (2-D): landmark edges.
template <class Pose>
void build(const PoseGraph<Pose>& graph, const RobustLoss& loss, Problem& problem) {
  using Between = typename BetweenOf<Pose>::Type;
  problem.values<Pose>().reserve(graph.poses.size());
  for (const Pose& pose : graph.poses) problem.add(pose);
  for (const std::int32_t pose : graph.fixed) problem.fix(Var<Pose>{pose});
  if (graph.fixed.empty()) problem.fix(Var<Pose>{0});
  auto& odometry = problem.new_batch<Between>();
  auto& closures = problem.new_batch<Between>(scaled(loss, Pose::kDim));
  const auto num_odometry = static_cast<std::size_t>(
      std::count_if(graph.edges.begin(), graph.edges.end(), [](const auto& edge) { return is_odometry(edge); }));
  odometry.reserve(num_odometry);
  closures.reserve(graph.edges.size() - num_odometry);
  // Edges often share one information: its root is taken once.
  using Information = typename Edge<Pose>::Information;
  Information last = Information::Identity(), root = last;
  for (const auto& edge : graph.edges) {
    if (edge.information != last) root = information_root<Pose::kDim>(last = edge.information);
    (is_odometry(edge) ? odometry : closures)
        .add(Between(edge.T_from_to, root), Var<Pose>{edge.from}, Var<Pose>{edge.to});
  }
  if constexpr (Pose::kDim == 3) {
    for (const auto& landmark : graph.landmarks) problem.add(Point2<double>{landmark});
    auto& seen = problem.new_batch<SeenPoint>(scaled(loss, 2));
    for (const auto& edge : graph.landmark_edges)
      seen.add(SeenPoint(edge), Var<Pose>{edge.pose}, Var<Point2<double>>{edge.landmark});
  }
}

template <class Pose>
void take_values(Problem& problem, PoseGraph<Pose>& graph) {
  graph.poses = problem.values<Pose>();
  if constexpr (Pose::kDim == 6)  // stored in fp32 or fp16 a quaternion loses its length: hand out rotations
    for (Pose& pose : graph.poses) pose.q.normalize();
  if constexpr (Pose::kDim == 3)
    for (std::size_t i = 0; i < graph.landmarks.size(); ++i) graph.landmarks[i] = problem.values<Point2<double>>()[i].v;
}

template <class Pose>
double gnc_scale_of(const OptimiseOptions& options) {
  if (options.gnc_scale > 0) return options.gnc_scale;
  return Pose::kDim == 3 ? 4.0331 : 4.7391;  // sqrt of the 99.9 % quantile of chi-square, 3 and 6 degrees of freedom
}

}  // namespace

template <class Pose>
Result<OptimiseSummary> optimise(PoseGraph<Pose>& graph, const OptimiseOptions& options, const Observer& observer) {
  if (graph.poses.empty()) return Error{Code::InvalidArgument, "pose graph: no poses"};
  const Stopwatch watch;
  OptimiseSummary summary;
  if (graph.has_vertices) summary.chi2_file = chi2(graph);
  Workers workers(options.minimise.num_threads);
  {
    auto guess = initial_guess(graph, options.init, workers);
    if (!guess) return guess.error();
    summary.init = guess->used;
    graph.poses = std::move(guess->poses);
    graph.landmarks = std::move(guess->landmarks);
  }
  summary.seconds_init = watch.seconds();
  summary.chi2_initial = summary.init == Init::File ? *summary.chi2_file : chi2(graph);

  Problem problem;
  build(graph, options.gnc ? RobustLoss{} : options.robust, problem);
  if (options.gnc) {
    const std::size_t doubted[] = {1, 2};
    const std::size_t num = problem.batches().size() - 1;
    const GncSummary gnc = minimise_gnc(
        problem, std::span(doubted, num), options.minimise, {.scale = gnc_scale_of<Pose>(options)}, observer);
    summary.minimise = gnc.last;
    summary.inliers = gnc.inliers;
    summary.rejected = gnc.rejected;
  } else {
    Minimiser minimiser(problem, options.minimise);
    summary.minimise = minimiser.run(observer);
    for (std::size_t b = 1; b < problem.batches().size(); ++b) {
      const RobustLoss& loss = problem.batches()[b]->loss;
      for (const double s : minimiser.squared_residuals(b))
        ++(loss.weight(s) >= 0.5 ? summary.inliers : summary.rejected);
    }
  }
  take_values(problem, graph);
  summary.objective_initial = 2 * summary.minimise.cost_initial;
  summary.objective_final = 2 * summary.minimise.cost_final;
  summary.chi2_final = chi2(graph);
  summary.minimise.seconds.total = watch.seconds();
  return summary;
}

template <class Pose>
Result<std::vector<Eigen::Matrix<double, Pose::kDim, Pose::kDim>>> pose_covariances(
    const PoseGraph<Pose>& graph, std::span<const std::int32_t> poses) {
  Problem problem;
  build(graph, RobustLoss{}, problem);
  std::vector<Var<Pose>> vars;
  for (const std::int32_t pose : poses) vars.push_back({pose});
  return covariances<Pose>(problem, vars);
}

template Result<OptimiseSummary> optimise(PoseGraph2&, const OptimiseOptions&, const Observer&);
template Result<OptimiseSummary> optimise(PoseGraph3&, const OptimiseOptions&, const Observer&);
template Result<std::vector<Eigen::Matrix<double, 3, 3>>> pose_covariances(const PoseGraph2&,
                                                                           std::span<const std::int32_t>);
template Result<std::vector<Eigen::Matrix<double, 6, 6>>> pose_covariances(const PoseGraph3&,
                                                                           std::span<const std::int32_t>);

}  // namespace pipit
