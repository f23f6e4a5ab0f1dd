// apps/solve_options.h — the options that say how a pose graph is optimised, for every command that does so.
#pragma once
#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "graph/optimise.h"
#include "poses/g2o_io.h"

namespace pipit {

/// As typed; `optimise_options` turns it into what the library wants.
struct SolveChoices {
  std::string precision = "mixed";
  std::string robust = "none";
  double robust_scale = 0;  ///< 0: the default of the loss
  double time_limit_s = 0;  ///< 0: none
  bool scaling = true;
  std::optional<Accumulate> accumulate;
  std::uint64_t seed = 1;
  GraphFormat format = GraphFormat::Auto;
  OptimiseOptions options;  ///< the rest is written here directly
};

void add_solve_options(CLI::App& app, SolveChoices& choices);

OptimiseOptions optimise_options(const SolveChoices& choices);

/// How many threads: shared by commands that have no other solver option.
CLI::Option* add_threads(CLI::App& app, int& num_threads);
/// What every command has that rounds to fp16.
void add_scaling(CLI::App& app, bool& scaling);
void add_accumulate(CLI::App& app, std::optional<Accumulate>& accumulate);

}  // namespace pipit
