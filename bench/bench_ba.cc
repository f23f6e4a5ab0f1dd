// bench_ba — how fast bundle adjustment is solved: Pipit and Ceres from the same start with the same error.
//
//   bench_ba [--scene FILE]... [--windows N] [--walk N] [--products] [--window none|right-u|depth] [--building
//   VIEWS]... [--seed N]
//            [--setting NAME]... [--threads N] [--repeat N] [--json FILE]
//
// Problems: files that `pipit ba` reads; simulated windows and buildings (household/household.h), whose truth is known.
// All run to their own stop at a relative decrease of 1e-6, taking turns; the run with the best time counts. For each
// pair the time to a target: 0.1 % above the worse of the two final costs; ordering and symbolic work included. Where
// that is more than 0.1 % above the best cost that any of them found, the row says so. One thread is pinned to a core.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>

#include "apps/json.h"
#include "ba_race.h"
#include "ba_windows.h"
#include "base/file.h"
#include "base/text.h"
#include "geom/trajectory.h"
#include "household/household.h"
#include "pin.h"
#include "scene/scene_io.h"

namespace pipit {
namespace {

int fail(const std::string& why) {
  fmt::print(stderr, "bench_ba: {}\n", why);
  return 1;
}

std::optional<Third> third_of(std::string_view word) {
  if (word == "none") return Third::None;
  if (word == "right-u") return Third::RightU;
  if (word == "depth") return Third::Depth;
  return {};
}

Result<std::vector<BaProblem>> problems_of(const BaOptions& o) {
  std::vector<BaProblem> out;
  for (const std::string& path : o.scenes) {
    auto file = read_scene(path);
    if (!file) return file.error();
    out.push_back({std::filesystem::path(path).stem().string(), std::move(file->scene)});
  }
  for (const std::int32_t views : o.buildings) {
    HouseholdOptions options = building(views);
    options.seed = o.seed;
    SimulatedScene made = simulate_household(options);
    out.push_back({fmt::format("building {}, seed {}", views, o.seed), std::move(made.start), std::move(made.truth)});
  }
  return out;
}

/// m, root of the mean square after the best rigid motion: how far camera centres are from the truth.
double ate_of(const Scene& scene, const Scene& truth) {
  std::vector<Eigen::Vector3d> est, ref;
  for (const View& view : scene.views) est.push_back(view.T_cam_world.inverse().t);
  for (const View& view : truth.views) ref.push_back(view.T_cam_world.inverse().t);
  return ate<3>(est, ref, Align::Rigid).position_m.rmse;
}

Json row_of(
    const BaProblem& problem, const Contender& c, const std::vector<Contender>& all, double best, const BaOptions& o) {
  Json row = {{"problem", problem.name},
              {"views", problem.start.views.size()},
              {"points", problem.start.points.size()},
              {"observations", problem.start.observations.size()},
              {"solver", c.name},
              {"threads", o.num_threads},
              {"seconds", number(c.best.seconds)},
              {"seconds_linear", number(c.best.linear_s)},
              {"seconds_linearise", number(c.best.jacobian_s + c.best.residual_s)},
              {"cost", number(c.best.cost)},
              {"cost_best_found", number(best)},
              {"not_seen", c.best.not_seen},
              {"iterations", c.best.iterations},
              {"inner", c.best.inner},
              {"peak_mb", number(c.best.peak_mb)}};
  if (problem.truth) row["ate_m"] = number(ate_of(c.best.end, *problem.truth));
  if (c.peer) return row;
  Json pairs = Json::object();
  for (const Contender& peer : all)
    if (peer.peer) {
      const Pair pair = pair_of(c.best, peer.best);
      pairs[peer.name] = {{"target", number(pair.target)},
                          {"seconds", number(pair.ours)},
                          {"seconds_peer", number(pair.theirs)},
                          {"ratio", number(pair.ratio())},
                          {"target_above_best", number(pair.target / kTarget / best - 1)}};
    }
  row["against"] = pairs;
  return row;
}

/// The smallest ratio over the peers: against the best of them. NaN where a target was not reached or nobody is there.
double against_best_peer(const Contender& c, const std::vector<Contender>& all) {
  double least = std::numeric_limits<double>::quiet_NaN();
  for (const Contender& peer : all)
    if (peer.peer) {
      const double ratio = pair_of(c.best, peer.best).ratio();
      if (std::isfinite(ratio)) least = std::fmin(least, ratio);
    }
  return least;
}

void report(const BaProblem& problem, const BaOptions& o, Json& rows) {
  const std::vector<Contender> all = race(problem, o, false);
  double best = std::numeric_limits<double>::infinity();
  for (const Contender& c : all) best = std::fmin(best, c.best.cost);
  for (const Contender& c : all) {
    const double ratio = c.peer ? std::numeric_limits<double>::quiet_NaN() : against_best_peer(c, all);
    fmt::print("{:<24} {:<22} {:>11} {:>12} {:>13.8g} {:>5} {:>8.1f}  {}\n",
               problem.name,
               c.name,
               in_ms(c.best.seconds),
               in_ms(c.best.seconds_to(kTarget * best)),
               c.best.cost,
               c.best.iterations,
               c.best.peak_mb,
               std::isfinite(ratio)           ? fmt::format("{:.1f}x the best peer", ratio)
               : c.best.cost > kTarget * best ? "ends above the best by more than 0.1 %"
                                              : "");
    rows.push_back(row_of(problem, c, all, best, o));
  }
  std::fflush(stdout);
}

int run(const BaOptions& o, const std::string& command) {
  const auto problems = problems_of(o);
  if (!problems) return fail(problems.error().message);
  if (o.num_threads == 1 && !pin_to_core()) fmt::print("not pinned to a core\n");
#ifndef PIPIT_WITH_CERES
  fmt::print("PEER LEFT OUT: this program was built without Ceres (libceres-dev)\n");
#endif
  fmt::print("{} thread(s), best of {}\n", o.num_threads, o.repeat);
  const Json windows = o.windows > 0 ? report_windows(o) : Json(nullptr);
  Json products = Json::array();
  if (o.products) {
    for (const BundleSolver solver : {BundleSolver::Cgnr, BundleSolver::Implicit}) {
      report_products(window_of(o, 0), o, solver, products);
      for (const BaProblem& problem : *problems) report_products(problem, o, solver, products);
    }
  }
  const Json walk = o.walk > 0 ? report_walk(o) : Json(nullptr);
  if (!problems->empty() && !o.products)
    fmt::print(
        "{:<47} {:>11} {:>12} {:>13} {:>5} {:>8}\n", "problem", "stop ms", "to 0.1 % ms", "cost", "iter", "peak MB");
  Json rows = Json::array();
  for (const BaProblem& problem : *problems)
    if (!o.products) report(problem, o, rows);
  if (o.json.empty()) return 0;
  const Status done = write_json(o.json,
                                 {{"command", command},
                                  {"threads", o.num_threads},
                                  {"repeat", o.repeat},
                                  {"windows", windows},
                                  {"walk", walk},
                                  {"products", products},
                                  {"rows", rows}});
  return done ? 0 : fail(done.error().message);
}

std::optional<BaOptions> parse(int argc, char** argv) {
  BaOptions o;
  for (int k = 1; k < argc; ++k) {
    const std::string_view flag = argv[k];
    if (flag == "--products") {
      o.products = true;
      continue;
    }
    if (k + 1 == argc) return std::nullopt;
    const std::string value = argv[++k];
    const auto count = parse_number<int>(value);
    const auto seed = parse_number<std::uint64_t>(value);
    if (flag == "--scene")
      o.scenes.push_back(value);
    else if (flag == "--windows" && count && *count >= 1)
      o.windows = *count;
    else if (flag == "--building" && count && *count >= 6)
      o.buildings.push_back(*count);
    else if (flag == "--walk" && count && *count >= 60)
      o.walk = *count;
    else if (flag == "--window" && third_of(value))
      o.third = *third_of(value);
    else if (flag == "--seed" && seed)
      o.seed = *seed;
    else if (flag == "--setting")
      o.settings.push_back(value);
    else if (flag == "--json")
      o.json = value;
    else if (flag == "--threads" && count && *count >= 1 && *count <= 1024)
      o.num_threads = *count;
    else if (flag == "--repeat" && count && *count >= 1)
      o.repeat = *count;
    else
      return std::nullopt;
  }
  if (o.scenes.empty() && o.windows == 0 && o.walk == 0 && !o.products && o.buildings.empty()) return std::nullopt;
  return o;
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  const auto options = pipit::parse(argc, argv);
  if (!options) {
    fmt::print(stderr,
               "usage: bench_ba [--scene FILE].. [--windows N] [--walk N] [--products] [--window none|right-u|depth] "
               "[--building VIEWS].. "
               "[--seed N] [--setting NAME].. [--threads N] [--repeat N] [--json FILE]\n");
    return 2;
  }
  pipit::keep_blas_to_one_thread(argv);
  std::string command = "bench_ba";
  for (int k = 1; k < argc; ++k) command += std::string(" ") + argv[k];
  return pipit::run(*options, command);
}
