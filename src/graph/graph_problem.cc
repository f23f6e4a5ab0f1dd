#include "graph/graph_problem.h"

#include <algorithm>

#include "graph/between.h"

namespace pipit {
namespace {

RobustLoss scaled(RobustLoss loss, int dim) {
  if (loss.scale == 0) loss.scale = default_scale(loss.kind, dim);
  return loss;
}

template <class F>
FactorBatch<F>& batch(Problem& problem, std::size_t index) {
  return static_cast<FactorBatch<F>&>(*problem.batches()[index]);
}

}  // namespace

template <class Pose>
GraphProblem<Pose>::GraphProblem(const RobustLoss& loss) {
  problem.new_batch<Between<Pose>>();
  problem.new_batch<Between<Pose>>(scaled(loss, Pose::kDim));
  if constexpr (Pose::kDim == 3) problem.new_batch<SeenPoint>(scaled(loss, 2));
}

template <class Pose>
bool GraphProblem<Pose>::follow(const PoseGraph<Pose>& graph) {
  auto& poses = problem.values<Pose>();
  const std::size_t num_before = poses.size(), num_edges_before = num_edges_;
  const std::size_t num_landmark_edges_before = num_landmark_edges_;
  expects(num_before <= graph.poses.size() && num_edges_ <= graph.edges.size() &&
              num_landmark_edges_ <= graph.landmark_edges.size(),
          "pose graph: something was taken away since the last optimisation");
  if (num_before == 0) poses.reserve(graph.poses.size());
  for (std::size_t i = num_before; i < graph.poses.size(); ++i) problem.add(graph.poses[i]);
  poses = graph.poses;
  for (const std::int32_t pose : graph.fixed) problem.fix(Var<Pose>{pose});
  if (graph.fixed.empty()) problem.fix(Var<Pose>{0});
  auto& odometry = batch<Between<Pose>>(problem, 0);
  auto& closures = batch<Between<Pose>>(problem, 1);
  if (num_edges_ == 0) {
    const auto num_odometry = static_cast<std::size_t>(
        std::count_if(graph.edges.begin(), graph.edges.end(), [](const auto& edge) { return is_odometry(edge); }));
    odometry.reserve(num_odometry);
    closures.reserve(graph.edges.size() - num_odometry);
  }
  InformationRoots<Pose> roots;
  while (num_edges_ < graph.edges.size()) {
    const auto edges = std::span(graph.edges)
                           .subspan(num_edges_)
                           .first(std::min<std::size_t>(roots.kCount, graph.edges.size() - num_edges_));
    roots.take(edges);
    for (std::size_t e = 0; e < edges.size(); ++e)
      (is_odometry(edges[e]) ? odometry : closures)
          .add(Between<Pose>(edges[e].T_from_to, roots[e]), Var<Pose>{edges[e].from}, Var<Pose>{edges[e].to});
    num_edges_ += edges.size();
  }
  bool more_landmarks = false;
  if constexpr (Pose::kDim == 3) {
    auto& points = problem.values<Point2<double>>();
    expects(points.size() <= graph.landmarks.size(), "pose graph: a landmark was taken away");
    more_landmarks = points.size() < graph.landmarks.size();
    for (std::size_t i = 0; i < graph.landmarks.size(); ++i) {
      const Point2<double> point{graph.landmarks[i]};
      i < points.size() ? void(points[i] = point) : void(problem.add(point));
    }
    auto& seen = batch<SeenPoint>(problem, 2);
    for (; num_landmark_edges_ < graph.landmark_edges.size(); ++num_landmark_edges_) {
      const LandmarkEdge& edge = graph.landmark_edges[num_landmark_edges_];
      seen.add(SeenPoint(edge), Var<Pose>{edge.pose}, Var<Point2<double>>{edge.landmark});
    }
  }
  return num_before < poses.size() || num_edges_before < num_edges_ || more_landmarks ||
         num_landmark_edges_before < num_landmark_edges_;
}

template <class Pose>
void GraphProblem<Pose>::minimise(Minimiser& minimiser,
                                  PoseGraph<Pose>& graph,
                                  OptimiseSummary& summary,
                                  const Observer& observer) {
  summary.chi2_initial = chi2();
  summary.minimise = minimiser.run(observer);
  std::vector<std::vector<double>> squares(problem.batches().size());
  for (std::size_t b = 0; b < squares.size(); ++b)
    if (problem.batches()[b]->loss.kind != RobustLoss::Kind::None) squares[b] = minimiser.squared_residuals(b);
  sort_out(
      graph,
      [&](std::size_t b, std::size_t factor) {
        return squares[b].empty() ? 1.0 : problem.batches()[b]->loss.weight(squares[b][factor]);
      },
      summary);
  finish(graph, summary);
}

template <class Pose>
void GraphProblem<Pose>::sort_out(const PoseGraph<Pose>& graph,
                                  const std::function<double(std::size_t, std::size_t)>& weight,
                                  OptimiseSummary& summary) const {
  const auto judge = [&](std::size_t b, std::size_t factor, std::size_t edge) {
    if (weight(b, factor) >= 0.5) return void(++summary.inliers);
    ++summary.rejected;
    (b == 1 ? summary.rejected_edges : summary.rejected_landmark_edges).push_back(static_cast<std::int64_t>(edge));
  };
  std::size_t closure = 0;
  for (std::size_t e = 0; e < graph.edges.size(); ++e)
    if (!is_odometry(graph.edges[e])) judge(1, closure++, e);
  if constexpr (Pose::kDim == 3)
    for (std::size_t e = 0; e < graph.landmark_edges.size(); ++e) judge(2, e, e);
}

template <class Pose>
void GraphProblem<Pose>::finish(PoseGraph<Pose>& graph, OptimiseSummary& summary) {
  graph.poses = problem.values<Pose>();
  if constexpr (Pose::kDim == 6)  // stored in fp32 or fp16 a quaternion loses its length: hand out rotations
    for (Pose& pose : graph.poses) pose.q.normalize();
  if constexpr (Pose::kDim == 3)
    for (std::size_t i = 0; i < graph.landmarks.size(); ++i) graph.landmarks[i] = problem.values<Point2<double>>()[i].v;
  problem.values<Pose>() = graph.poses;
  summary.objective_initial = 2 * summary.minimise.cost_initial;
  summary.objective_final = 2 * summary.minimise.cost_final;
  summary.chi2_final = chi2();
}

// The residuals are whitened, so it is the sum of their squares (chi2.h, edges by the vector).
template <class Pose>
double GraphProblem<Pose>::chi2() const {
  std::vector<double> r;
  double sum = 0;
  for (const auto& b : problem.batches()) {
    r.resize(static_cast<std::size_t>(b->size()) * static_cast<std::size_t>(b->residual_dim()));
    b->residuals(Format::Double, {0, static_cast<std::size_t>(b->size())}, r);
    for (const double v : r) sum += v * v;
  }
  return sum;
}

template class GraphProblem<SE2<double>>;
template class GraphProblem<SE3<double>>;

}  // namespace pipit
