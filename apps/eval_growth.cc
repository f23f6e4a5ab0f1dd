// pipit eval growth — time against the number of key-frames: a direct fp64 solver, and the mixed one.
// Source: papers.md A-8. Direct: Cholesky in fp64 at every step. Mixed: conjugate gradients with a static fp16 factor.
#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/parallel.h"
#include "eval.h"
#include "json.h"
#include "options.h"
#include "pictures.h"
#include "progress.h"
#include "sim_options.h"
#include "solve_options.h"
#include "statistics.h"
#include "trial.h"

namespace pipit {
namespace {

struct GrowthOptions {
  SimulateOptions sim;
  std::int32_t max_poses = 100'000, max_direct = 10'000'000;
  int repeat = 3, num_threads = 1;
  std::string json, plot;
};

struct GrowthRow {
  std::int32_t poses = 0;
  std::int64_t edges = 0;
  double seconds_init = 0, direct = 0, mixed = 0;  ///< NaN where not run
  double chi2_direct = 0, chi2_mixed = 0;
  int iterations_direct = 0, iterations_mixed = 0;
  double peak_rss_mb = 0;
  std::string chosen = "";
};

// 100, 200, 500, 1000, ..: three sizes per decade.
std::vector<std::int32_t> sizes(std::int32_t max_poses) {
  std::vector<std::int32_t> all;
  for (std::int64_t decade = 100; decade <= max_poses; decade *= 10)
    for (const std::int64_t step : {1, 2, 5})
      if (decade * step <= max_poses) all.push_back(static_cast<std::int32_t>(decade * step));
  return all;
}

template <class Pose>
Result<GrowthRow> run_size(const Simulated<Pose>& simulated, const GrowthOptions& o) {
  const PoseGraph<Pose>& graph = simulated.graph;
  GrowthRow row{.poses = graph.num_poses(), .edges = static_cast<std::int64_t>(graph.edges.size())};
  Workers workers(o.num_threads);
  const Stopwatch watch;
  const auto guess = initial_guess(graph, Init::Chordal, workers);
  if (!guess) return guess.error();
  row.seconds_init = watch.seconds();
  row.direct = row.mixed = row.chi2_direct = row.chi2_mixed = std::numeric_limits<double>::quiet_NaN();
  MinimiseOptions mixed = preset("mixed", SolverKind::Iccg), direct = preset("double", SolverKind::Cholesky);
  mixed.num_threads = direct.num_threads = o.num_threads;
  for (int k = 0; k < o.repeat && !interrupted(); ++k) {  // in turn, so that a busy machine slows both
    const auto m = solve_from(graph, guess->poses, mixed);
    if (!m) return m.error();
    row.mixed = std::fmin(row.mixed, m->seconds);
    row.chi2_mixed = m->summary.chi2_final;
    row.iterations_mixed = m->summary.minimise.iterations;
    row.chosen = m->summary.minimise.linear.chosen;
    if (k == 0) row.peak_rss_mb = peak_rss_mb();
    if (row.poses > o.max_direct) continue;
    const auto d = solve_from(graph, guess->poses, direct);
    if (!d) return d.error();
    row.direct = std::fmin(row.direct, d->seconds);
    row.chi2_direct = d->summary.chi2_final;
    row.iterations_direct = d->summary.minimise.iterations;
  }
  return row;
}

Figure growth_figure(const std::vector<GrowthRow>& rows, const GrowthOptions& o) {
  std::vector<double> poses, direct, mixed;
  for (const GrowthRow& row : rows) {
    poses.push_back(row.poses);
    direct.push_back(row.direct);
    mixed.push_back(row.mixed);
  }
  Figure figure(fmt::format("{}: time of the optimisation", name(o.sim.kind)));
  figure.x_axis({.label = "key-frames", .unit = "", .scale = Scale::Log})
      .y_axis({.label = "time", .unit = "s", .scale = Scale::Log});
  figure.line("direct, fp64", poses, direct, {.ink = Ink::Orange});
  figure.points("", poses, direct, {.ink = Ink::Orange, .width_px = 5});
  figure.line("mixed, static fp16 factor", poses, mixed, {.ink = Ink::Blue});
  figure.points("", poses, mixed, {.ink = Ink::Blue, .width_px = 5});
  return figure;
}

Status run(const GrowthOptions& o) {
  for (const std::string& path : {o.json, o.plot})
    if (const Status fine = can_write(path); !fine) return fine;
  interrupted();
  const bool talk = o.json != "-";
  if (talk)
    fmt::print("{:>9} {:>9} {:>11} {:>12} {:>12} {:>8} {:>13}\n",
               "poses",
               "edges",
               "init (s)",
               "direct (s)",
               "mixed (s)",
               "ratio",
               "chi2 differs");
  std::vector<GrowthRow> rows;
  for (const std::int32_t poses : sizes(o.max_poses)) {
    if (interrupted()) break;
    SimulateOptions sim = o.sim;
    sim.num_poses = poses;
    const AnySimulated simulated = simulate_graph(sim);
    auto row = std::visit([&](const auto& s) { return run_size(s, o); }, simulated);
    if (!row) return row.error();
    if (talk) {
      fmt::print("{:>9} {:>9} {:>11.4g} {:>12.4g} {:>12.4g} {:>8.3g} {:>13.1e}\n",
                 row->poses,
                 row->edges,
                 row->seconds_init,
                 row->direct,
                 row->mixed,
                 row->direct / row->mixed,
                 row->chi2_mixed / row->chi2_direct - 1);
      std::fflush(stdout);
    }
    rows.push_back(std::move(*row));
  }
  std::vector<double> poses, direct, mixed;
  for (const GrowthRow& row : rows)
    if (row.poses >= 1000) {  // below, fixed costs hide the growth
      poses.push_back(row.poses);
      direct.push_back(row.direct);
      mixed.push_back(row.mixed);
    }
  const double power_direct = growth_power(poses, direct), power_mixed = growth_power(poses, mixed);
  if (talk)
    fmt::print(
        "from 1000 poses on time grows as poses^{:.2f} (direct) and poses^{:.2f} (mixed)\n", power_direct, power_mixed);
  if (!o.plot.empty())
    if (const Status done = write_file(o.plot, growth_figure(rows, o).svg()); !done) return done;
  Json json{{"kind", name(o.sim.kind)},
            {"seed", o.sim.seed},
            {"threads", o.num_threads},
            {"repeat", o.repeat},
            {"power_direct", number(power_direct)},
            {"power_mixed", number(power_mixed)},
            {"rows", Json::array()}};
  for (const GrowthRow& row : rows)
    json["rows"].push_back({{"poses", row.poses},
                            {"edges", row.edges},
                            {"seconds_init", number(row.seconds_init)},
                            {"seconds_direct", number(row.direct)},
                            {"seconds_mixed", number(row.mixed)},
                            {"chi2_direct", number(row.chi2_direct)},
                            {"chi2_mixed", number(row.chi2_mixed)},
                            {"iterations_direct", row.iterations_direct},
                            {"iterations_mixed", row.iterations_mixed},
                            {"solver_mixed", row.chosen},
                            {"peak_rss_mb", number(row.peak_rss_mb)}});
  return write_json(o.json, json);
}

}  // namespace

void add_eval_growth(CLI::App& eval, Task& task) {
  auto o = std::make_shared<GrowthOptions>();
  CLI::App& app = *eval.add_subcommand("growth", "time against the number of key-frames: direct in fp64, and mixed");
  add_kind(app, o->sim);
  add_poses(app, "--max-poses", o->max_poses, "largest problem; sizes grow from 100 on, three per decade");
  add_poses(app, "--max-direct", o->max_direct, "largest problem for the direct solver");
  add_seed(app, o->sim.seed);
  add_number(app, "--repeat", o->repeat, 1, 1000, "runs of each, of which the fastest counts");
  add_threads(app, o->num_threads);
  add_json(app, o->json);
  add_output(app, "--plot", o->plot, "the curves as SVG");
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
