#include "graph/optimise.h"

#include <algorithm>

#include "base/clock.h"
#include "graph/graph_problem.h"
#include "poses/chi2.h"
#include "solve/covariance.h"

namespace pipit {
namespace {

template <class Pose>
double gnc_scale_of(const OptimiseOptions& options) {
  if (options.gnc_scale > 0) return options.gnc_scale;
  return Pose::kDim == 3 ? 4.0331 : 4.7391;  // sqrt of the 99.9 % quantile of chi-square, 3 and 6 degrees of freedom
}

// sum of min(r'Wr, c^2) over doubted edges and r'Wr over odometry: what graduated non-convexity lowers.
template <class Pose>
double truncated_chi2(const PoseGraph<Pose>& graph, const InitialGuess<Pose>& guess, double c2) {
  double sum = 0;
  for (const auto& edge : graph.edges) {
    const auto r = edge_error(guess.poses[edge.from], guess.poses[edge.to], edge.T_from_to);
    const double s = r.dot(edge.information * r);
    sum += is_odometry(edge) ? s : std::min(s, c2);
  }
  if constexpr (Pose::kDim == 3)
    for (const auto& edge : graph.landmark_edges) {
      const Eigen::Vector2d r = landmark_error(guess.poses[edge.pose], guess.landmarks[edge.landmark], edge.xy);
      sum += std::min(r.dot(edge.information * r), c2);
    }
  return sum;
}

// Init::Auto where closures may be wrong: the guess that fits best when no closure can cost more than c^2. Chordal
// rests on all of them and is ruined by many wrong ones; where few are wrong it is far nearer than odometry.
template <class Pose>
Result<InitialGuess<Pose>> guess_in_doubt(const PoseGraph<Pose>& graph, double c2, Workers& workers) {
  auto best = initial_guess(graph, Init::Odometry, workers);
  if (!best) return best;
  for (const Init init : {Init::Chordal, Init::File}) {
    auto other = initial_guess(graph, init, workers);
    if (other && truncated_chi2(graph, *other, c2) < truncated_chi2(graph, *best, c2)) best = std::move(other);
  }
  return best;
}

}  // namespace

template <class Pose>
Result<OptimiseSummary> optimise(PoseGraph<Pose>& graph, const OptimiseOptions& options, const Observer& observer) {
  if (graph.poses.empty()) return Error{Code::InvalidArgument, "pose graph: no poses"};
  const Stopwatch watch;
  OptimiseSummary summary;
  if (graph.has_vertices && options.init != Init::File) summary.chi2_file = chi2(graph);
  Workers workers(options.minimise.num_threads);
  {
    const double scale = gnc_scale_of<Pose>(options);
    auto guess = options.gnc && options.init == Init::Auto ? guess_in_doubt(graph, scale * scale, workers)
                                                           : initial_guess(graph, options.init, workers);
    if (!guess) return guess.error();
    summary.init = guess->used;
    graph.poses = std::move(guess->poses);
    graph.landmarks = std::move(guess->landmarks);
  }
  summary.seconds_init = watch.seconds();
  MinimiseOptions minimise = options.minimise;
  minimise.time_limit_s = std::max(0.0, minimise.time_limit_s - summary.seconds_init);

  GraphProblem<Pose> made(options.gnc ? RobustLoss{} : options.robust);
  made.follow(graph);
  if (options.gnc) {
    summary.chi2_initial = made.chi2();
    const std::size_t doubted[] = {1, 2};
    const std::size_t num = made.problem.batches().size() - 1;
    const GncSummary gnc =
        minimise_gnc(made.problem, std::span(doubted, num), minimise, {.scale = gnc_scale_of<Pose>(options)}, observer);
    summary.minimise = gnc.last;
    made.sort_out(
        graph,
        [&](std::size_t batch, std::size_t factor) { return made.problem.batches()[batch]->weights[factor]; },
        summary);
    made.finish(graph, summary);
  } else {
    Minimiser minimiser(made.problem, minimise);
    made.minimise(minimiser, graph, summary, observer);
  }
  if (options.init == Init::File) summary.chi2_file = summary.chi2_initial;
  summary.minimise.seconds.total = watch.seconds();
  return summary;
}

template <class Pose>
Result<std::vector<Eigen::Matrix<double, Pose::kDim, Pose::kDim>>> pose_covariances(
    const PoseGraph<Pose>& graph, std::span<const std::int32_t> poses) {
  GraphProblem<Pose> made(RobustLoss{});
  made.follow(graph);
  std::vector<Var<Pose>> vars;
  for (const std::int32_t pose : poses) vars.push_back({pose});
  return covariances<Pose>(made.problem, vars);
}

template Result<OptimiseSummary> optimise(PoseGraph2&, const OptimiseOptions&, const Observer&);
template Result<OptimiseSummary> optimise(PoseGraph3&, const OptimiseOptions&, const Observer&);
template Result<std::vector<Eigen::Matrix<double, 3, 3>>> pose_covariances(const PoseGraph2&,
                                                                           std::span<const std::int32_t>);
template Result<std::vector<Eigen::Matrix<double, 6, 6>>> pose_covariances(const PoseGraph3&,
                                                                           std::span<const std::int32_t>);

}  // namespace pipit
