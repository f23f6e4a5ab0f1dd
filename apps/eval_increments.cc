// pipit eval increments — a household robot closes one loop after another: how long does each take, and does the answer
// stay that of a solve from scratch?
#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/random.h"
#include "eval.h"
#include "graph/incremental.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "sim_options.h"
#include "solve_options.h"
#include "statistics.h"
#include "trial.h"

namespace pipit {
namespace {

using Pose = SE2<double>;

struct IncrementsOptions {
  SimulateOptions sim;
  int closures = 200, num_threads = 1;
  std::string precision = "mixed", json;
};

// What one way of adding loops came to; one entry for each closure.
struct Increments {
  std::string name;
  std::vector<double> ms, anew_ms;  // add and optimise; the same by optimise() from the same poses
  std::vector<double> differs;      // chi2 against a solve from scratch, relative
  std::int64_t inner = 0, steps = 0, factorisations = 0;
};

class Robot {
 public:
  Robot(std::string name, const IncrementsOptions& o) : options_(plain(preset(o.precision), Init::Auto)) {
    row.name = std::move(name);
    options_.minimise.num_threads = o.num_threads;
    optimiser_ = std::make_unique<IncrementalOptimiser<Pose>>(graph, options_);
  }

  Status start() {
    const auto summary = optimiser_->optimise();
    if (!summary) return summary.error();
    before_ = summary->minimise.linear;
    return Done{};
  }

  // Adds the loops, optimises, and compares.
  Status close(std::span<const Edge<Pose>> loops) {
    PoseGraph2 warm = graph;
    const Stopwatch watch;
    for (const auto& edge : loops) graph.add(edge);
    const auto summary = optimiser_->optimise();
    if (!summary) return summary.error();
    row.ms.push_back(1e3 * watch.seconds());
    row.steps += summary->minimise.iterations;
    const LinearReport& linear = summary->minimise.linear;
    row.inner += linear.inner_iterations - before_.inner_iterations;
    row.factorisations += linear.factorisations - before_.factorisations;
    before_ = linear;

    OptimiseOptions again = options_;
    again.init = Init::File;
    const Stopwatch watch_anew;
    for (const auto& edge : loops) warm.add(edge);
    if (const auto anew = optimise(warm, again); !anew) return anew.error();
    row.anew_ms.push_back(1e3 * watch_anew.seconds());

    PoseGraph2 scratch = graph;
    scratch.has_vertices = false;  // poses forgotten
    const auto cold = optimise(scratch, options_);
    if (!cold) return cold.error();
    row.differs.push_back(summary->chi2_final / cold->chi2_final - 1);
    return Done{};
  }

  PoseGraph2 graph;
  Increments row;

