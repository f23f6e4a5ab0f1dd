// pipit eval ablation — one rule of a double solver broken at a time, run until nothing moves: which rules matter.
// Source: papers.md. Distance: RMS of positions to the optimum in double, no alignment (the first pose is
// held).
#include <cmath>
#include <limits>
#include <memory>
#include <tuple>

#include "base/parallel.h"
#include "base/random.h"
#include "eval.h"
#include "json.h"
#include "options.h"
#include "poses/g2o_io.h"
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
  std::int64_t updates = 0;  ///< of single poses, by steps that were kept
  std::string stop;
  RangeCounters range;
};

std::string head() {
  return fmt::format("  {:<12}{:<14}{:>14}{:>18}{:>12}{:>14}  {:<15}{:>10}{:>11}\n",
                     "broken rule",
                     "",
                     "distance (m)",
                     "chi2",
                     "iterations",
                     "pose updates",
                     "stop",
                     "overflow",
                     "underflow");
}

std::string line(const Row& row) {
  return fmt::format("  {:<12}{:<14}{:>14.3e}{:>18}{:>12}{:>14}  {:<15}{:>10}{:>11}\n",
                     row.group,
                     row.what,
                     row.distance_m,
                     std::isfinite(row.chi2) ? fmt::format("{:.10g}", row.chi2) : "-",
                     row.iterations,
                     row.updates,
                     row.stop,
                     row.range.overflow,
                     row.range.underflow);
}

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
    std::int64_t kept = 0;
    for (const Iteration& it : m.trace) kept += it.accepted ? 1 : 0;
    add({.group = group,
         .what = what,
         .distance_m = ate_m(trial->poses, moved(reference_, far_m), Align::None),
         .chi2 = trial->summary.chi2_final,
         .iterations = m.iterations,
         .updates = kept * static_cast<std::int64_t>(graph_.poses.size()),
         .stop = std::string(name(m.stop)),
         .range = m.linear.range});
    return Done{};
  }

  // The rule of the update alone, without a solver that undoes what it cannot use: kSteps small steps composed one
  // after the other onto each of the first poses of the optimum, far from the origin, stored in `format` after each.
  // The reference takes the same steps in fp64 at the origin.
  void compose(Format format, double far_m) {
    auto exact = reference_;
    exact.resize(std::min<std::size_t>(exact.size(), kComposed));
    auto poses = moved(exact, far_m);
    Workers workers(o_.num_threads);
    take_steps(exact, Format::Double, workers);
    take_steps(poses, format, workers);
    add({.group = "composed",
         .what = std::string(name(format)),
         .distance_m = ate_m(poses, moved(exact, far_m), Align::None),
         .chi2 = std::numeric_limits<double>::quiet_NaN(),
         .iterations = kSteps,
         .updates = static_cast<std::int64_t>(kSteps) * static_cast<std::int64_t>(poses.size()),
         .stop = "as asked",
         .range = {}});
  }

  const std::vector<Row>& rows() const { return rows_; }
  double distance(std::string_view group, std::string_view what) const {
    for (const Row& row : rows_)
      if (row.group == group && row.what == what) return row.distance_m;
    return std::numeric_limits<double>::quiet_NaN();
  }

 private:
  static constexpr int kSteps = 10'000;
  static constexpr std::size_t kComposed = 100;

  // The steps are those of a solver near its end: a millimetre and a milliradian.
  static void take_steps(std::vector<Pose>& poses, Format format, Workers& workers) {
    VariableSet<Pose> set;
    for (const Pose& pose : poses) {
      const Var<Pose> var = set.add(pose);
      set.block.push_back(var.index);
    }
    Random random(1);
    std::vector<double> dx(poses.size() * Pose::kDim);
    for (int k = 0; k < kSteps; ++k) {
      for (double& d : dx) d = 1e-3 * random.normal();
      set.retract(dx, Pose::kDim, format, workers);
    }
    poses = set.values;
  }

  // Each row once, as soon as it is known: on stderr where stdout is for JSON.
  void add(Row row) {
    std::FILE* const to = is_standard_output(o_.json) ? stderr : stdout;
    fmt::print(to, "{}", line(row));
    std::fflush(to);
    rows_.push_back(std::move(row));
  }

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
  const bool talk = !is_standard_output(o.json);
  fmt::print(talk ? stdout : stderr,
             "{}: {} poses, {} edges; every run from the same guess until no step helps\n{}",
             source,
             graph.num_poses(),
             graph.num_edges(),
             head());
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
  if (done)
    for (const Format format : {Format::Double, Format::Single, Format::Half}) ablation.compose(format, o.far_m);
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
  const double composed_half = ratio("composed", Format::Half, Format::Single);
  const double composed_single = ratio("composed", Format::Single, Format::Double);
  Json json{{"source", source},
            {"poses", graph.num_poses()},
            {"edges", graph.num_edges()},
            {"far_m", o.far_m},
            {"residual_half_over_single", number(residual)},
            {"update_half_over_single", number(half_single)},
            {"update_single_over_double", number(single_double)},
            {"composed_half_over_single", number(composed_half)},
            {"composed_single_over_double", number(composed_single)}};
  for (const Row& row : ablation.rows())
    json["rows"].push_back({{"group", row.group},
                            {"format", row.what},
                            {"distance_m", number(row.distance_m)},
                            {"chi2", number(row.chi2)},
                            {"iterations", row.iterations},
                            {"pose_updates", row.updates},
                            {"stop", row.stop},
                            {"overflow", row.range.overflow},
                            {"underflow", row.range.underflow},
                            {"subnormal", row.range.subnormal}});
  if (talk) {
    fmt::print("  residual: fp16 ends {:.3g} times as far from the double optimum as fp32 (wanted: 100 or more)\n",
               residual);
    for (const auto& [group, half, single] :
         {std::tuple("update", half_single, single_double), std::tuple("composed", composed_half, composed_single)})
      fmt::print(
          "  {}, {} km from the origin: fp16 ends {:.3g} times as far as fp32, fp32 {:.3g} times as far as fp64\n",
          group,
          o.far_m / 1000,
          half,
          single);
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
