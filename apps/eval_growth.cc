// pipit eval growth — time and memory against the number of key-frames: a direct fp64 solver, and the mixed one.
// Source: papers.md A-8. Direct: Cholesky in fp64 at every step. Mixed: conjugate gradients with a factor in fp16,
// reused.
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
#include "view/report.h"

namespace pipit {
namespace {

struct GrowthOptions {
  SimulateOptions sim;
  std::int32_t min_poses = 1000, max_poses = 100'000, max_direct = 100'000;
  int repeat = 3, num_threads = 1;
  std::string json, plot;
};

struct GrowthRow {
  std::int32_t poses = 0;
  std::int64_t edges = 0;
  double seconds_generate = 0, seconds_init = 0, direct = 0, mixed = 0;  ///< NaN where not run
  double chi2_direct = 0, chi2_mixed = 0;
  int iterations_direct = 0, iterations_mixed = 0, factorisations = 0;
  std::int64_t inner = 0, factor_bytes = 0, graph_bytes = 0;
  double peak_mb = 0;  ///< from the first pose drawn to the end of the first mixed run
  std::string chosen = "", reason = "";
  double peak_bytes() const { return peak_mb * 1e6; }
};

/// Beyond this the fastest of several runs says no more than the first one.
constexpr double kLongEnough_s = 10;

// 1000, 2000, 5000, 10000, ..: three sizes per decade.
std::vector<std::int32_t> sizes(const GrowthOptions& o) {
  std::vector<std::int32_t> all;
  for (std::int64_t decade = 10; decade <= o.max_poses; decade *= 10)
    for (const std::int64_t step : {1, 2, 5})
      if (decade * step >= o.min_poses && decade * step <= o.max_poses)
        all.push_back(static_cast<std::int32_t>(decade * step));
  return all;
}

/// Optimises `graph` from `guess`, again and again, and keeps the fastest time in `seconds`.
template <class Pose>
Result<OptimiseSummary> run_from(PoseGraph<Pose>& graph,
                                 const std::vector<Pose>& guess,
                                 const MinimiseOptions& minimise,
                                 double& seconds) {
  graph.poses = guess;
  graph.has_vertices = true;
  const auto summary = optimise(graph, plain(minimise, Init::File));
  if (!summary) return summary.error();
  seconds = std::fmin(seconds, summary->minimise.seconds.total - summary->seconds_init);
  return summary;
}

template <class Pose>
Result<GrowthRow> run_size(Simulated<Pose> simulated, const GrowthOptions& o) {
  simulated.truth = {};  // nobody asks, and it would count as memory
  PoseGraph<Pose>& graph = simulated.graph;
  GrowthRow row{.poses = graph.num_poses(), .edges = static_cast<std::int64_t>(graph.edges.size())};
  row.graph_bytes = row.poses * static_cast<std::int64_t>(sizeof(Pose) + sizeof(std::int64_t)) +
                    row.edges * static_cast<std::int64_t>(sizeof(Edge<Pose>));
  std::vector<Pose> start;
  {
    Workers workers(o.num_threads);
    const Stopwatch watch;
    auto guess = initial_guess(graph, Init::Chordal, workers);
    if (!guess) return guess.error();
    row.seconds_init = watch.seconds();
    start = std::move(guess->poses);
  }
  row.direct = row.mixed = row.chi2_direct = row.chi2_mixed = std::numeric_limits<double>::quiet_NaN();
  MinimiseOptions mixed = preset("mixed", SolverKind::Iccg), direct = preset("double", SolverKind::Cholesky);
  mixed.num_threads = direct.num_threads = o.num_threads;
  const Stopwatch watch;
  for (int k = 0; k < o.repeat && !interrupted(); ++k) {  // in turn, so that a busy machine slows both
    if (k > 0 && watch.seconds() > kLongEnough_s) break;
    const auto m = run_from(graph, start, mixed, row.mixed);
    if (!m) return m.error();
    if (k == 0) {
      row.peak_mb = peak_rss_mb();
      const Summary& run = m->minimise;
      row.chi2_mixed = m->chi2_final;
      row.iterations_mixed = run.iterations;
      row.inner = run.linear.inner_iterations;
      row.factorisations = static_cast<int>(run.linear.factorisations);
      row.factor_bytes = static_cast<std::int64_t>(run.linear.factor_bytes);
      row.chosen = run.linear.chosen;
      row.reason = run.linear.reason;
    }
    if (row.poses > o.max_direct) continue;
    const auto d = run_from(graph, start, direct, row.direct);
    if (!d) return d.error();
    row.chi2_direct = d->chi2_final;
    row.iterations_direct = d->minimise.iterations;
  }
  return row;
}

class GrowthReport {
 public:
  GrowthReport(const std::vector<GrowthRow>& rows, const GrowthOptions& o) : rows_(rows), o_(o) {}

