// bench/pipit_ba.h — bundle adjustment by Pipit, with the diary that bench_ba reads.
#pragma once
#include <string>

#include "bundle/optimise.h"
#include "bundle_contender.h"

namespace pipit {

struct PipitBaOptions {
  std::string precision = "mixed";
  BundleSolver solver = BundleSolver::Auto;
  double tolerance = 1e-6;
  int num_threads = 1;
  bool watch_memory = true;
};

/// Intrinsics as run_ceres_ba has them: estimated for BAL cameras, kept everywhere else.
inline BundleRun run_pipit_ba(const Scene& scene, const PipitBaOptions& o) {
  BundleRun run;
  run.end = scene;
  const MemoryWatch memory(o.watch_memory);
  BundleOptions options;
  options.precision = *bundle_precision(o.precision);
  options.solver = o.solver;
  options.tolerance = o.tolerance;
  options.num_threads = o.num_threads;
  options.fix_intrinsics = scene.cameras.front().model != CameraModel::Bal;
  const BundleSummary s = optimise(run.end, options);
  run.peak_mb = memory.peak_mb();
  run.diary.push_back({0, s.before.cost});
  for (const Iteration& it : s.minimise.trace)
    if (it.accepted) run.diary.push_back({it.seconds, it.cost});
  run.seconds = s.minimise.seconds.total;
  run.cost = s.after.cost;
  run.not_seen = s.after.not_seen;
  run.iterations = s.minimise.iterations;
  run.linear_s = s.minimise.seconds.solve;
  run.jacobian_s = s.minimise.seconds.linearize;
  run.inner = s.minimise.linear.inner_iterations;
  run.name = "Pipit, " + o.precision;
  return run;
}

}  // namespace pipit
