// bench_pgo — how fast pose graphs are solved: Pipit's presets, and peers on the same guess with the same error.
//
//   bench_pgo --data DIR [--peers ceres] [--threads N] [--repeat N] [--graph NAME]... [--preset NAME]... [--best FILE]
//             [--json FILE]
//   bench_pgo --data DIR --make-best [--best FILE]
//
// Two times per solver and graph, both from the chordal guess, ordering and symbolic work included: until chi2 is
// within 0.01 % of the best known, and until its own stop at relative decrease 1e-6. Runs of all solvers take turns;
// the best of N counts. One thread is pinned to one core.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>

#include "apps/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "base/version.h"
#include "contender.h"
#include "graph/optimise.h"
#include "pin.h"
#include "poses/chi2.h"
#include "poses/g2o_io.h"
#ifdef PIPIT_WITH_CERES
#include "ceres_peer.h"
#endif

namespace pipit {
namespace {

struct Options {
  std::string data, best = PIPIT_BEST_KNOWN, json;
  std::vector<std::string> graphs;   ///< empty: all
  std::vector<std::string> presets;  ///< empty: all
  bool ceres = false, make_best = false;
  int num_threads = 1, repeat = 5;
};

constexpr double kTarget = 1.0001, kAgree = 1.00001, kTolerance = 1e-6;

int fail(const std::string& why) {
  fmt::print(stderr, "bench_pgo: {}\n", why);
  return 1;
}

/// Graphs of the folder by name, smallest file first; ground truth has no edges and is left out.
std::vector<std::pair<std::string, std::string>> graphs_in(const Options& o) {
  std::vector<std::pair<std::uintmax_t, std::pair<std::string, std::string>>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(o.data, error)) {
    const std::string name = entry.path().stem().string();
    if (!o.graphs.empty() && std::find(o.graphs.begin(), o.graphs.end(), name) == o.graphs.end()) continue;
    const std::string lower = entry.path().string();
    if (lower.find("_gt.") != std::string::npos || lower.find("groundtruth") != std::string::npos) continue;
    if (lower.find("_outliers") != std::string::npos) continue;  // wants a robust loss, which is another race
    if (entry.is_regular_file()) found.push_back({entry.file_size(), {name, entry.path().string()}});
  }
  std::sort(found.begin(), found.end());
  std::vector<std::pair<std::string, std::string>> out;
  for (auto& [size, graph] : found) out.push_back(std::move(graph));
  return out;
}

MinimiseOptions preset(std::string_view precision, SolverKind solver, const Options& o) {
  MinimiseOptions m;
  m.precision = *precision_preset(precision);
  m.solver = solver;
  m.tolerance = kTolerance;
  m.num_threads = o.num_threads;
  m.max_iterations = 200;
  return m;
}

template <class Pose>
Run run_pipit(PoseGraph<Pose> graph, const std::vector<Pose>& guess, const MinimiseOptions& minimise) {
  graph.poses = guess;
  graph.has_vertices = true;
  OptimiseOptions options;
  options.minimise = minimise;
  options.init = Init::File;
  Run run;
  run.diary.push_back({0, chi2(graph)});
  const Stopwatch watch;
  const auto summary = optimise(graph, options, [&](const Iteration& it) {
    if (it.accepted) run.diary.push_back({watch.seconds(), 2 * it.cost});
    return true;
  });
  const double seconds = watch.seconds();
  if (!summary) return run;
  run.seconds = seconds;
  run.chi2 = chi2(graph);
  run.iterations = summary->minimise.iterations;
  run.solver = summary->minimise.linear.chosen;
  return run;
}

/// One solver on one graph: the best of its runs.
struct Contender {
  std::string precision, setting;
  double to_target = std::numeric_limits<double>::infinity(), converged = std::numeric_limits<double>::infinity();
  Run last = {};

