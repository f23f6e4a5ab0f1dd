// bench/bundle_contender.h — what bench_ba compares: a solver that starts from a scene and keeps a diary of cost and
// time.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/clock.h"
#include "scene/scene.h"

namespace pipit {

/// What a run holds beyond what was held before. Asking means giving back what earlier runs left, and every page of the
/// next costs a call to the system: 3 ms of a window's 3.
class MemoryWatch {
 public:
  explicit MemoryWatch(bool on) : on_(on && reset_peak_rss()), before_mb_(on_ ? peak_rss_mb() : 0) {}
  double peak_mb() const { return on_ ? peak_rss_mb() - before_mb_ : std::numeric_limits<double>::quiet_NaN(); }

 private:
  bool on_;
  double before_mb_;
};

/// One run. Times in seconds since the solver was handed the scene in its own form; ordering, symbolic work and
/// whatever else it needs to start are inside.
struct BundleRun {
  struct Entry {
    double seconds = 0, cost = 0;
  };
  std::string name;                                          ///< the solver and its setting
  std::vector<Entry> diary;                                  ///< at the start and after each accepted step
  double seconds = std::numeric_limits<double>::infinity();  ///< until the solver stopped by itself
  double cost = std::numeric_limits<double>::quiet_NaN();    ///< of the final scene, by Pipit's error_of()
  std::int64_t not_seen = 0;  ///< of the final scene: who hides points pays nothing for them
  int iterations = 0;
  std::int64_t inner = 0;  ///< of conjugate gradients, where the solver tells
  double peak_mb = 0;      ///< at most held during the run beyond what was held before
  double linear_s = 0, jacobian_s = 0, residual_s = 0, setup_s = 0;  ///< where it went, as far as the solver tells
  Scene end = {};

  /// Infinite where the target was never reached.
  double seconds_to(double target) const {
    for (const Entry& entry : diary)
      if (entry.cost <= target) return entry.seconds;
    return std::numeric_limits<double>::infinity();
  }
};

}  // namespace pipit
