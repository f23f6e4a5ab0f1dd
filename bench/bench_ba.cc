// bench_ba — how fast bundle adjustment is solved: peers from the same start with the same error.
//
//   bench_ba [--bal FILE]... [--window none|right-u|depth]... [--building VIEWS]...
//            [--building-third none|right-u|depth] [--seed N] [--setting NAME]... [--threads N] [--repeat N] [--best
//            FILE] [--json FILE]
//   bench_ba ... --make-best [--best FILE]
//
// Problems: BAL files; simulated windows and buildings (scene/household.h), whose truth is known. Two times per solver
// and problem, ordering and symbolic work included: until the cost is within 0.1 % of the best known, and until its own
// stop at relative decrease 1e-6. Runs of all solvers take turns; the best of N counts. One thread is pinned to one
// core.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>

#include "apps/json.h"
#include "base/file.h"
#include "base/text.h"
#include "base/version.h"
#include "bundle_contender.h"
#include "geom/trajectory.h"
#include "pin.h"
#include "scene/bal_io.h"
#include "scene/household.h"
#ifdef PIPIT_WITH_CERES
#include "ceres_ba.h"
#endif

namespace pipit {
namespace {

struct Options {
  std::vector<std::string> bal, windows, settings;
  std::vector<std::int32_t> buildings;
  std::string best = PIPIT_BEST_KNOWN_BA, json;
  Third third = Third::None;  ///< of buildings
  std::uint64_t seed = 1;
  bool make_best = false;
  int num_threads = 1, repeat = 3;
};

constexpr double kTarget = 1.001, kAgree = 1.001, kTolerance = 1e-6;

int fail(const std::string& why) {
  fmt::print(stderr, "bench_ba: {}\n", why);
  return 1;
}

struct Problem {
  std::string name;
  Scene start;
  std::optional<Scene> truth = {};
};

std::optional<Third> third_of(std::string_view word) {
  if (word == "none") return Third::None;
  if (word == "right-u") return Third::RightU;
  if (word == "depth") return Third::Depth;
  return {};
}

Result<std::vector<Problem>> problems_of(const Options& o) {
  std::vector<Problem> out;
  for (const std::string& path : o.bal) {
    auto scene = read_bal(path);
    if (!scene) return scene.error();
    out.push_back({std::filesystem::path(path).stem().string(), std::move(*scene)});
  }
  const auto simulate = [&](const std::string& name, HouseholdOptions options) {
    options.seed = o.seed;
    SimulatedScene made = simulate_household(options);
    out.push_back({fmt::format("{}, seed {}", name, o.seed), std::move(made.start), std::move(made.truth)});
  };
  for (const std::string& window : o.windows) simulate("window " + window, {.third = *third_of(window)});
  for (const std::int32_t views : o.buildings) {
    HouseholdOptions options = building(views);
    options.third = o.third;
    simulate(fmt::format("building {}{}",
                         views,
                         o.third == Third::None     ? ""
                         : o.third == Third::RightU ? " right-u"
                                                    : " depth"),
             options);
  }
  return out;
}

/// One solver on one problem: the best of its runs. Pipit's own solver is one more entry of contenders().
struct Contender {
  std::string name;
  bool peer;
  std::function<BundleRun(const Scene&)> solve;
  double to_target = std::numeric_limits<double>::infinity(), converged = std::numeric_limits<double>::infinity();
  BundleRun last = {};