  void take(Run run, double best_known) {
    to_target = std::min(to_target, run.seconds_to(kTarget * best_known));
    converged = std::min(converged, run.seconds);
    last = std::move(run);
  }
  bool peer() const { return precision == "ceres" || precision == "tuned"; }
  bool agrees(double best_known) const { return last.chi2 <= kAgree * best_known; }
};

std::string time_or(double seconds) {
  return std::isfinite(seconds) ? fmt::format("{:.3f}", 1e3 * seconds) : std::string("not reached");
}

template <class Pose>
std::vector<Contender> race(const PoseGraph<Pose>& graph,
                            const std::vector<Pose>& guess,
                            double best,
                            const Options& o) {
  std::vector<Contender> all = {
      {"mixed", "auto"}, {"single", "auto"}, {"double", "auto"}, {"double", "cholesky, no reuse"}};
  if (!o.presets.empty())
    std::erase_if(all, [&](const Contender& c) {
      return std::find(o.presets.begin(), o.presets.end(), c.precision) == o.presets.end();
    });
#ifdef PIPIT_WITH_CERES
  if (o.ceres && graph.landmark_edges.empty()) {
    // Which of its settings is best differs by graph and by column: try all once, keep the best of each column, once
    // with the trust region that it comes with ("ceres") and once with any ("tuned").
    for (const bool tuned : {false, true}) {
      std::string quick, sure;
      double quick_s = std::numeric_limits<double>::infinity(), sure_s = quick_s;
      for (const CeresSetting& setting : ceres_settings()) {
        if (setting.tuned != tuned) continue;
        const Run run = run_ceres(graph, guess, setting.name, kTolerance, o.num_threads);
        if (const double s = run.seconds_to(kTarget * best); s < quick_s) quick_s = s, quick = setting.name;
        if (const double s = run.chi2 <= kAgree * best ? run.seconds : 1e6 * run.chi2; s < sure_s)
          sure_s = s, sure = setting.name;
      }
      all.push_back({tuned ? "tuned" : "ceres", sure});
      if (!quick.empty() && quick != sure) all.push_back({all.back().precision, quick});
    }
  }
#endif
  for (int r = 0; r < o.repeat; ++r)
    for (Contender& c : all) {
#ifdef PIPIT_WITH_CERES
      if (c.peer()) {
        c.take(run_ceres(graph, guess, c.setting, kTolerance, o.num_threads), best);
        continue;
      }
#endif
      const SolverKind kind = c.setting == "auto" ? SolverKind::Auto : SolverKind::Cholesky;
      c.take(run_pipit(graph, guess, preset(c.precision, kind, o)), best);
    }
  return all;
}

template <class Pose>
void report(const std::string& name, const PoseGraph<Pose>& graph, const Options& o, double best, Json& rows) {
  Workers workers(o.num_threads);
  double seconds_init = std::numeric_limits<double>::infinity();
  std::vector<Pose> guess;
  for (int r = 0; r < o.repeat; ++r) {
    const Stopwatch watch;
    auto found = initial_guess(graph, Init::Chordal, workers);
    if (!found) {
      fmt::print("{:<20} {}\n", name, found.error().message);
      return;
    }
    seconds_init = std::min(seconds_init, watch.seconds());
    guess = std::move(found->poses);
  }
  const auto all = race(graph, guess, best, o);
  /// Best time to the target and to an agreed stop of Ceres as it comes, or of Ceres with any trust region.
  const auto peer = [&](bool any_region) {
    std::pair<double, double> best_times{std::numeric_limits<double>::infinity(),
                                         std::numeric_limits<double>::infinity()};
    for (const Contender& c : all)
      if (c.precision == "ceres" || (any_region && c.precision == "tuned")) {
        best_times.first = std::min(best_times.first, c.to_target);
        if (c.agrees(best)) best_times.second = std::min(best_times.second, c.converged);
      }
    return best_times;
  };
  const auto plain = peer(false), tuned = peer(true);
  for (const Contender& c : all) {
    const bool reached = !c.peer() && std::isfinite(c.to_target), sure = !c.peer() && c.agrees(best);
    // "not reached" enters no ratio, on either side
    const auto ratio = [](bool counts, double theirs, double ours) {
      return counts && std::isfinite(theirs) ? theirs / ours : std::numeric_limits<double>::quiet_NaN();
    };
    const double speedup = ratio(reached, plain.first, c.to_target);
    const double speedup_converged = ratio(sure, plain.second, c.converged);
    const double speedup_tuned = ratio(reached, tuned.first, c.to_target);
    const double speedup_tuned_converged = ratio(sure, tuned.second, c.converged);
    const auto times = [](double v) { return std::isfinite(v) ? fmt::format("{:.2f}x", v) : std::string("-"); };
    fmt::print("{:<20} {:<7} {:>11} {:>11} {:>8} {:>8} {:>8} {:>8} {:>16.9g} {:>5} {}{}\n",
               name,
               c.precision,
               time_or(c.to_target),
               time_or(c.converged),
               times(speedup),
               times(speedup_converged),
               times(speedup_tuned),
               times(speedup_tuned_converged),
               c.last.chi2,
               c.last.iterations,
               c.last.solver,
               c.agrees(best) ? "" : "  [another answer than the best known]");
    rows.push_back({{"graph", name},
                    {"poses", graph.num_poses()},
                    {"edges", graph.num_edges()},
                    {"precision", c.precision},
                    {"solver", c.last.solver},
                    {"setting", c.setting},
                    {"threads", o.num_threads},
                    {"seconds_init", number(seconds_init)},
                    {"seconds_to_target", std::isfinite(c.to_target) ? Json(c.to_target) : Json("not reached")},
                    {"seconds_converged", number(c.converged)},
                    {"chi2", number(c.last.chi2)},
                    {"chi2_best_known", number(best)},
                    {"agrees", c.agrees(best)},
                    {"iterations", c.last.iterations},
                    {"speedup_vs_ceres", number(speedup)},
                    {"speedup_vs_ceres_converged", number(speedup_converged)},
                    {"speedup_vs_tuned_ceres", number(speedup_tuned)},
                    {"speedup_vs_tuned_ceres_converged", number(speedup_tuned_converged)}});
  }
}

/// chi2 of `double` at 1e-12, from whichever guess ends lower.
template <class Pose>
double best_of(const PoseGraph<Pose>& graph, const Options& o) {
  double best = std::numeric_limits<double>::infinity();
  for (const Init init : {Init::Auto, Init::Chordal}) {
    PoseGraph<Pose> copy = graph;
    OptimiseOptions options;
    options.minimise = preset("double", SolverKind::Cholesky, o);
    options.minimise.tolerance = 1e-12;
    options.minimise.max_iterations = 1000;
    options.init = init;
    if (const auto summary = optimise(copy, options); summary) best = std::fmin(best, summary->chi2_final);
  }
  return best;
}

int run(const Options& o, const std::string& command) {
  Json best = Json::object();
  if (const auto text = read_file(o.best); text) best = Json::parse(*text, nullptr, false);
  if (best.is_discarded()) return fail(o.best + ": is no JSON");
  if (!best.contains("chi2")) best["chi2"] = Json::object();
  const auto graphs = graphs_in(o);
  if (graphs.empty()) return fail(fmt::format("{}: no pose graphs there", o.data));
  bool ceres = false;
  std::string blas = "none";
#ifdef PIPIT_WITH_CERES
  ceres = o.ceres;
  blas = std::filesystem::weakly_canonical(blas_library()).string();
  if (ceres && blas.find("openblas") == std::string::npos)
    return fail(fmt::format("BLAS is {}, and the peer must run on OpenBLAS", blas));
#endif
  if (o.ceres && !ceres) fmt::print("PEER LEFT OUT: this program was built without Ceres (libceres-dev)\n");
  if (o.num_threads == 1 && !pin_to_core()) fmt::print("not pinned to a core\n");
  if (!o.make_best)
    fmt::print("{} thread(s), best of {}, BLAS {}\n{:<28} {:>11} {:>11} {:^17} {:^17} {:>16} {:>5} {}\n",
               o.num_threads,
               o.repeat,
               blas,
               "graph",
               "target ms",
               "stop ms",
               "Ceres as it comes",
               "tuned Ceres",
               "chi2",
               "iter",
               "solver");
  Json rows = Json::array();
  for (const auto& entry : graphs) {
    const auto& name = entry.first;  // no structured binding: clang 14 lets no lambda take one
    const auto& path = entry.second;
    const auto graph = read_pose_graph(path);
    if (!graph) {
      fmt::print("{:<20} left out: {}\n", name, graph.error().message);
      continue;
    }
    if (o.make_best) {
      const double chi2 = std::visit([&](const auto& g) { return best_of(g, o); }, *graph);
      best["chi2"][name] = std::fmin(chi2, best["chi2"].value(name, chi2));
      fmt::print("{:<20} {:.10g}\n", name, best["chi2"][name].get<double>());
    } else if (!best["chi2"].contains(name)) {
      fmt::print("{:<20} left out: {} holds no best known chi2 of it (see --make-best)\n", name, o.best);
    } else {
      std::visit([&](const auto& g) { report(name, g, o, best["chi2"][name].get<double>(), rows); }, *graph);
    }
    std::fflush(stdout);
  }
  if (o.make_best) {
    best["made_by"] = fmt::format("pipit {}, commit {}: double, tolerance 1e-12", version(), build_commit());
    const Status done = write_file(o.best, best.dump(2) + "\n");
    return done ? 0 : fail(done.error().message);
  }
  if (o.json.empty()) return 0;
  Json json{{"command", command}, {"blas", blas}, {"peer", "none"}, {"repeat", o.repeat}, {"rows", rows}};
#ifdef PIPIT_WITH_CERES
  if (ceres) json["peer"] = "Ceres " + ceres_version();
#endif
  const Status done = write_json(o.json, json);
  return done ? 0 : fail(done.error().message);
}

std::optional<Options> parse(int argc, char** argv) {
  Options o;
  for (int k = 1; k < argc; ++k) {
    const std::string_view flag = argv[k];
    if (flag == "--make-best") {
      o.make_best = true;
      continue;
    }
    if (k + 1 == argc) return std::nullopt;
    const std::string value = argv[++k];
    const auto count = parse_number<int>(value);
    if (flag == "--data")
      o.data = value;
    else if (flag == "--json")
      o.json = value;
    else if (flag == "--best")
      o.best = value;
    else if (flag == "--graph")
      o.graphs.push_back(value);
    else if (flag == "--preset" && precision_preset(value))
      o.presets.push_back(value);
    else if (flag == "--peers" && value == "ceres")
      o.ceres = true;
    else if (flag == "--threads" && count && *count >= 1 && *count <= 1024)
      o.num_threads = *count;
    else if (flag == "--repeat" && count && *count >= 1)
      o.repeat = *count;
    else
      return std::nullopt;
  }
  if (o.data.empty()) return std::nullopt;
  return o;
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  const auto options = pipit::parse(argc, argv);
  if (!options) {
    fmt::print(stderr,
               "usage: bench_pgo --data DIR [--peers ceres] [--threads N] [--repeat N] [--graph NAME].. [--preset "
               "NAME].. [--best FILE] "
               "[--json FILE] [--make-best]\n");
    return 2;
  }
  pipit::keep_blas_to_one_thread(argv);
  std::string command = "OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1";
  for (int k = 0; k < argc; ++k) command += std::string(" ") + argv[k];
  return pipit::run(*options, command);
}
