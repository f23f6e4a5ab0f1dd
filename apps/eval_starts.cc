// pipit eval starts — many runs in double from many guesses: the lowest chi2 that anybody finds, and what auto reaches.
#include <memory>
#include <numbers>

#include "base/parallel.h"
#include "eval.h"
#include "json.h"
#include "options.h"
#include "poses/chi2.h"
#include "poses/g2o_io.h"
#include "progress.h"
#include "sim_options.h"
#include "solve_options.h"
#include "trial.h"

namespace pipit {
namespace {

struct StartsOptions {
  std::string file, json;
  int count = 30;
  std::uint64_t seed = 1;
  double sigma_m = 0.5, sigma_rad = 0.1;
  int num_threads = 1;
};

struct Run {
  std::string start;
  double sigma_m = 0, sigma_rad = 0;
  std::uint64_t seed = 0;
  OptimiseSummary summary = {};
};

template <class Pose>
Status run_graph(const PoseGraph<Pose>& graph, const StartsOptions& o) {
  MinimiseOptions minimise = preset("double");
  minimise.num_threads = o.num_threads;
  minimise.tolerance = 1e-10;
  minimise.max_iterations = 500;
  Workers workers(o.num_threads);
  std::vector<Run> runs;
  const auto attempt = [&](Run run, const std::vector<Pose>& guess) -> Status {
    const auto trial = solve_from(graph, guess, minimise, progress(true));
    if (!trial) return trial.error();
    run.summary = trial->summary;
    say(false,
        "{:2}  {:<10} {:>6.3g} m {:>6.3g} rad   chi2 {:.8g} -> {:.8g}   {}",
        runs.size() + 1,
        run.start,
        run.sigma_m,
        run.sigma_rad,
        run.summary.chi2_initial,
        run.summary.chi2_final,
        name(run.summary.minimise.stop));
    runs.push_back(std::move(run));
    return Done{};
  };

  std::vector<Pose> chordal;
  for (const Init init : {Init::File, Init::Odometry, Init::Chordal}) {
    if (init == Init::File && !graph.has_vertices) continue;
    auto guess = initial_guess(graph, init, workers);
    if (!guess) return guess.error();
    if (const Status done = attempt({.start = std::string(name(init))}, guess->poses); !done) return done;
    chordal = std::move(guess->poses);
  }
  for (int k = 0; static_cast<int>(runs.size()) < o.count && !interrupted(); ++k) {
    const double size = 0.5 * std::pow(2.0, k % 3);  // half, once and twice the given noise in turn
    Run run{.start = "perturbed",
            .sigma_m = size * o.sigma_m,
            .sigma_rad = size * o.sigma_rad,
            .seed = o.seed + static_cast<std::uint64_t>(k)};
    std::vector<Pose> guess = chordal;
    perturb(std::span<Pose>(guess), run.sigma_m, run.sigma_rad, run.seed);
    const Pose held = chordal.front();  // the first pose is held where it is by the optimiser
    guess.front() = held;
    if (const Status done = attempt(std::move(run), guess); !done) return done;
  }

  const auto& lowest = *std::min_element(
      runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.summary.chi2_final < b.summary.chi2_final; });
  Json json{{"file", o.file},
            {"count", runs.size()},
            {"seed", o.seed},
            {"lowest_chi2", number(lowest.summary.chi2_final)},
            {"lowest_start", lowest.start}};
  int reached = 0;
  for (const Run& run : runs) reached += run.summary.chi2_final <= 1.001 * lowest.summary.chi2_final ? 1 : 0;
  json["runs_within_0.1_percent"] = reached;
  if (o.json != "-")
    fmt::print("{}: lowest chi2 of {} runs in double: {:.8g} (from {}); {} of them end within 0.1 % of it\n",
               o.file,
               runs.size(),
               lowest.summary.chi2_final,
               lowest.start,
               reached);
  for (const char* precision : {"double", "mixed"}) {
    PoseGraph<Pose> copy = graph;
    MinimiseOptions standard = preset(precision);
    standard.num_threads = o.num_threads;
    const auto summary = optimise(copy, plain(standard, Init::Auto), progress(true));
    if (!summary) return summary.error();
    const double excess = summary->chi2_final / lowest.summary.chi2_final - 1;
    json["auto"][precision] = {
        {"chi2", number(summary->chi2_final)}, {"init", name(summary->init)}, {"above_lowest", number(excess)}};
    if (o.json != "-")
      fmt::print("  --init auto in {:<6}  chi2 {:.8g}, {:+.4f} % ({} guess)\n",
                 precision,
                 summary->chi2_final,
                 100 * excess,
                 name(summary->init));
  }
  for (const Run& run : runs)
    json["runs"].push_back({{"start", run.start},
                            {"sigma_m", run.sigma_m},
                            {"sigma_rad", run.sigma_rad},
                            {"seed", run.seed},
                            {"chi2_initial", number(run.summary.chi2_initial)},
                            {"chi2_final", number(run.summary.chi2_final)},
                            {"iterations", run.summary.minimise.iterations},
                            {"stop", name(run.summary.minimise.stop)}});
  return write_json(o.json, json);
}

Status run(const StartsOptions& o) {
  if (const Status fine = can_write(o.json); !fine) return fine;
  interrupted();
  const auto graph = read_pose_graph(o.file);
  if (!graph) return graph.error();
  return std::visit([&](const auto& g) { return run_graph(g, o); }, *graph);
}

}  // namespace

void add_eval_starts(CLI::App& eval, Task& task) {
  auto o = std::make_shared<StartsOptions>();
  CLI::App& app = *eval.add_subcommand(
      "starts", "the lowest chi2 from many guesses: file, odometry, chordal and perturbed chordal, in double at 1e-10");
  app.add_option("FILE", o->file, "pose graph; '-' is standard input")->required();
  add_number(app, "--count", o->count, 3, 100000, "runs in all");
  add_seed(app, o->seed);
  add_number(
      app, "--sigma-position", o->sigma_m, 0.0, 1e6, "noise on chordal positions, m; half, once and twice in turn");
  add_number(
      app, "--sigma-angle", o->sigma_rad, 0.0, 3.0, "noise on chordal rotations, rad; half, once and twice in turn");
  add_threads(app, o->num_threads);
  add_json(app, o->json);
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
