// bench/ba_windows.h — windows by the hundred, a walk through one, and what fp16 storage saves.
#pragma once
#include "apps/json.h"
#include "ba_race.h"
#include "bundle/optimise.h"

namespace pipit {

/// Many windows, a few numbers: times to the pair's target, ratios, what the linear solve takes.
Json report_windows(const BaOptions& o);
/// What an inner iteration of CGNR takes in single and in mixed, which differ in the storage of J alone.
void report_products(const BaProblem& problem, const BaOptions& o, BundleSolver solver, Json& rows);
/// A walk of `walk` key-frames through a window of 50, each guess from odometry: what every update takes.
Json report_walk(const BaOptions& o);

}  // namespace pipit