  static std::string head() {
    return fmt::format("{:>9} {:>9} {:>11} {:>11} {:>11} {:>11} {:>7} {:>13} {:>9} {:>9}\n",
                       "poses",
                       "edges",
                       "generate(s)",
                       "init (s)",
                       "direct (s)",
                       "mixed (s)",
                       "ratio",
                       "chi2 differs",
                       "peak (MB)",
                       "B / pose");
  }
  static std::string line(const GrowthRow& row) {
    return fmt::format("{:>9} {:>9} {:>11.4g} {:>11.4g} {:>11.4g} {:>11.4g} {:>7.3g} {:>13.1e} {:>9.1f} {:>9.0f}\n",
                       row.poses,
                       row.edges,
                       row.seconds_generate,
                       row.seconds_init,
                       row.direct,
                       row.mixed,
                       row.direct / row.mixed,
                       row.chi2_mixed / row.chi2_direct - 1,
                       row.peak_mb,
                       row.peak_bytes() / row.poses);
  }
  std::string in_words() const {
    if (rows_.empty()) return "no sizes\n";
    const GrowthRow& last = rows_.back();
    return fmt::format(
        "from {} poses on time grows as poses^{:.2f} (init), poses^{:.2f} (direct) and poses^{:.2f} (mixed)\n"
        "memory grows as poses^{:.2f} from 10000 poses on; with {} poses: graph {:.0f} bytes per pose and {:.0f} per "
        "edge, all in all at the peak {:.0f} bytes per pose, {:.0f} per edge, {:.0f} per pose or edge\n"
        "largest: {}; {}\n",
        o_.min_poses,
        power(&GrowthRow::seconds_init),
        power(&GrowthRow::direct),
        power(&GrowthRow::mixed),
        power(&GrowthRow::peak_mb, 10'000),
        last.poses,
        bytes_per_pose(),
        bytes_per_edge(),
        last.peak_bytes() / last.poses,
        last.peak_bytes() / static_cast<double>(last.edges),
        last.peak_bytes() / (last.poses + static_cast<double>(last.edges)),
        last.chosen,
        last.reason);
  }

  std::vector<Figure> figures() const {
    Figure time(fmt::format("{}: time", name(o_.sim.kind)));
    axes(time, "time", "s");
    curve(time, "initial guess", Ink::Grey, &GrowthRow::seconds_init);
    curve(time, "direct, fp64", Ink::Orange, &GrowthRow::direct);
    curve(time, "mixed, factor in fp16, reused", Ink::Blue, &GrowthRow::mixed);
    Figure memory(fmt::format("{}: memory at the peak", name(o_.sim.kind)));
    axes(memory, "resident", "MB");
    curve(memory, "graph, guess and mixed solver", Ink::Blue, &GrowthRow::peak_mb);
    return {time, memory};
  }

  std::string pictures(bool html) const {
    if (!html) return side_by_side(figures(), 640, 440);
    return Report("Growth of pose graphs", fmt::format("simulated {}, seed {}", name(o_.sim.kind), o_.sim.seed))
        .figures(figures())
        .code(in_words())
        .html();
  }
  Json as_json() const {
    Json json{{"kind", name(o_.sim.kind)},
              {"seed", o_.sim.seed},
              {"threads", o_.num_threads},
              {"repeat", o_.repeat},
              {"power_init", number(power(&GrowthRow::seconds_init))},
              {"power_direct", number(power(&GrowthRow::direct))},
              {"power_mixed", number(power(&GrowthRow::mixed))},
              {"power_memory", number(power(&GrowthRow::peak_mb, 10'000))},
              {"graph_bytes_per_pose", number(bytes_per_pose())},
              {"graph_bytes_per_edge", number(bytes_per_edge())},
              {"rows", Json::array()}};
    for (const GrowthRow& row : rows_)
      json["rows"].push_back({{"poses", row.poses},
                              {"edges", row.edges},
                              {"seconds_generate", number(row.seconds_generate)},
                              {"seconds_init", number(row.seconds_init)},
                              {"seconds_direct", number(row.direct)},
                              {"seconds_mixed", number(row.mixed)},
                              {"chi2_direct", number(row.chi2_direct)},
                              {"chi2_mixed", number(row.chi2_mixed)},
                              {"iterations_direct", row.iterations_direct},
                              {"iterations_mixed", row.iterations_mixed},
                              {"inner_mixed", row.inner},
                              {"factorisations_mixed", row.factorisations},
                              {"factor_bytes_mixed", row.factor_bytes},
                              {"graph_bytes", row.graph_bytes},
                              {"solver_mixed", row.chosen},
                              {"reason_mixed", row.reason},
                              {"peak_rss_mb", number(row.peak_mb)},
                              {"bytes_per_pose", number(row.peak_bytes() / row.poses)},
                              {"bytes_per_edge", number(row.peak_bytes() / static_cast<double>(row.edges))}});
    return json;
  }

 private:
  /// p of value ~ poses^p. Of memory only from 10000 poses on: below, the program itself is most of it.
  double power(double GrowthRow::*value, std::int32_t from = 1000) const {
    std::vector<double> x, y;
    for (const GrowthRow& row : rows_)
      if (row.poses >= from) {
        x.push_back(row.poses);
        y.push_back(row.*value);
      }
    return growth_power(x, y);
  }
  bool space() const { return o_.sim.kind != GraphKind::Home && o_.sim.kind != GraphKind::City; }
  double bytes_per_pose() const {
    return static_cast<double>((space() ? sizeof(SE3<double>) : sizeof(SE2<double>)) + sizeof(std::int64_t));
  }
  double bytes_per_edge() const {
    return static_cast<double>(space() ? sizeof(Edge<SE3<double>>) : sizeof(Edge<SE2<double>>));
  }
  static void axes(Figure& figure, const char* what, const char* unit) {
    figure.x_axis({.label = "key-frames", .unit = "", .scale = Scale::Log})
        .y_axis({.label = what, .unit = unit, .scale = Scale::Log});
  }
  void curve(Figure& figure, const char* label, Ink ink, double GrowthRow::*value) const {
    std::vector<double> x, y;
    for (const GrowthRow& row : rows_) {
      x.push_back(row.poses);
      y.push_back(row.*value);
    }
    figure.line(label, x, y, {.ink = ink});
    figure.points("", x, y, {.ink = ink, .width_px = 5});
  }

  const std::vector<GrowthRow>& rows_;
  const GrowthOptions& o_;
};

Status run(const GrowthOptions& o) {
  for (const std::string& path : {o.json, o.plot})
    if (const Status fine = can_write(path); !fine) return fine;
  interrupted();
  const bool talk = o.json != "-";
  std::vector<GrowthRow> rows;
  const GrowthReport report(rows, o);
  if (talk) fmt::print("{}", report.head());
  for (const std::int32_t poses : sizes(o)) {
    if (interrupted()) break;
    SimulateOptions sim = o.sim;
    sim.num_poses = poses;
    reset_peak_rss();
    const Stopwatch watch;
    auto simulated = simulate_graph(sim);
    const double seconds_generate = watch.seconds();
    auto row = std::visit([&](auto& s) { return run_size(std::move(s), o); }, simulated);
    if (!row) return row.error();
    row->seconds_generate = seconds_generate;
    if (talk) {
      fmt::print("{}", report.line(*row));
      std::fflush(stdout);
    }
    rows.push_back(std::move(*row));
  }
  if (talk) fmt::print("{}", report.in_words());
  if (!o.plot.empty())
    if (const Status done = write_file(o.plot, report.pictures(o.plot.ends_with(".html"))); !done) return done;
  return write_json(o.json, report.as_json());
}

}  // namespace

void add_eval_growth(CLI::App& eval, Task& task) {
  auto o = std::make_shared<GrowthOptions>();
  CLI::App& app = *eval.add_subcommand("growth", "time and memory against the number of key-frames: fp64, and mixed");
  add_kind(app, o->sim);
  add_poses(app, "--min-poses", o->min_poses, "smallest problem");
  add_poses(app, "--max-poses", o->max_poses, "largest problem; three sizes per decade");
  add_poses(app, "--max-direct", o->max_direct, "largest problem for the direct solver");
  add_seed(app, o->sim.seed);
  add_number(
      app, "--repeat", o->repeat, 1, 1000, "runs of each (fewer of what takes 10 s), of which the fastest counts");
  add_threads(app, o->num_threads);
  add_json(app, o->json);
  add_plot(app, o->plot, "the curves");
  app.callback([o, &task] {
    expect_different_files({{"--json", o->json}, {"--plot", o->plot}});
    if (o->max_poses < o->min_poses) throw CLI::ValidationError("--max-poses", "is below --min-poses");
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
