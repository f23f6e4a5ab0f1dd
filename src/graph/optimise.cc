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

// chi2 of the problem's values: the residuals are whitened, so it is the sum of their squares (chi2.h, edges by the
// vector).
double chi2_of(const Problem& problem) {
  std::vector<double> r;
  double sum = 0;
  for (const auto& batch : problem.batches()) {
    r.resize(static_cast<std::size_t>(batch->size()) * static_cast<std::size_t>(batch->residual_dim()));
    batch->residuals(Format::Double, {0, static_cast<std::size_t>(batch->size())}, r);
    for (const double v : r) sum += v * v;
  }
  return sum;
}

// Calls visit(batch, factor, index of the edge in graph.edges or graph.landmark_edges) for every doubted factor.
template <class Pose, class Visit>
void visit_doubted(const PoseGraph<Pose>& graph, const Visit& visit) {
  std::size_t closure = 0;
  for (std::size_t e = 0; e < graph.edges.size(); ++e)
    if (!is_odometry(graph.edges[e])) visit(1, closure++, e);
  if constexpr (Pose::kDim == 3)
    for (std::size_t e = 0; e < graph.landmark_edges.size(); ++e) visit(2, e, e);
}

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

  const auto sort_out = [&](const auto& weight) {
    visit_doubted(graph, [&](std::size_t batch, std::size_t factor, std::size_t edge) {
      if (weight(batch, factor) >= 0.5) {
        ++summary.inliers;
      } else {
        ++summary.rejected;
        (batch == 1 ? summary.rejected_edges : summary.rejected_landmark_edges)
            .push_back(static_cast<std::int64_t>(edge));
      }
    });
  };
  Problem problem;
  build(graph, options.gnc ? RobustLoss{} : options.robust, problem);
  summary.chi2_initial = chi2_of(problem);
  if (options.init == Init::File) summary.chi2_file = summary.chi2_initial;
  if (options.gnc) {
    const std::size_t doubted[] = {1, 2};
    const std::size_t num = problem.batches().size() - 1;
    const GncSummary gnc = minimise_gnc(
        problem, std::span(doubted, num), options.minimise, {.scale = gnc_scale_of<Pose>(options)}, observer);
    summary.minimise = gnc.last;
    sort_out([&](std::size_t batch, std::size_t factor) { return problem.batches()[batch]->weights[factor]; });
  } else {
    Minimiser minimiser(problem, options.minimise);
    summary.minimise = minimiser.run(observer);
    std::vector<std::vector<double>> squares(problem.batches().size());
    if (options.robust.kind != RobustLoss::Kind::None)
      for (std::size_t b = 0; b < squares.size(); ++b) squares[b] = minimiser.squared_residuals(b);
    sort_out([&](std::size_t batch, std::size_t factor) {
      return squares[batch].empty() ? 1.0 : problem.batches()[batch]->loss.weight(squares[batch][factor]);
    });
  }
  take_values(problem, graph);
  summary.objective_initial = 2 * summary.minimise.cost_initial;
  summary.objective_final = 2 * summary.minimise.cost_final;
  problem.values<Pose>() = graph.poses;
  summary.chi2_final = chi2_of(problem);
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
