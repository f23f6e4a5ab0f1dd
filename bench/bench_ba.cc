// bench_ba — how fast bundle adjustment is solved: Pipit and Ceres from the same start with the same error.
//
//   bench_ba [--scene FILE]... [--windows N] [--walk N] [--products] [--window none|right-u|depth] [--building
//   VIEWS]... [--seed N]
//            [--setting NAME]... [--threads N] [--repeat N] [--json FILE]
//
// Problems: files that `pipit ba` reads; simulated windows and buildings (scene/household.h), whose truth is known.
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
#include "base/file.h"
#include "base/text.h"
#include "bundle_contender.h"
#include "geom/trajectory.h"
#include "pin.h"
#include "pipit_ba.h"
#include "scene/household.h"
#include "scene/scene_io.h"
#include "window/sliding_window.h"
#ifdef PIPIT_WITH_CERES
#include "ceres_ba.h"
#endif

namespace pipit {
namespace {

struct Options {
  std::vector<std::string> scenes, settings;
  std::vector<std::int32_t> buildings;
  int windows = 0, walk = 0;
  std::string json;
  Third third = Third::None;  ///< of windows and walks
  std::uint64_t seed = 1;
  int num_threads = 1, repeat = 3;
  bool products = false;  ///< of CGNR instead of races
};

constexpr double kTarget = 1.001, kTolerance = 1e-6;

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

Problem window_of(const Options& o, int k) {
  HouseholdOptions options{.third = o.third, .num_fixed = 10, .seed = o.seed + static_cast<std::uint64_t>(k)};
  SimulatedScene made = simulate_household(options);
  return {fmt::format("window, seed {}", options.seed), std::move(made.start), std::move(made.truth)};
}

/// One solver on one problem: the best of its runs.
struct Contender {
  std::string name;
  bool peer;
  std::function<BundleRun(const Scene&)> solve;
  BundleRun best = {};

