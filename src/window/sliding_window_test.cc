// Laws: a window as long as the walk is plain bundle adjustment; with the prior a long walk ends nearer to the truth
// than without; a prior costs what was marginalised; a time limit leaves a consistent window; no memory is asked for.
#include "window/sliding_window.h"

#include <gtest/gtest.h>

#include "household/household.h"
#include "tests/allocations.h"

namespace pipit {
namespace {

WindowOptions options_of(int keyframes, int num_fixed = 2) {
  WindowOptions options;
  options.keyframes = keyframes, options.num_fixed = num_fixed;
  return options;
}

/// Key-frames of a simulated walk, one by one.
class Walk {
 public:
  explicit Walk(const HouseholdOptions& options) : simulated(simulate_household(options)) {
    tracks.resize(simulated.start.views.size());
    for (const Observation& o : simulated.start.observations)
      tracks[static_cast<std::size_t>(o.view)].push_back({o.point, o.u, o.v, o.third});
  }
  int size() const { return static_cast<int>(tracks.size()); }
  SE3<double> truth(int k) const { return simulated.truth.views[static_cast<std::size_t>(k)].T_cam_world.inverse(); }
  SE3<double> start(int k) const { return simulated.start.views[static_cast<std::size_t>(k)].T_cam_world.inverse(); }
  /// The motion from one key-frame to the next as odometry has it.
  SE3<double> motion(int k) const { return start(k - 1).inverse() * start(k); }
  SlidingWindow window(const WindowOptions& options) const {
    const Scene& s = simulated.start;
    return {s.cameras.front(), s.third, s.baseline_m, s.depth_sigma, options};
  }
  SimulatedScene simulated;
  std::vector<std::vector<TrackedPoint>> tracks;
};

/// Walks all the way, each guess from the last pose. Yields the RMS error of positions of key-frames as they left or
/// ended, m.
double error_of_walk(const Walk& walk, const WindowOptions& options) {
  SlidingWindow window = walk.window(options);
  double squares = 0;
  for (int k = 0; k < walk.size(); ++k) {
    const SE3<double> guess = k < options.num_fixed ? walk.truth(k) : window.pose(window.size() - 1) * walk.motion(k);
    window.add(guess, walk.tracks[static_cast<std::size_t>(k)]);
    if (k >= 3) window.optimise(10);
    const int last = window.size() - 1;
    squares += (window.pose(last).t - walk.truth(k).t).squaredNorm();
  }
  return std::sqrt(squares / walk.size());
}

TEST(SlidingWindow, AsLongAsTheWalkItIsBundleAdjustment) {
  const Walk walk({.num_views = 30, .third = Third::RightU, .seed = 2});
  SlidingWindow window = walk.window(options_of(30));
  for (int k = 0; k < walk.size(); ++k)
    window.add(k < 2 ? walk.truth(k) : walk.start(k), walk.tracks[static_cast<std::size_t>(k)]);
  const BundleSummary& mine = window.optimise(10);
  Scene scene = walk.simulated.start;
  BundleOptions options;
  options.fix_intrinsics = true;
  const BundleSummary whole = optimise(scene, options);
  EXPECT_EQ(window.num_landmarks(), static_cast<int>(scene.points.size()));
  EXPECT_NEAR(mine.after.cost, whole.after.cost, 1e-4 * whole.after.cost);
  for (int k = 0; k < walk.size(); ++k)
    EXPECT_LT((window.pose(k).t - scene.views[static_cast<std::size_t>(k)].T_cam_world.inverse().t).norm(), 2e-4);
}

TEST(SlidingWindow, APriorKeepsWhatLeft) {
  for (const Third third : {Third::RightU, Third::None}) {
    double with = 0, without = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const Walk walk({.num_views = 80, .third = third, .num_fixed = 10, .seed = seed});
      WindowOptions options = options_of(30, 10);
      with += error_of_walk(walk, options);
      options.marginalise = false;
      without += error_of_walk(walk, options);
    }
    // 0.87 and 0.23 of it, measured; a window shorter than the tracks would lose by it
    EXPECT_LT(with, without) << static_cast<int>(third);
    EXPECT_LT(with / 4, third == Third::None ? 0.04 : 0.006) << "m after four metres of walk";
  }
}

// A prior that strays from what it summed up shows late: this walk once ended three kilometres away in mixed alone.
TEST(SlidingWindow, ALongWalkEndsInOnePlaceInEveryPrecision) {
  const Walk walk({.num_views = 300, .third = Third::None, .num_fixed = 10, .seed = 1});
  double ends[3];
  int k = 0;
  for (const char* precision : {"double", "single", "mixed"}) {
    WindowOptions options = options_of(30, 10);
    options.bundle.precision = *bundle_precision(precision);
    ends[k++] = error_of_walk(walk, options);
  }
  EXPECT_LT(ends[0], 0.3) << "m, RMS of fifteen metres of walk";
  EXPECT_NEAR(ends[1], ends[0], 0.1 * ends[0]);
  EXPECT_NEAR(ends[2], ends[0], 0.1 * ends[0]);
}

TEST(Marginaliser, ThePriorCostsWhatWasMarginalised) {
  // Quadratic near the optimum: prior at moved poses against the least cost over the points and the view that left.
  SimulatedScene walk =
      simulate_household({.num_views = 8, .track_length = 6, .third = Third::RightU, .num_fixed = 1, .seed = 5});
  Scene scene = walk.start;
  scene.views[0].fixed = false, scene.views[1].fixed = true;
  BundleOptions options;
  options.precision = *bundle_precision("double");
  options.fix_intrinsics = true;
  options.solver = BundleSolver::Schur;
  options.tolerance = 1e-12;
  const BundleSummary best = optimise(scene, options);
  PosePrior prior;
  Marginaliser().drop_first(scene, {}, prior);
  ASSERT_EQ(prior.views.size(), 6U);
  std::vector<SE3<double>> poses;
  for (const View& view : scene.views) poses.push_back(view.T_cam_world.inverse());
  std::vector<double> gradient(static_cast<std::size_t>(prior.size()));
  EXPECT_NEAR(prior.evaluate(poses, gradient), best.after.cost, 1e-6 * best.after.cost);
  for (const double g : gradient) EXPECT_NEAR(g, 0, 1e-2) << "at its optimum";
  for (int trial = 0; trial < 4; ++trial) {
    Scene moved = scene;
    for (std::size_t v = 2; v < moved.views.size(); ++v) {
      SE3<double>::Tangent d = SE3<double>::Tangent::Constant(1e-4 * (trial + 1) * (v % 2 == 0 ? 1 : -1));
      poses[v] = scene.views[v].T_cam_world.inverse().retract(d);
      moved.views[v].T_cam_world = poses[v].inverse();
      moved.views[v].fixed = true;
    }
    const double rest = optimise(moved, options).after.cost;  // view 0 and the points are free
    EXPECT_NEAR(
        prior.evaluate(poses, gradient) - best.after.cost, rest - best.after.cost, 0.03 * (rest - best.after.cost));
  }
}

TEST(SlidingWindow, ATimeLimitLeavesAConsistentWindow) {
  const Walk walk({.num_views = 20, .third = Third::RightU, .seed = 3});
  SlidingWindow window = walk.window(options_of(20));
  for (int k = 0; k < walk.size(); ++k) window.add(walk.start(k), walk.tracks[static_cast<std::size_t>(k)]);
  const BundleSummary first = window.optimise(0);
  EXPECT_EQ(first.minimise.stop, Stop::TimeLimit);
  EXPECT_EQ(first.after.cost, first.before.cost);
  const BundleSummary second = window.optimise(10);
  EXPECT_NEAR(second.before.cost, first.after.cost, 1e-9 * first.after.cost);
  EXPECT_LT(second.after.cost, 0.5 * second.before.cost);
}

TEST(SlidingWindow, AfterAWhileNoMemoryIsAskedFor) {
  const Walk walk({.num_views = 90, .third = Third::None, .num_fixed = 10, .seed = 1});
  SlidingWindow window = walk.window(options_of(20, 10));
  // The same walk again and again: at the third time every array has been as large before.
  long asked = 0;
  for (int round = 0; round < 3; ++round)
    for (int k = 0; k < walk.size(); ++k) {
      const SE3<double> guess = k < 10 ? walk.truth(k) : window.pose(window.size() - 1) * walk.motion(k);
      const long before = allocations;
      window.add(guess, walk.tracks[static_cast<std::size_t>(k)]);
      if (k >= 3) window.optimise(10);
      if (round == 2) asked += allocations - before;
    }
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace pipit
