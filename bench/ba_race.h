// bench/ba_race.h — the problems that bench_ba solves, who solves them, and how two of them are compared.
#pragma once
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "bundle_contender.h"

namespace pipit {

struct BaOptions {
  std::vector<std::string> scenes, settings;
  std::vector<std::int32_t> buildings;
  int windows = 0, walk = 0;
  std::string json;
  Third third = Third::None;  ///< of windows and walks
  std::uint64_t seed = 1;
  int num_threads = 1, repeat = 3;
  bool products = false;  ///< of CGNR instead of races
};

struct BaProblem {
  std::string name;
  Scene start;
  std::optional<Scene> truth = {};
};

/// One solver on one problem: the best of its runs.
struct Contender {
  std::string name;
  bool peer;
  std::function<BundleRun(const Scene&)> solve;
  BundleRun best = {};

  void take(BundleRun run) {
    if (!(run.seconds >= best.seconds)) best = std::move(run);
  }
};

/// Pipit in three precisions, and every setting of the peer that is asked for; of a window only the one that is fast
/// there.
std::vector<Contender> contenders(const BaOptions& o, bool window);
/// All of them, taking turns.
std::vector<Contender> race(const BaProblem& problem, const BaOptions& o, bool window);
/// The k-th window of the mission's size.
BaProblem window_of(const BaOptions& o, int k);

inline constexpr double kTarget = 1.001;
/// Against one peer: seconds of both to 0.1 % above the worse of their two ends.
struct Pair {
  double target = 0, ours = 0, theirs = 0;
  double ratio() const { return theirs / ours; }
};
inline Pair pair_of(const BundleRun& ours, const BundleRun& theirs) {
  const double target = kTarget * std::max(ours.cost, theirs.cost);
  return {target, ours.seconds_to(target), theirs.seconds_to(target)};
}

/// "12.34", or "not reached".
std::string in_ms(double seconds);

}  // namespace pipit
