// bench/contender.h — what bench_pgo compares: a solver that starts from given poses and keeps a diary of chi2 and
// time.
#pragma once
#include <limits>
#include <string>
#include <vector>

#include "poses/pose_graph.h"

namespace pipit {

/// One run. Times in seconds since the solver was handed the graph and the guess; ordering, symbolic work and whatever
/// else it needs to start are inside.
struct Run {
  struct Entry {
    double seconds = 0, chi2 = 0;
  };
  std::vector<Entry> diary;                                  ///< after each accepted step, best so far
  double seconds = std::numeric_limits<double>::infinity();  ///< until the solver stopped by itself
  double chi2 = std::numeric_limits<double>::quiet_NaN();    ///< of the final poses, by Pipit's chi2()
  int iterations = 0;
  std::string solver = "";  ///< what it says it is

  /// Infinite where the target was never reached.
  double seconds_to(double target) const {
    for (const Entry& entry : diary)
      if (entry.chi2 <= target) return entry.seconds;
    return std::numeric_limits<double>::infinity();
  }
};

}  // namespace pipit
