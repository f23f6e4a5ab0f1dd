// pipit eval loops — many growing problems of a household robot: does mixed precision end where single and double end,
// what are loop closures worth, what does the preconditioner save?   Source: papers.md, A9.
#include <algorithm>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/parallel.h"
#include "eval.h"
#include "json.h"
#include "loops_report.h"
#include "options.h"
#include "progress.h"
#include "sim_options.h"
#include "solve_options.h"
#include "trial.h"

namespace pipit {
namespace {

struct LoopsOptions {
  int count = 100, repeat = 1, num_threads = 1;
  std::int32_t min_poses = 100, max_poses = 2000;
  bool half = false, plain = false, quiet = false;
  SimulateOptions sim;
  std::string json, plot;
};

// What is compared. The first is the reference, and direct; `none` has block scaling only, which no solver here can do
// without.
std::vector<std::pair<std::string, MinimiseOptions>> contenders(const LoopsOptions& o) {
  std::vector<std::pair<std::string, MinimiseOptions>> all = {
      {"double", preset("double", SolverKind::Cholesky)},
      {"single", preset("single", SolverKind::Iccg)},
      {"mixed", preset("mixed", SolverKind::Iccg)},
  };
  if (o.plain) all.emplace_back("none", preset("mixed", SolverKind::Iccg, FactorKind::Jacobi));
  if (o.half) all.emplace_back("half", preset("half", SolverKind::Iccg));
  for (auto& [name, options] : all) options.num_threads = o.num_threads;
  return all;
}

Result<LoopProblem> run_problem(const LoopsOptions& o, int k) {
  SimulateOptions sim = o.sim;
  sim.kind = GraphKind::Home;
  sim.seed = o.sim.seed + static_cast<std::uint64_t>(k);
  sim.num_poses = o.min_poses + static_cast<std::int32_t>(static_cast<std::int64_t>(o.max_poses - o.min_poses) * k /
                                                          std::max(1, o.count - 1));
  const AnySimulated any = simulate_graph(sim);
  const auto& [graph, truth] = std::get<Simulated<SE2<double>>>(any);
  Workers workers(o.num_threads);
  const auto guess = initial_guess(graph, Init::Auto, workers);
  if (!guess) return guess.error();

  LoopProblem problem{.seed = sim.seed, .poses = sim.num_poses, .edges = static_cast<std::int64_t>(graph.edges.size())};
  problem.ate_without_m = ate_m(graph.poses, truth);
  for (std::size_t i = 1; i < truth.size(); ++i) problem.path_m += (truth[i].t - truth[i - 1].t).norm();
  problem.end_drift_m = (graph.poses.back().t - truth.back().t).norm();
  std::vector<SE2<double>> reference;
  for (int run = 0; run < o.repeat; ++run)  // in turn, so that a busy machine slows all
    for (const auto& [name, options] : contenders(o)) {
      const auto trial = solve_from(graph, guess->poses, options);
      if (!trial) return trial.error();
      LoopResult& result = problem.results[name];
      if (run > 0) {  // the same bits again; only the time differs
        result.seconds = std::min(result.seconds, trial->seconds);
        continue;
      }
      if (reference.empty()) reference = trial->poses;
      const Summary& m = trial->summary.minimise;
      result = {.chi2 = trial->summary.chi2_final,
                .ate_m = ate_m(trial->poses, truth),
                .from_double_m = ate_m(trial->poses, reference, Align::None),
                .seconds = trial->seconds,
                .iterations = m.iterations,
                .inner = m.linear.inner_iterations,
                .stop = m.stop};
    }
  return problem;
}

Status run(const LoopsOptions& o) {
  for (const std::string& path : {o.json, o.plot})
    if (const Status fine = can_write(path); !fine) return fine;
  interrupted();
  std::vector<LoopProblem> problems;
  const Stopwatch watch;
  for (int k = 0; k < o.count && !interrupted(); ++k) {
    auto problem = run_problem(o, k);
    if (!problem) return problem.error();
    problems.push_back(std::move(*problem));
    if (const int step = std::max(1, o.count / 20); (k + 1) % step == 0)
      say(o.quiet, "{:5} of {} problems, {} poses, {:.0f} s", k + 1, o.count, problems.back().poses, watch.seconds());
  }
  const LoopsReport report(problems);
  if (!o.quiet && o.json != "-") fmt::print("{}", report.in_words());
  if (!o.plot.empty())
    if (const Status done = write_file(o.plot, report.pictures(o.plot.ends_with(".html"))); !done) return done;
  Json json = report.as_json();
  json["seed"] = o.sim.seed;
  json["threads"] = o.num_threads;
  json["repeat"] = o.repeat;
  json["noise"] = {{"odometry_fraction", o.sim.noise.odometry_fraction},
                   {"odometry_turn", o.sim.noise.odometry_turn},
                   {"odometry_position", o.sim.noise.odometry_position},
                   {"odometry_angle", o.sim.noise.odometry_angle},
                   {"closure_position", o.sim.noise.closure_position},
                   {"closure_angle", o.sim.noise.closure_angle}};
  return write_json(o.json, json);
}

}  // namespace

void add_eval_loops(CLI::App& eval, Task& task) {
  auto o = std::make_shared<LoopsOptions>();
  CLI::App& app =
      *eval.add_subcommand("loops", "growing `home` problems: ATE with and without loop closure, mixed against single");
  add_number(app, "--count", o->count, 1, 1'000'000, "number of problems; problem k has seed S + k");
  add_number(app, "--repeat", o->repeat, 1, 1000, "runs of each, of which the fastest counts");
  add_seed(app, o->sim.seed);
  add_poses(app, "--min-poses", o->min_poses, "poses of the first problem");
  add_poses(app, "--max-poses", o->max_poses, "poses of the last problem");
  add_noise(app, o->sim.noise);
  const std::vector<Choice<bool>> on_off = {{"on", true}, {"off", false}};
  add_choice<bool>(app, "--half", o->half, on_off, "run the naive all-fp16 solver as well, which is slow");
  add_choice<bool>(app, "--plain", o->plain, on_off, "run mixed without a preconditioner as well, which is slower");
  add_threads(app, o->num_threads);
  app.add_flag("--quiet", o->quiet, "no progress, no table (default: both)");
  add_json(app, o->json);
  add_plot(app, o->plot, "cumulative ATE, and time against key-frames");
  app.callback([o, &task] {
    expect_different_files({{"--json", o->json}, {"--plot", o->plot}});
    if (o->max_poses < o->min_poses) throw CLI::ValidationError("--max-poses", "is below --min-poses");
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
