// pipit eval ablation — one rule of a double solver broken at a time, run until nothing moves: which rules matter.
// Source: papers.md. Distance: RMS of positions to the optimum in double, no alignment (the first pose is
// held).
#include <memory>

#include "base/parallel.h"
#include "eval.h"
#include "graph/g2o_io.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "sim_options.h"
#include "solve_options.h"
#include "trial.h"

namespace pipit {
namespace {

struct AblationOptions {
  std::string file, json;
  bool simulated = false;
  SimulateOptions sim;
  double far_m = 10'000;
  int max_iterations = 200, num_threads = 1;
};

struct Row {
  std::string group, what;
  double distance_m = 0, chi2 = 0;
  int iterations = 0;
  std::int64_t updates = 0;  ///< of single poses, attempts that were undone included
  Stop stop = Stop::Converged;
  RangeCounters range;
};

template <class Pose>
class Ablation {
 public:
  Ablation(const PoseGraph<Pose>& graph, std::vector<Pose> guess, const AblationOptions& o)
      : graph_(graph), guess_(std::move(guess)), o_(o) {}

  MinimiseOptions base(std::string_view precision) const {
    MinimiseOptions m = preset(precision);
    m.tolerance = 0;
    m.max_iterations = o_.max_iterations;
    m.num_threads = o_.num_threads;
    m.count_range = true;
    return m;
  }

  // Solves with the problem moved by `far_m` and compares with the reference moved as far.
  Status run(const std::string& group, const std::string& what, const MinimiseOptions& minimise, double far_m) {
    if (interrupted()) return Error{Code::Io, "interrupted: an ablation says nothing until all its runs are done"};
    const auto trial = solve_from(graph_, moved(guess_, far_m), minimise, progress(true));
    if (!trial) return trial.error();
    if (reference_.empty()) reference_ = trial->poses;
    const Summary& m = trial->summary.minimise;
    Row row{.group = group,
            .what = what,
            .distance_m = ate_m(trial->poses, moved(reference_, far_m), Align::None),
            .chi2 = trial->summary.chi2_final,
            .iterations = m.iterations,
            .stop = m.stop,
            .range = m.linear.range};
    for (const Iteration& it : m.trace) row.updates += it.attempts * static_cast<std::int64_t>(graph_.poses.size());
    say(false,
        "{:<10} {:<34} {:>11.3e} m   chi2 {:<14.8g} {:>4} iterations {:>9} pose updates   {:<14} {}/{} "
        "over-/underflows",
        row.group,
        row.what,
        row.distance_m,
        row.chi2,
        row.iterations,
        row.updates,
        name(row.stop),
        row.range.overflow,
        row.range.underflow);
    rows_.push_back(std::move(row));
    return Done{};
  }

  const std::vector<Row>& rows() const { return rows_; }
  double distance(std::string_view group, std::string_view what) const {
    for (const Row& row : rows_)
      if (row.group == group && row.what == what) return row.distance_m;
    return std::numeric_limits<double>::quiet_NaN();
  }

