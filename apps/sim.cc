// pipit sim graph — a pose graph whose truth is known. (sim bundle: sim_bundle.cc)
#include <algorithm>
#include <cmath>
#include <memory>

#include "app.h"
#include "poses/g2o_io.h"
#include "progress.h"
#include "sim_options.h"

namespace pipit {
namespace {

struct SimOptions {
  SimulateOptions simulate;
  std::string out = "-", truth;
  double wrong = 0;  // part of all loop closures that are wrong
};

template <class Pose>
Status write(Simulated<Pose> simulated, const SimOptions& o) {
  const auto& edges = simulated.graph.edges;
  auto closures = std::count_if(edges.begin(), edges.end(), [](const auto& edge) { return !is_odometry(edge); });
  const auto wrong = std::lround(static_cast<double>(closures) * o.wrong / (1 - o.wrong));
  if (wrong > 0) {
    if (simulated.graph.num_poses() < 3)
      return Error{Code::InvalidArgument, "--wrong-closures: 2 poses have no loop to close wrongly"};
    add_wrong_closures(simulated.graph, static_cast<std::int32_t>(wrong), o.simulate.seed);
    closures += wrong;
  }
  if (const Status done = write_g2o(o.out, simulated.graph); !done) return done;
  const bool data_on_stdout = is_standard_output(o.out) || is_standard_output(o.truth);
  fmt::print(data_on_stdout ? stderr : stdout,
             "{}: {} poses, {} edges, {} of them loop closures{}, seed {}\n",
             name(o.simulate.kind),
             simulated.graph.num_poses(),
             simulated.graph.num_edges(),
             closures,
             wrong > 0 ? fmt::format(" (the last {} wrong)", wrong) : "",
             o.simulate.seed);
  if (o.truth.empty()) return Done{};
  simulated.graph.poses = std::move(simulated.truth);
  simulated.graph.edges.clear();
  return write_g2o(o.truth, simulated.graph);
}

Status run(const SimOptions& o) {
  for (const std::string& path : {o.out, o.truth})
    if (const Status fine = can_write(path); !fine) return fine;
  return std::visit([&](auto& simulated) { return write(std::move(simulated), o); },
                    *std::make_unique<AnySimulated>(simulate_graph(o.simulate)));
}

}  // namespace

void add_sim(CLI::App& root, Task& task) {
  CLI::App& sim = *root.add_subcommand("sim", "simulate data whose truth is known");
  sim.require_subcommand(1);
  auto o = std::make_shared<SimOptions>();
  CLI::App& app = *sim.add_subcommand("graph", "a pose graph: a drive with noisy odometry and loop closures");
  add_kind(app, o->simulate);
  add_poses(app, "--poses", o->simulate.num_poses, "number of poses");
  add_seed(app, o->simulate.seed);
  add_noise(app, o->simulate.noise);
  add_number(app,
             "--wrong-closures",
             o->wrong,
             0.0,
             0.99,
             "part of the loop closures that claim two random poses to be one place; they come last in the file");
  app.add_option("--out", o->out, "the graph as g2o, poses as dead reckoning has them (default: standard output)")
      ->option_text("FILE");
  add_output(app, "--truth", o->truth, "the true poses as g2o");
  app.callback([o, &task] {
    expect_different_files({{"--out", o->out}, {"--truth", o->truth}});
    task = [o] { return run(*o); };
  });
  add_sim_bundle(sim, task);
}

}  // namespace pipit