  void take(BundleRun run, double best_known) {
    to_target = std::min(to_target, run.seconds_to(kTarget * best_known));
    converged = std::min(converged, run.seconds);
    last = std::move(run);
  }
  bool agrees(double best_known) const { return last.cost <= kAgree * best_known && last.not_seen == 0; }
};

std::vector<Contender> contenders([[maybe_unused]] const Options& o) {
  std::vector<Contender> all;
#ifdef PIPIT_WITH_CERES
  for (const std::string& setting : ceres_ba_settings()) {
    if (!o.settings.empty() && std::find(o.settings.begin(), o.settings.end(), setting) == o.settings.end()) continue;
    all.push_back({"Ceres, " + setting, true, [setting, &o](const Scene& scene) {
                     return run_ceres_ba(scene,
                                         {.setting = setting, .tolerance = kTolerance, .num_threads = o.num_threads});
                   }});
  }
#endif
  return all;
}

/// Cost where nobody has found a better one: at tolerance 1e-8 by the surest solver there is. (BAL problems go on to
/// creep for a thousand iterations below that.)
[[maybe_unused]] double best_of([[maybe_unused]] const Scene& scene, [[maybe_unused]] const Options& o) {
#ifdef PIPIT_WITH_CERES
  return run_ceres_ba(
             scene, {.setting = "sparse schur", .tolerance = 1e-8, .num_threads = o.num_threads, .max_iterations = 300})
      .cost;
#else
  return std::numeric_limits<double>::quiet_NaN();
#endif
}

/// m, root of the mean square after the best rigid motion: how far camera centres are from the truth.
double ate_of(const Scene& scene, const Scene& truth) {
  std::vector<Eigen::Vector3d> est, ref;
  for (const View& view : scene.views) est.push_back(view.T_cam_world.inverse().t);
  for (const View& view : truth.views) ref.push_back(view.T_cam_world.inverse().t);
  return ate<3>(est, ref, Align::Rigid).position_m.rmse;
}

std::string time_or(double seconds) {
  return std::isfinite(seconds) ? fmt::format("{:.2f}", 1e3 * seconds) : std::string("not reached");
}

void report(const Problem& problem, const Options& o, double best, Json& rows) {
  std::vector<Contender> all = contenders(o);
  for (int r = 0; r < o.repeat; ++r)
    for (Contender& c : all) c.take(c.solve(problem.start), best);
  double peer_target = std::numeric_limits<double>::infinity(), peer_stop = peer_target;
  for (const Contender& c : all)
    if (c.peer) {
      peer_target = std::min(peer_target, c.to_target);
      if (c.agrees(best)) peer_stop = std::min(peer_stop, c.converged);
    }
  for (const Contender& c : all) {
    const bool sure = c.agrees(best);
    // How much longer the best peer takes; "not reached" enters no ratio, on either side.
    const auto ratio = [](bool counts, double theirs, double ours) {
      return counts && std::isfinite(theirs) && std::isfinite(ours) ? theirs / ours
                                                                    : std::numeric_limits<double>::quiet_NaN();
    };
    const double speedup = ratio(true, peer_target, c.to_target), speedup_stop = ratio(sure, peer_stop, c.converged);
    const double ate_m = problem.truth ? ate_of(c.last.end, *problem.truth) : std::numeric_limits<double>::quiet_NaN();
    const auto times = [](double v) { return std::isfinite(v) ? fmt::format("{:.2f}x", v) : std::string("-"); };
    fmt::print("{:<26} {:<22} {:>11} {:>11} {:>7} {:>7} {:>13.8g} {:>5} {:>9} {:>8.1f} {}\n",
               problem.name,
               c.name,
               time_or(c.to_target),
               time_or(c.converged),
               times(speedup),
               times(speedup_stop),
               c.last.cost,
               c.last.iterations,
               std::isfinite(ate_m) ? fmt::format("{:.2f}", 1e3 * ate_m) : "-",
               c.last.peak_mb,
               sure ? "" : "[another answer than the best known]");
    rows.push_back({{"problem", problem.name},
                    {"views", problem.start.views.size()},
                    {"points", problem.start.points.size()},
                    {"observations", problem.start.observations.size()},
                    {"solver", c.name},
                    {"threads", o.num_threads},
                    {"seconds_to_target", std::isfinite(c.to_target) ? Json(c.to_target) : Json("not reached")},
                    {"seconds_converged", number(c.converged)},
                    {"seconds_setup", number(c.last.setup_s)},
                    {"seconds_linear", number(c.last.linear_s)},
                    {"seconds_jacobian", number(c.last.jacobian_s)},
                    {"seconds_residual", number(c.last.residual_s)},
                    {"cost_start", number(error_of(problem.start).cost)},
                    {"cost", number(c.last.cost)},
                    {"cost_best_known", number(best)},
                    {"not_seen", c.last.not_seen},
                    {"agrees", sure},
                    {"iterations", c.last.iterations},
                    {"peak_mb", number(c.last.peak_mb)},
                    {"ate_m", number(ate_m)},
                    {"speedup_vs_ceres", number(speedup)},
                    {"speedup_vs_ceres_converged", number(speedup_stop)}});
    std::fflush(stdout);
  }
}

int run(const Options& o, const std::string& command) {
  Json best = Json::object();
  if (const auto text = read_file(o.best); text) best = Json::parse(*text, nullptr, false);
  if (best.is_discarded()) return fail(o.best + ": is no JSON");
  if (!best.contains("cost")) best["cost"] = Json::object();
  const auto problems = problems_of(o);
  if (!problems) return fail(problems.error().message);
  if (o.num_threads == 1 && !pin_to_core()) fmt::print("not pinned to a core\n");
#ifndef PIPIT_WITH_CERES
  fmt::print("PEER LEFT OUT: this program was built without Ceres (libceres-dev)\n");
#endif
  if (!o.make_best)
    fmt::print("{} thread(s), best of {}\n{:<49} {:>11} {:>11} {:^15} {:>13} {:>5} {:>9} {:>8}\n",
               o.num_threads,
               o.repeat,
               "problem",
               "target ms",
               "stop ms",
               "best Ceres",
               "cost",
               "iter",
               "ATE mm",
               "peak MB");
  Json rows = Json::array();
  for (const Problem& problem : *problems) {
    if (o.make_best) {
      const double cost = best_of(problem.start, o);
      best["cost"][problem.name] = std::fmin(cost, best["cost"].value(problem.name, cost));
      fmt::print("{:<26} {:.10g}\n", problem.name, best["cost"][problem.name].get<double>());
    } else if (!best["cost"].contains(problem.name)) {
      fmt::print("{:<26} left out: {} holds no best known cost of it (see --make-best)\n", problem.name, o.best);
    } else {
      report(problem, o, best["cost"][problem.name].get<double>(), rows);
    }
    std::fflush(stdout);
  }
  if (o.make_best) {
    best["made_by"] =
        fmt::format("pipit {}, commit {}: Ceres, sparse schur, tolerance 1e-8", version(), build_commit());
    const Status done = write_file(o.best, best.dump(2) + "\n");
    return done ? 0 : fail(done.error().message);
  }
  if (o.json.empty()) return 0;
  const Status done = write_json(o.json, {{"command", command}, {"repeat", o.repeat}, {"rows", rows}});
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
    const auto seed = parse_number<std::uint64_t>(value);
    if (flag == "--bal")
      o.bal.push_back(value);
    else if (flag == "--window" && third_of(value))
      o.windows.push_back(value);
    else if (flag == "--building" && count && *count >= 6)
      o.buildings.push_back(*count);
    else if (flag == "--building-third" && third_of(value))
      o.third = *third_of(value);
    else if (flag == "--seed" && seed)
      o.seed = *seed;
    else if (flag == "--setting")
      o.settings.push_back(value);
    else if (flag == "--json")
      o.json = value;
    else if (flag == "--best")
      o.best = value;
    else if (flag == "--threads" && count && *count >= 1 && *count <= 1024)
      o.num_threads = *count;
    else if (flag == "--repeat" && count && *count >= 1)
      o.repeat = *count;
    else
      return std::nullopt;
  }
  if (o.bal.empty() && o.windows.empty() && o.buildings.empty()) return std::nullopt;
  return o;
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  const auto options = pipit::parse(argc, argv);
  if (!options) {
    fmt::print(stderr,
               "usage: bench_ba [--bal FILE].. [--window none|right-u|depth].. [--building VIEWS].. "
               "[--building-third none|right-u|depth] [--seed N] "
               "[--setting NAME].. [--threads N] [--repeat N] [--best FILE] [--json FILE] [--make-best]\n");
    return 2;
  }
  std::string command = "bench_ba";
  for (int k = 1; k < argc; ++k) command += std::string(" ") + argv[k];
  return pipit::run(*options, command);
}
