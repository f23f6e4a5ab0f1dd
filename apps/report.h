// apps/report.h — what a run of the optimiser did: a summary for people, and JSON.
#pragma once
#include <cstdint>
#include <string>

#include "graph/optimise.h"
#include "json.h"

namespace pipit {

/// Everything that a report tells. Frames, units and meaning as in graph/optimise.h.
struct RunReport {
  std::string file, precision, robust;
  bool space = false;  ///< 3-D
  std::int64_t poses = 0, landmarks = 0, edges = 0, closures = 0, dropped_edges = 0;
  double seconds_read = 0;
  OptimiseOptions options;
  OptimiseSummary summary;
};

template <class Pose>
RunReport make_report(const PoseGraph<Pose>& graph) {
  RunReport report;
  report.space = Pose::kDim == 6;
  report.poses = graph.num_poses();
  report.landmarks = graph.num_landmarks();
  report.edges = static_cast<std::int64_t>(graph.num_edges());
  for (const auto& edge : graph.edges) report.closures += is_odometry(edge) ? 0 : 1;
  report.dropped_edges = graph.dropped_edges;
  return report;
}

/// "iccg": the first word of what the linear solver says it is.
std::string solver_name(const LinearReport& linear);

/// "23.4 ms".
std::string seconds(double s);
/// "converged after 12 iterations".
std::string stop_in_words(const Summary& summary);
std::string work_in_words(const LinearReport& linear);
std::string range_in_words(const RangeCounters& range);

/// What every run of an optimiser tells: iterations, stop, solver, precision, threads, seconds, half, trace, ...
void add_run(Json& json, const Summary& summary, const std::string& preset, const Precision& precision, int threads);

/// Several lines, each a thing a person wants to know.
std::string in_words(const RunReport& report);

/// The fields that README lists; numbers that are not finite are null.
Json as_json(const RunReport& report);

}  // namespace pipit
