#include "graph/incremental.h"

#include <optional>

#include "base/clock.h"
#include "base/contract.h"
#include "graph/graph_problem.h"

namespace pipit {

template <class Pose>
struct IncrementalOptimiser<Pose>::Parts {
  PoseGraph<Pose>& graph;
  OptimiseOptions options;
  GraphProblem<Pose> made;
  std::optional<Minimiser> minimiser;
};

template <class Pose>
IncrementalOptimiser<Pose>::IncrementalOptimiser(PoseGraph<Pose>& graph, const OptimiseOptions& options)
    : parts_(new Parts{graph, options, GraphProblem<Pose>(options.robust), {}}) {
  expects(!options.gnc, "IncrementalOptimiser: gnc weighs all loops anew, use optimise()");
}

template <class Pose>
IncrementalOptimiser<Pose>::~IncrementalOptimiser() = default;

template <class Pose>
Result<OptimiseSummary> IncrementalOptimiser<Pose>::optimise(const Observer& observer) {
  Parts& p = *parts_;
  const Stopwatch watch;
  if (p.graph.poses.empty()) return Error{Code::InvalidArgument, "pose graph: no poses"};
  if (std::string why = disconnection(p.graph); !why.empty()) return Error{Code::InvalidArgument, std::move(why)};
  OptimiseSummary summary;
  if (!p.minimiser) {
    Workers workers(p.options.minimise.num_threads);
    auto guess = initial_guess(p.graph, p.options.init, workers);
    if (!guess) return guess.error();
    summary.init = guess->used;
    p.graph.poses = std::move(guess->poses);
    p.graph.landmarks = std::move(guess->landmarks);
    p.graph.has_vertices = true;
    summary.seconds_init = watch.seconds();
  }
  const bool grown = p.made.follow(p.graph);
  if (!p.minimiser)
    p.minimiser.emplace(p.made.problem, p.options.minimise);
  else if (grown)
    p.minimiser->grow();
  p.made.minimise(*p.minimiser, p.graph, summary, observer);
  if (summary.init == Init::File) summary.chi2_file = summary.chi2_initial;
  summary.minimise.seconds.total = watch.seconds();
  return summary;
}

template class IncrementalOptimiser<SE2<double>>;
template class IncrementalOptimiser<SE3<double>>;

}  // namespace pipit