 private:
  const PoseGraph<Pose>& graph_;
  std::vector<Pose> guess_, reference_;
  const AblationOptions& o_;
  std::vector<Row> rows_;
};

template <class Pose>
Status run_graph(const PoseGraph<Pose>& graph, const std::string& source, const AblationOptions& o) {
  Workers workers(o.num_threads);
  auto guess = initial_guess(graph, Init::Auto, workers);
  if (!guess) return guess.error();
  Ablation<Pose> ablation(graph, std::move(guess->poses), o);
  Status done = ablation.run("reference", "double", ablation.base("double"), 0);
  for (const auto& [field, group] : std::initializer_list<std::pair<Format Precision::*, const char*>>{
           {&Precision::residual, "residual"}, {&Precision::jacobian, "Jacobian"}})
    for (const Format format : {Format::Single, Format::Half}) {
      MinimiseOptions m = ablation.base("double");
      m.precision.*field = format;
      if (done) done = ablation.run(group, std::string(name(format)), m, 0);
    }
  for (const Format format : {Format::Double, Format::Single, Format::Half}) {
    MinimiseOptions m = ablation.base("double");
    m.precision.update = format;
    if (done) done = ablation.run("update", std::string(name(format)), m, o.far_m);
  }
  for (const char* precision : {"mixed", "single", "half"})
    if (done) done = ablation.run("preset", precision, ablation.base(precision), 0);
  for (const char* precision : {"mixed", "half"}) {
    MinimiseOptions m = ablation.base(precision);
    m.precision.scaling = false;
    if (done) done = ablation.run("no scaling", precision, m, 0);
  }
  if (!done) return done;

  const auto ratio = [&](const char* group, Format a, Format b) {
    return ablation.distance(group, name(a)) / ablation.distance(group, name(b));
  };
  const double residual = ratio("residual", Format::Half, Format::Single);
  const double half_single = ratio("update", Format::Half, Format::Single);
  const double single_double = ratio("update", Format::Single, Format::Double);
  Json json{{"source", source},
            {"poses", graph.num_poses()},
            {"edges", graph.num_edges()},
            {"far_m", o.far_m},
            {"residual_half_over_single", number(residual)},
            {"update_half_over_single", number(half_single)},
            {"update_single_over_double", number(single_double)}};
  for (const Row& row : ablation.rows())
    json["rows"].push_back({{"group", row.group},
                            {"format", row.what},
                            {"distance_m", number(row.distance_m)},
                            {"chi2", number(row.chi2)},
                            {"iterations", row.iterations},
                            {"pose_updates", row.updates},
                            {"stop", name(row.stop)},
                            {"overflow", row.range.overflow},
                            {"underflow", row.range.underflow},
                            {"subnormal", row.range.subnormal}});
  if (o.json != "-") {
    fmt::print("{}: {} poses, {} edges; every run from the same guess until no step helps\n",
               source,
               graph.num_poses(),
               graph.num_edges());
    fmt::print("  {:<12}{:<14}{:>14}{:>18}{:>12}{:>14}  {:<15}{:>10}{:>11}\n",
               "broken rule",
               "",
               "distance (m)",
               "chi2",
               "iterations",
               "pose updates",
               "stop",
               "overflow",
               "underflow");
    for (const Row& row : ablation.rows())
      fmt::print("  {:<12}{:<14}{:>14.3e}{:>18.10g}{:>12}{:>14}  {:<15}{:>10}{:>11}\n",
                 row.group,
                 row.what,
                 row.distance_m,
                 row.chi2,
                 row.iterations,
                 row.updates,
                 name(row.stop),
                 row.range.overflow,
                 row.range.underflow);
    fmt::print("  residual: fp16 ends {:.3g} times as far from the double optimum as fp32 (wanted: 100 or more)\n",
               residual);
    fmt::print(
        "  update, {} km from the origin: fp16 ends {:.3g} times as far as fp32, fp32 {:.3g} times as far as fp64\n",
        o.far_m / 1000,
        half_single,
        single_double);
  }
  return write_json(o.json, json);
}

Status run(const AblationOptions& o) {
  if (const Status fine = can_write(o.json); !fine) return fine;
  interrupted();
  if (o.simulated)
    return std::visit(
        [&](const auto& s) {
          return run_graph(
              s.graph, fmt::format("{}, {} poses, seed {}", name(o.sim.kind), o.sim.num_poses, o.sim.seed), o);
        },
        simulate_graph(o.sim));
  const auto graph = read_pose_graph(o.file);
  if (!graph) return graph.error();
  return std::visit([&](const auto& g) { return run_graph(g, o.file, o); }, *graph);
}

}  // namespace

void add_eval_ablation(CLI::App& eval, Task& task) {
  auto o = std::make_shared<AblationOptions>();
  CLI::App& app = *eval.add_subcommand("ablation", "break one rule of a double solver at a time: which rules matter?");
  CLI::Option* file = app.add_option("FILE", o->file, "pose graph; '-' is standard input");
  CLI::Option* sim = app.add_flag("--sim", o->simulated, "simulate a graph instead (see --kind, --poses, --seed)");
  sim->excludes(file);
  add_kind(app, o->sim);
  add_poses(app, "--poses", o->sim.num_poses, "number of simulated poses");
  add_seed(app, o->sim.seed);
  add_number(app, "--far", o->far_m, 0.0, 1e9, "how far from the origin the problem is moved for the update, m");
  add_number(app, "--max-iterations", o->max_iterations, 1, 1'000'000, "linearisations of one run");
  add_threads(app, o->num_threads);
  add_json(app, o->json);
  app.callback([o, &task] {
    if (o->file.empty() && !o->simulated) throw CLI::RequiredError("FILE or --sim");
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
