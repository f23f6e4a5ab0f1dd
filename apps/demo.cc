// pipit demo — a day of a household robot, simulated, then optimised in double, single, mixed and half precision; and
// what it hears.
#include <filesystem>
#include <memory>

#include "base/parallel.h"
#include "demo_report.h"
#include "options.h"
#include "poses/chi2.h"
#include "progress.h"
#include "report.h"
#include "sim_options.h"
#include "solve_options.h"

namespace pipit {
namespace {

struct DemoOptions {
  SimulateOptions sim;
  int num_threads = 1;
  std::string out = "build/demo";
};

Status make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Error{Code::Io, fmt::format("{}: cannot make this folder: {}", path, error.message())};
  return Done{};
}

Status run(const DemoOptions& o) {
  if (const Status done = make_folder(o.out); !done) return done;
  interrupted();
  say(false, "A household robot drives corridors and rooms all day: {} key-frames ..", o.sim.num_poses);
  const AnySimulated any = simulate_graph(o.sim);
  DemoResult result{.day = std::get<Simulated<SE2<double>>>(any)};
  const PoseGraph2& graph = result.day.graph;
  result.seed = o.sim.seed;
  result.chi2_before = chi2(graph);
  result.ate_before_m = ate_m(graph.poses, result.day.truth);
  say(false,
      "its odometry ends up {:.2f} m off on average (ATE); {} loop closures put it right:",
      result.ate_before_m,
      std::count_if(graph.edges.begin(), graph.edges.end(), [](const auto& edge) { return !is_odometry(edge); }));
  Workers workers(o.num_threads);
  const auto guess = initial_guess(graph, Init::Auto, workers);
  if (!guess) return guess.error();

  fmt::print("{}\n", DemoResult::head());
  for (const char* precision : {"double", "single", "mixed", "half"}) {
    if (interrupted()) break;
    MinimiseOptions minimise = preset(precision);
    minimise.num_threads = o.num_threads;
    auto trial = solve_from(graph, guess->poses, minimise, progress(true));
    if (!trial) return trial.error();
    result.rows.push_back({precision, std::move(*trial), 0});
    result.rows.back().ate_m = ate_m(result.rows.back().trial.poses, result.day.truth);
    fmt::print("{}\n", result.line(result.rows.size() - 1));
    std::fflush(stdout);
  }
  if (auto spoken = hear_spoken()) {
    fmt::print("\nand what it hears when somebody speaks:\n");
    for (const Spoken& one : *spoken) fmt::print("{}\n", spoken_line(one));
    result.spoken = std::move(*spoken);
  } else {
    say(false, "no spoken part: {}", spoken.error().message);
  }
  const std::filesystem::path folder(o.out);
  const std::string page = (folder / "report.html").string(), picture = (folder / "readme.svg").string();
  if (const Status done = write_file(page, report_page(result)); !done) return done;
  if (const Status done = write_file(picture, readme_picture(result)); !done) return done;
  fmt::print("pictures: {} and {}\n", page, picture);
  return Done{};
}

}  // namespace

void add_demo(CLI::App& root, Task& task) {
  auto o = std::make_shared<DemoOptions>();
  CLI::App& app =
      *root.add_subcommand("demo", "simulate a day of a household robot and optimise it in four precisions");
  add_poses(app, "--poses", o->sim.num_poses, "key-frames of the day");
  add_seed(app, o->sim.seed);
  add_threads(app, o->num_threads);
  app.add_option("--out", o->out, fmt::format("folder for report.html and readme.svg (default {})", o->out))
      ->option_text("DIR");
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
