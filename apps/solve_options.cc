#include "solve_options.h"

#include "options.h"

namespace pipit {

namespace {

// What the presets are, as the report says it of the run.
std::string every_preset() {
  std::string text;
  for (const char* name : {"mixed", "single", "double", "half"})
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", name, describe(*precision_preset(name)));
  return text;
}

}  // namespace

CLI::Option* add_threads(CLI::App& app, int& num_threads) {
  return add_number(app, "--threads", num_threads, 1, 1024, "number of threads, which does not change the result");
}

void add_scaling(CLI::App& app, bool& scaling) {
  add_choice<bool>(app,
                   "--scaling",
                   scaling,
                   {{"on", true}, {"off", false}},
                   "equilibrate matrices and vectors before they are rounded; off shows what happens without");
}

void add_accumulate(CLI::App& app, std::optional<Accumulate>& accumulate) {
  app.add_option_function<std::string>(
         "--accumulate",
         [&accumulate](const std::string& word) {
           accumulate = word == "single"  ? Accumulate::Single
                        : word == "fused" ? Accumulate::HalfFused
                                          : Accumulate::HalfSeparate;
         },
         "how products of fp16 numbers add up: in fp32, or in fp16 with two roundings or one (default single; separate "
         "with --precision half)")
      ->option_text("single|separate|fused")
      ->check(CLI::Validator(
          [](const std::string& word) -> std::string {
            if (word == "single" || word == "separate" || word == "fused") return {};
            return fmt::format("'{}' is none of single|separate|fused", word);
          },
          ""));
}

void add_solve_options(CLI::App& app, SolveChoices& c) {
  MinimiseOptions& m = c.options.minimise;
  add_choice<std::string>(app,
                          "--precision",
                          c.precision,
                          {{"mixed", "mixed"}, {"single", "single"}, {"double", "double"}, {"half", "half"}},
                          "number formats. " + every_preset());
  add_choice<SolverKind>(app,
                         "--solver",
                         m.solver,
                         {{"auto", SolverKind::Auto},
                          {"iccg", SolverKind::Iccg},
                          {"cgnr", SolverKind::Cgnr},
                          {"cholesky", SolverKind::Cholesky}},
                         "linear solver");
  add_choice<FactorKind>(app,
                         "--preconditioner",
                         m.factor,
                         {{"auto", FactorKind::Auto},
                          {"jacobi", FactorKind::Jacobi},
                          {"ic0", FactorKind::Ic0},
                          {"icl", FactorKind::Icl},
                          {"complete", FactorKind::Complete}},
                         "of iccg and cgnr");
  add_choice<Strategy>(
      app,
      "--strategy",
      m.strategy,
      {{"lm", Strategy::LevenbergMarquardt}, {"gn", Strategy::GaussNewton}, {"dogleg", Strategy::Dogleg}},
      "Levenberg-Marquardt, Gauss-Newton or Powell's dogleg");
  add_choice<Init>(
      app,
      "--init",
      c.options.init,
      {{"auto", Init::Auto}, {"file", Init::File}, {"odometry", Init::Odometry}, {"chordal", Init::Chordal}},
      "initial guess");
  std::vector<Choice<std::string>> losses = {{"none", "none"}};
  for (const char* loss : {"huber", "cauchy", "tukey", "geman-mcclure", "gnc"}) losses.push_back({loss, loss});
  add_choice<std::string>(app, "--robust", c.robust, losses, "doubt of loop closures and landmarks");
  add_number(
      app,
      "--robust-scale",
      c.robust_scale,
      0.0,
      1e6,
      "residual at which doubt begins, in standard deviations; 0: by loss and dimension, so that under 2 % of good "
      "edges are rejected, and the 99.9 % quantile of chi for gnc");
  add_threads(app, m.num_threads);
  add_number(app, "--max-iterations", m.max_iterations, 0, 1'000'000'000, "linearisations");
  add_number(
      app, "--tolerance", m.tolerance, 0.0, 1.0, "stop when an iteration lowers the cost by less than this part");
  add_number(app, "--time-limit", c.time_limit_s, 0.0, 1e9, "seconds for the optimisation, 0: no limit");
  add_number(app,
             "--seed",
             c.seed,
             std::uint64_t{0},
             ~std::uint64_t{0},
             "of random choices; pgo makes none today, so results do not depend on it");
  add_scaling(app, c.scaling);
  add_accumulate(app, c.accumulate);
  add_choice<GraphFormat>(app,
                          "--format",
                          c.format,
                          {{"auto", GraphFormat::Auto}, {"toro", GraphFormat::Toro}},
                          "g2o and iSAM text say themselves what they are; toro: EDGE2 lists its information in TORO's "
                          "order");
}

OptimiseOptions optimise_options(const SolveChoices& c) {
  OptimiseOptions options = c.options;
  options.minimise.precision = precision_preset(c.precision).value_or(mixed_precision());
  options.minimise.precision.scaling = c.scaling;
  if (c.accumulate) options.minimise.precision.accumulate = *c.accumulate;
  if (c.time_limit_s > 0) options.minimise.time_limit_s = c.time_limit_s;
  options.gnc = c.robust == "gnc";
  if (options.gnc) {
    options.gnc_scale = c.robust_scale;
  } else {
    options.robust.kind = *robust_kind(c.robust);
    options.robust.scale = c.robust_scale;
  }
  return options;
}

}  // namespace pipit