 private:
  OptimiseOptions options_;
  std::unique_ptr<IncrementalOptimiser<Pose>> optimiser_;
  LinearReport before_;
};

// A graph of all poses that lacks some loops, which then come one at a time.
Result<Increments> hold_back(std::string name,
                             const PoseGraph2& whole,
                             const std::vector<std::size_t>& held,
                             const IncrementsOptions& o) {
  Robot robot(std::move(name), o);
  robot.graph = whole;
  robot.graph.edges.clear();
  std::vector<char> late(whole.edges.size(), 0);
  for (const std::size_t e : held) late[e] = 1;
  for (std::size_t e = 0; e < whole.edges.size(); ++e)
    if (!late[e]) robot.graph.edges.push_back(whole.edges[e]);
  if (const Status done = robot.start(); !done) return done.error();
  for (const std::size_t e : held) {
    if (interrupted()) break;
    if (const Status done = robot.close({&whole.edges[e], 1}); !done) return done.error();
  }
  return std::move(robot.row);
}

// A robot that starts with one pose, drives, and optimises wherever it closes loops.
Result<Increments> grow(const PoseGraph2& whole, const IncrementsOptions& o) {
  Robot robot("growing", o);
  robot.graph.add(whole.poses[0]);
  if (const Status done = robot.start(); !done) return done.error();
  std::vector<std::vector<Edge<Pose>>> loops(whole.poses.size());
  std::vector<const Edge<Pose>*> step(whole.poses.size(), nullptr);
  for (const auto& edge : whole.edges) {
    if (is_odometry(edge))
      step[static_cast<std::size_t>(edge.to)] = &edge;
    else
      loops[static_cast<std::size_t>(std::max(edge.from, edge.to))].push_back(edge);
  }
  for (std::size_t now = 1; now < whole.poses.size() && !interrupted(); ++now) {
    robot.graph.add_step(step[now]->from, step[now]->T_from_to, step[now]->information);
    if (loops[now].empty()) continue;
    if (const Status done = robot.close(loops[now]); !done) return done.error();
  }
  return std::move(robot.row);
}

Json as_json(const Increments& row) {
  const auto ms = sorted(row.ms), anew = sorted(row.anew_ms), differs = sorted(row.differs);
  const double count = static_cast<double>(row.ms.size());
  return {{"added", row.name},
          {"closures", row.ms.size()},
          {"median_ms", number(quantile(ms, 0.5))},
          {"p90_ms", number(quantile(ms, 0.9))},
          {"max_ms", number(quantile(ms, 1))},
          {"anew_median_ms", number(quantile(anew, 0.5))},
          {"steps_per_closure", number(static_cast<double>(row.steps) / count)},
          {"inner_per_closure", number(static_cast<double>(row.inner) / count)},
          {"factorisations", row.factorisations},
          {"chi2_above_cold_max", number(differs.empty() ? quantile(differs, 1) : differs.back())},
          {"chi2_above_cold_min", number(differs.empty() ? quantile(differs, 1) : differs.front())}};
}

void print(const Increments& row, const Json& r) {
  fmt::print("{:>8} {:>8} {:>10.2f} {:>8.2f} {:>8.2f} {:>10.2f} {:>6.2f} {:>6.1f} {:>8} {:>10.1e}..{:>8.1e}\n",
             row.name,
             row.ms.size(),
             r["median_ms"].get<double>(),
             r["p90_ms"].get<double>(),
             r["max_ms"].get<double>(),
             r["anew_median_ms"].get<double>(),
             r["steps_per_closure"].get<double>(),
             r["inner_per_closure"].get<double>(),
             row.factorisations,
             r["chi2_above_cold_min"].get<double>(),
             r["chi2_above_cold_max"].get<double>());
  std::fflush(stdout);
}

Status run(const IncrementsOptions& o) {
  if (const Status fine = can_write(o.json); !fine) return fine;
  interrupted();
  const AnySimulated any = simulate_graph(o.sim);
  const PoseGraph2& whole = std::get<Simulated<Pose>>(any).graph;
  std::vector<std::size_t> loops;
  for (std::size_t e = 0; e < whole.edges.size(); ++e)
    if (!is_odometry(whole.edges[e])) loops.push_back(e);
  const std::size_t count = std::min(loops.size(), static_cast<std::size_t>(o.closures));
  const std::vector<std::size_t> last(loops.end() - static_cast<std::ptrdiff_t>(count), loops.end());
  Random random(o.sim.seed);
  for (std::size_t k = 0; k < count; ++k) std::swap(loops[k], loops[k + random.below(loops.size() - k)]);
  loops.resize(count);

  Json json{{"poses", whole.num_poses()},
            {"edges", whole.num_edges()},
            {"seed", o.sim.seed},
            {"precision", o.precision},
            {"threads", o.num_threads},
            {"rows", Json::array()}};
  const bool talk = o.json != "-";
  if (talk)
    fmt::print("{:>8} {:>8} {:>10} {:>8} {:>8} {:>10} {:>6} {:>6} {:>8} {:>21}\n",
               "added",
               "closures",
               "median ms",
               "90 % ms",
               "max ms",
               "anew ms",
               "steps",
               "inner",
               "factors",
               "chi2 above cold solve");
  for (int kind = 0; kind < 3 && !interrupted(); ++kind) {
    const auto row = kind == 0   ? hold_back("last", whole, last, o)
                     : kind == 1 ? hold_back("random", whole, loops, o)
                                 : grow(whole, o);
    if (!row) return row.error();
    json["rows"].push_back(as_json(*row));
    if (talk && !row->ms.empty()) print(*row, json["rows"].back());
  }
  return write_json(o.json, json);
}

}  // namespace

void add_eval_increments(CLI::App& eval, Task& task) {
  auto o = std::make_shared<IncrementsOptions>();
  CLI::App& app =
      *eval.add_subcommand("increments", "one loop closure after another: time of each, against cold solves");
  add_poses(app, "--poses", o->sim.num_poses, "poses of the `home` graph");
  add_number(app, "--closures", o->closures, 1, 1'000'000, "loops held back and added one at a time (all, if fewer)");
  add_seed(app, o->sim.seed);
  add_choice<std::string>(app,
                          "--precision",
                          o->precision,
                          {{"mixed", "mixed"}, {"double", "double"}, {"single", "single"}},
                          "number formats");
  add_threads(app, o->num_threads);
  add_json(app, o->json);
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
