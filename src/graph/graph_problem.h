// graph/graph_problem.h — a pose graph as a least-squares problem that follows the graph as it grows. Private to
// graph/.
#pragma once
#include <functional>

#include "graph/optimise.h"
#include "poses/pose_graph.h"
#include "solve/problem.h"

namespace pipit {

/// Batch 0: odometry; 1: loop closures; 2 (2-D): landmark edges. The last two are doubted, and may get a loss.
template <class Pose>
class GraphProblem {
 public:
  explicit GraphProblem(const RobustLoss& loss);

  /// Adds what the graph holds and the problem does not hold yet, and takes over the values of all poses and landmarks.
  /// Yields whether anything was added. Needs: what was there before is there still, edges unchanged.
  bool follow(const PoseGraph<Pose>& graph);

  /// One run of the minimiser of this problem. Graph and summary get the outcome, without init, chi2_file and seconds.
  void minimise(Minimiser& minimiser, PoseGraph<Pose>& graph, OptimiseSummary& summary, const Observer& observer);

  /// For runs of another kind: which doubted edges weigh at least a half, then the values and their cost.
  void sort_out(const PoseGraph<Pose>& graph,
                const std::function<double(std::size_t batch, std::size_t factor)>& weight,
                OptimiseSummary& summary) const;
  void finish(PoseGraph<Pose>& graph, OptimiseSummary& summary);

  double chi2() const;

  Problem problem;

 private:
  std::size_t num_edges_ = 0, num_landmark_edges_ = 0;  // of the graph, that are in the problem
};

}  // namespace pipit
