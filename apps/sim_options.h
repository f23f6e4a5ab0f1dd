// apps/sim_options.h — which simulated pose graph: shared by `sim graph` and by the evaluations that make their own
// data.
#pragma once
#include <CLI/App.hpp>

#include "options.h"
#include "poses/generate.h"

namespace pipit {

inline void add_kind(CLI::App& app, SimulateOptions& sim) {
  add_choice<GraphKind>(app,
                        "--kind",
                        sim.kind,
                        {{"home", GraphKind::Home},
                         {"grid", GraphKind::Grid},
                         {"sphere", GraphKind::Sphere},
                         {"torus", GraphKind::Torus},
                         {"city", GraphKind::City}},
                        "home and city lie in the plane; home: corridors and rooms of a household robot");
}

inline void add_seed(CLI::App& app, std::uint64_t& seed) {
  add_number(app, "--seed", seed, std::uint64_t{0}, ~std::uint64_t{0}, "same seed, same bits");
}

/// What is measured how well; the defaults are those of the library.
inline void add_noise(CLI::App& app, GraphNoise& noise) {
  add_number(app, "--closure-position", noise.closure_position, 1e-9, 1e3, "standard deviation of a loop closure, m");
  add_number(app, "--closure-angle", noise.closure_angle, 1e-9, 3.0, "standard deviation of a loop closure, rad");
  add_number(app, "--odometry", noise.odometry_fraction, 1e-9, 1.0, "standard deviation of odometry, part of the way");
  add_number(app, "--odometry-turn", noise.odometry_turn, 1e-9, 1.0, "the same of a turn, part of its angle");
}

inline void add_poses(CLI::App& app, const std::string& flag, std::int32_t& num_poses, const std::string& help) {
  add_number(app, flag, num_poses, 2, 10'000'000, help);
}

}  // namespace pipit
