#include "ba_windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/statistics.h"
#include "base/clock.h"
#include "bundle/optimise.h"
#include "household/household.h"
#include "window/sliding_window.h"

namespace pipit {
namespace {

/// The value that a share q of all do not exceed.
double share_of(const std::vector<double>& values, double q) { return quantile(sorted(values), q); }

}  // namespace

Json report_windows(const BaOptions& o) {
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
               s.target.empty() ? "-" : in_ms(share_of(s.target, 0.5)),
               s.target.empty() ? "-" : in_ms(share_of(s.peer, 0.5)),
               share_of(s.ratio, 0.5),
               share_of(s.ratio, 0.1),
               in_ms(share_of(s.stop, 0.5)),
               in_ms(share_of(s.stop, 0.99)),
               1e6 * s.linear / std::max(1.0, s.inner),
               s.iterations / o.windows);
    rows.push_back({{"solver", s.name},
                    {"seconds_to_target_median", number(share_of(s.target, 0.5))},
                    {"seconds_peer_median", number(share_of(s.peer, 0.5))},
                    {"ratio_median", number(share_of(s.ratio, 0.5))},
                    {"ratio_p10", number(share_of(s.ratio, 0.1))},
                    {"seconds_stop_median", number(share_of(s.stop, 0.5))},
                    {"seconds_stop_p99", number(share_of(s.stop, 0.99))},
                    {"seconds_linear", number(s.linear)},
                    {"inner", s.inner},
                    {"iterations", s.iterations}});
  }
  std::fflush(stdout);
  return rows;
}

void report_products(const BaProblem& problem, const BaOptions& o, BundleSolver solver, Json& rows) {
  double an_iteration[2] = {1e300, 1e300}, products[2] = {1e300, 1e300};
  constexpr const char* kPrecisions[] = {"single", "mixed"};
  for (int r = 0; r < o.repeat; ++r)
    for (std::size_t k = 0; k < 2; ++k) {
      BundleOptions options;
      options.precision = *bundle_precision(kPrecisions[k]);
      options.solver = solver;
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
      "{:<24} J {:>7.2f} MB in fp32; an iteration of {:<8} {:>8.1f} us in single ({:.0f} % products), {:>8.1f} us in "
      "mixed: saved {:.1f} %\n",
      problem.name,
      megabytes,
      name(solver),
      1e6 * an_iteration[0],
      100 * products[0] / an_iteration[0],
      1e6 * an_iteration[1],
      100 * saved);
  std::fflush(stdout);
  rows.push_back({{"problem", problem.name},
                  {"solver", name(solver)},
                  {"jacobian_mb_single", number(megabytes)},
                  {"seconds_single", number(an_iteration[0])},
                  {"seconds_mixed", number(an_iteration[1])},
                  {"products_share_single", number(products[0] / an_iteration[0])},
                  {"saved", number(saved)}});
}

Json report_walk(const BaOptions& o) {
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
        in_ms(share_of(seconds, 0.5)),
        in_ms(share_of(seconds, 0.99)),
        in_ms(share_of(seconds, 1)),
        iterations / static_cast<double>(seconds.size()),
        1e3 * off);
    rows.push_back({{"precision", precision},
                    {"keyframes", o.walk},
                    {"window", window_options.keyframes},
                    {"seconds_median", number(share_of(seconds, 0.5))},
                    {"seconds_p99", number(share_of(seconds, 0.99))},
                    {"seconds_max", number(share_of(seconds, 1))},
                    {"iterations", number(iterations / static_cast<double>(seconds.size()))},
                    {"off_at_end_m", number(off)}});
  }
  std::fflush(stdout);
  return rows;
}

}  // namespace pipit