  void take(BundleRun run) {
    if (!(run.seconds >= best.seconds)) best = std::move(run);
  }
};

std::vector<Contender> contenders(const Options& o, bool window) {
  std::vector<Contender> all;
  for (const char* precision : {"mixed", "single", "double"})
    all.push_back({fmt::format("Pipit, {}", precision), false, [precision, window, &o](const Scene& scene) {
                     return run_pipit_ba(scene,
                                         {.precision = precision,
                                          .tolerance = kTolerance,
                                          .num_threads = o.num_threads,
                                          .watch_memory = !window});
                   }});
#ifdef PIPIT_WITH_CERES
  for (const std::string& setting : ceres_ba_settings()) {
    if (window && setting != "dense schur") continue;
    if (!o.settings.empty() && std::find(o.settings.begin(), o.settings.end(), setting) == o.settings.end()) continue;
    all.push_back(
        {"Ceres, " + setting, true, [setting, window, &o](const Scene& scene) {
           return run_ceres_ba(
               scene,
               {.setting = setting, .tolerance = kTolerance, .num_threads = o.num_threads, .watch_memory = !window});
         }});
  }
#endif
  return all;
}

/// m, root of the mean square after the best rigid motion: how far camera centres are from the truth.
double ate_of(const Scene& scene, const Scene& truth) {
  std::vector<Eigen::Vector3d> est, ref;
  for (const View& view : scene.views) est.push_back(view.T_cam_world.inverse().t);
  for (const View& view : truth.views) ref.push_back(view.T_cam_world.inverse().t);
  return ate<3>(est, ref, Align::Rigid).position_m.rmse;
}

/// Against one peer: seconds of both to 0.1 % above the worse of their two ends.
struct Pair {
  double target = 0, ours = 0, theirs = 0;
  double ratio() const { return theirs / ours; }
};
Pair pair_of(const BundleRun& ours, const BundleRun& theirs) {
  const double target = kTarget * std::max(ours.cost, theirs.cost);
  return {target, ours.seconds_to(target), theirs.seconds_to(target)};
}

std::string in_ms(double seconds) {
  return std::isfinite(seconds) ? fmt::format("{:.2f}", 1e3 * seconds) : std::string("not reached");
}

Json row_of(
    const Problem& problem, const Contender& c, const std::vector<Contender>& all, double best, const Options& o) {
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

std::vector<Contender> race(const Problem& problem, const Options& o, bool window) {
  std::vector<Contender> all = contenders(o, window);
  for (int r = 0; r < o.repeat; ++r)
    for (Contender& c : all) c.take(c.solve(problem.start));
  return all;
}

void report(const Problem& problem, const Options& o, Json& rows) {
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

double median_of(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values.empty()
             ? std::numeric_limits<double>::quiet_NaN()
             : values[std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

/// Many windows, a few numbers: times to the pair's target, ratios, what the linear solve takes.
Json report_windows(const Options& o) {
  struct Sum {
    std::string name;
    std::vector<double> stop = {}, target = {}, peer = {}, ratio = {};
    double linear = 0, inner = 0, iterations = 0;
  };
  std::vector<Sum> sums;
  for (int k = 0; k < o.windows; ++k) {
    const std::vector<Contender> all = race(window_of(o, k), o, true);
    if (sums.empty())
      for (const Contender& c : all) sums.push_back({.name = c.name});
    for (std::size_t i = 0; i < all.size(); ++i) {
      sums[i].stop.push_back(all[i].best.seconds);
      sums[i].linear += all[i].best.linear_s, sums[i].inner += static_cast<double>(all[i].best.inner);
      sums[i].iterations += all[i].best.iterations;
      if (all[i].peer || !all.back().peer) continue;
      const Pair pair = pair_of(all[i].best, all.back().best);
      sums[i].target.push_back(pair.ours), sums[i].peer.push_back(pair.theirs), sums[i].ratio.push_back(pair.ratio());
    }
  }
  fmt::print(
      "{} windows: ms to 0.1 % above the pair's worse end (median), the peer's, ratio median and 10 %; ms to the "
      "own stop, median and 99 %\n",
      o.windows);
  Json rows = Json::array();
  for (const Sum& s : sums) {
    fmt::print("{:<22} {:>9} {:>9} {:>7.2f} {:>7.2f} {:>9} {:>9}   {:.1f} us an inner iteration, {:.1f} iterations\n",
               s.name,
               in_ms(median_of(s.target, 0.5)),
               in_ms(median_of(s.peer, 0.5)),
               median_of(s.ratio, 0.5),
               median_of(s.ratio, 0.1),
               in_ms(median_of(s.stop, 0.5)),
               in_ms(median_of(s.stop, 0.99)),
               1e6 * s.linear / std::max(1.0, s.inner),
               s.iterations / o.windows);
    rows.push_back({{"solver", s.name},
                    {"seconds_to_target_median", number(median_of(s.target, 0.5))},
                    {"seconds_peer_median", number(median_of(s.peer, 0.5))},
                    {"ratio_median", number(median_of(s.ratio, 0.5))},
                    {"ratio_p10", number(median_of(s.ratio, 0.1))},
                    {"seconds_stop_median", number(median_of(s.stop, 0.5))},
                    {"seconds_stop_p99", number(median_of(s.stop, 0.99))},
                    {"seconds_linear", number(s.linear)},
                    {"inner", s.inner},
                    {"iterations", s.iterations}});
  }
  std::fflush(stdout);
  return rows;
}

/// What an inner iteration of CGNR takes in single and in mixed, which differ in the storage of J alone.
void report_products(const Problem& problem, const Options& o, Json& rows) {
  double an_iteration[2] = {1e300, 1e300}, products[2] = {1e300, 1e300};
  constexpr const char* kPrecisions[] = {"single", "mixed"};
  for (int r = 0; r < o.repeat; ++r)
    for (std::size_t k = 0; k < 2; ++k) {
      BundleOptions options;
      options.precision = *bundle_precision(kPrecisions[k]);
      options.solver = BundleSolver::Cgnr;
      options.fix_intrinsics = true;
      options.num_threads = o.num_threads;
      options.max_iterations = 4;
      Scene scene = problem.start;
      const LinearReport linear = optimise(scene, options).minimise.linear;
      const auto inner = static_cast<double>(linear.inner_iterations);
      an_iteration[k] = std::min(an_iteration[k], linear.seconds_solve / inner);
      products[k] = std::min(products[k], linear.seconds_products / inner);
    }
  const int residuals = problem.start.third == Third::None ? 2 : 3;
  const double megabytes = 1e-6 * 4 * 9 * residuals * static_cast<double>(problem.start.observations.size());
  const double saved = 1 - an_iteration[1] / an_iteration[0];
  fmt::print(
      "{:<24} J {:>7.2f} MB in fp32; an iteration of CGNR {:>8.1f} us in single ({:.0f} % products), {:>8.1f} us in "
      "mixed: saved {:.1f} %\n",
      problem.name,
      megabytes,
      1e6 * an_iteration[0],
      100 * products[0] / an_iteration[0],
      1e6 * an_iteration[1],
      100 * saved);
  std::fflush(stdout);
  rows.push_back({{"problem", problem.name},
                  {"jacobian_mb_single", number(megabytes)},
                  {"seconds_single", number(an_iteration[0])},
                  {"seconds_mixed", number(an_iteration[1])},
                  {"products_share_single", number(products[0] / an_iteration[0])},
                  {"saved", number(saved)}});
}

/// A walk of `walk` key-frames through a window of 50, each guess from odometry: what every update takes.
Json report_walk(const Options& o) {
  HouseholdOptions options{.num_views = o.walk, .third = o.third, .num_fixed = 10, .seed = o.seed};
  const SimulatedScene made = simulate_household(options);
  std::vector<std::vector<TrackedPoint>> tracks(made.start.views.size());
  for (const Observation& x : made.start.observations)
    tracks[static_cast<std::size_t>(x.view)].push_back({x.point, x.u, x.v, x.third});
  const auto pose = [](const Scene& scene, std::size_t k) { return scene.views[k].T_cam_world.inverse(); };
  Json rows = Json::array();
  for (const char* precision : {"mixed", "single", "double"}) {
    WindowOptions window_options;
    window_options.num_fixed = options.num_fixed;
    window_options.bundle.precision = *bundle_precision(precision);
    const Scene& s = made.start;
    SlidingWindow window(s.cameras.front(), s.third, s.baseline_m, s.depth_sigma, window_options);
    std::vector<double> seconds;
    double iterations = 0, off = 0;
    for (std::size_t k = 0; k < tracks.size(); ++k) {
      const SE3<double> guess =
          k < 10 ? pose(made.truth, k) : window.pose(window.size() - 1) * (pose(s, k - 1).inverse() * pose(s, k));
      const Stopwatch watch;
      window.add(guess, tracks[k]);
      if (k < 3) continue;
      const BundleSummary& summary = window.optimise(10);
      if (window.num_left() == 0) continue;
      seconds.push_back(watch.seconds());
      iterations += summary.minimise.iterations;
      off = (window.pose(window.size() - 1).t - pose(made.truth, k).t).norm();
    }
    fmt::print(
        "walk of {} key-frames, window of 50, Pipit, {:<7} an update: median {} ms, 99 % {} ms, longest {} ms; {:.1f} "
        "iterations; {:.1f} mm off at its end\n",
        o.walk,
        precision,
        in_ms(median_of(seconds, 0.5)),
        in_ms(median_of(seconds, 0.99)),
        in_ms(median_of(seconds, 1)),
        iterations / static_cast<double>(seconds.size()),
        1e3 * off);
    rows.push_back({{"precision", precision},
                    {"keyframes", o.walk},
                    {"window", window_options.keyframes},
                    {"seconds_median", number(median_of(seconds, 0.5))},
                    {"seconds_p99", number(median_of(seconds, 0.99))},
                    {"seconds_max", number(median_of(seconds, 1))},
                    {"iterations", number(iterations / static_cast<double>(seconds.size()))},
                    {"off_at_end_m", number(off)}});
  }
  std::fflush(stdout);
  return rows;
}

int run(const Options& o, const std::string& command) {
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
    report_products(window_of(o, 0), o, products);
    for (const Problem& problem : *problems) report_products(problem, o, products);
  }
  const Json walk = o.walk > 0 ? report_walk(o) : Json(nullptr);
  if (!problems->empty() && !o.products)
    fmt::print(
        "{:<47} {:>11} {:>12} {:>13} {:>5} {:>8}\n", "problem", "stop ms", "to 0.1 % ms", "cost", "iter", "peak MB");
  Json rows = Json::array();
  for (const Problem& problem : *problems)
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

std::optional<Options> parse(int argc, char** argv) {
  Options o;
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
