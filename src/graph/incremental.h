// graph/incremental.h — a pose graph that is kept at its optimum while it grows.
// Source: warm start and stale factor as in docs/decisions/sparse_solver.md;  the border of a factor:
// sparse/border.h.
#pragma once
#include <memory>

#include "graph/optimise.h"

namespace pipit {

/// A robot that closes a loop adds an edge and optimises again, in milliseconds:
///
///   PoseGraph2 graph;
///   IncrementalOptimiser<SE2<double>> optimiser(graph, {});
///   graph.add(SE2<double>{});
///   ... graph.add_step(last, T_last_next, information) ... graph.add(Edge<SE2<double>>{3, 90, T_3_90, information});
///   const auto summary = optimiser.optimise();
///
/// Every run starts from the poses in the graph, and from the order and the factor of the runs before where keeping
/// them pays (LinearSolver::grow).
template <class Pose>
class IncrementalOptimiser {
 public:
  /// Needs   the graph outlives this, stays where it is, and only grows: edges as they are, nothing becomes fixed.
  ///         Poses may be moved. No gnc, which weighs all loops anew (use optimise()).
  IncrementalOptimiser(PoseGraph<Pose>& graph, const OptimiseOptions& options);
  ~IncrementalOptimiser();

  /// As optimise(): the first time from the guess that options.init asks for, later from the graph's poses.
  /// Report and times but `total` in summary.minimise are sums over all runs.
  ///
  /// Fails   InvalidArgument: no poses, not connected, the first guess. The graph then keeps its poses.
  /// Yields  the optimum that a cold optimise() finds within the same tolerance, unless the guess leads elsewhere: the
  ///         warm start has seen all loops but the last ones.
  /// Cost    what was added counts twice: linear passes over the graph to take it in (1 ms for 3,000 poses), then the
  ///         steps themselves. A new order and factor only where the old ones no longer pay (LinearSolver::grow).
  /// Threads same bits for any minimise.num_threads.
  Result<OptimiseSummary> optimise(const Observer& observer = {});

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace pipit
