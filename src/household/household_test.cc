#include "household/household.h"

#include <gtest/gtest.h>

#include <numbers>
#include <set>

#include "base/random.h"
#include "household/house_plan.h"

namespace pipit {
namespace {

using Eigen::Vector3d;

constexpr Third kThirds[] = {Third::None, Third::RightU, Third::Depth};

bool same_bits(const Scene& a, const Scene& b) {
  bool same =
      a.points == b.points && a.views.size() == b.views.size() && a.observations.size() == b.observations.size();
  for (std::size_t k = 0; same && k < a.views.size(); ++k)
    same = a.views[k].T_cam_world.q.coeffs() == b.views[k].T_cam_world.q.coeffs() &&
           a.views[k].T_cam_world.t == b.views[k].T_cam_world.t && a.views[k].fixed == b.views[k].fixed;
  for (std::size_t k = 0; same && k < a.observations.size(); ++k) {
    const Observation &x = a.observations[k], &y = b.observations[k];
    same = x.view == y.view && x.point == y.point && x.u == y.u && x.v == y.v && x.third == y.third;
  }
  return same;
}

Vector3d in_camera(const Scene& scene, const Observation& o) {
  return scene.views[static_cast<std::size_t>(o.view)].T_cam_world.act(scene.points[static_cast<std::size_t>(o.point)]);
}

double residuals(const Scene& scene) {
  return static_cast<double>(scene.observations.size()) * (scene.third == Third::None ? 2 : 3);
}

TEST(Household, TheTruthCostsNothingWithoutNoise) {
  for (const Third third : kThirds) {
    HouseholdOptions o{.third = third, .pixel_sigma = 0};
    EXPECT_EQ(error_of(simulate_household(o).truth).cost, 0) << "what is seen and what is judged are one formula";
    // 10 km away a place is rounded to eps 1.4e4 m = 3e-12 m, some of them for a point in its camera: times 450 px over
    // 0.3 m, and over 0.005 * 0.3^2 m for a depth, that is 3e-8 at most for one number.
    o.origin = {1e4, -1e4, 50};
    const Scene far = simulate_household(o).truth;
    EXPECT_GT(error_of(far).cost, 0);
    EXPECT_LT(error_of(far).cost, 0.5 * residuals(far) * 3e-8 * 3e-8);
  }
}

TEST(Household, NoiseCostsHalfItsVarianceForEachResidual) {
  for (const Third third : kThirds)
    for (const std::uint64_t seed : {1, 2, 3}) {
      const Scene truth = simulate_household({.third = third, .pixel_sigma = 0.8, .seed = seed}).truth;
      const double n = residuals(truth), mean = 2 * error_of(truth).cost / n / (0.8 * 0.8);
      // A mean of n squares of normal numbers has the deviation sqrt(2 / n); a depth's weight has its own noise in it,
      // at most 3 (2 * 0.8 * 0.005 * 8)^2 = 1.2 % on a third of the numbers.
      EXPECT_NEAR(mean, 1, 4.5 * std::sqrt(2 / n) + (third == Third::Depth ? 0.004 : 0)) << seed;
    }
}

TEST(Household, SizesAreThoseAskedFor) {
  const auto expect_sizes = [](const HouseholdOptions& o) {
    const Scene truth = simulate_household(o).truth;
    const double seen = static_cast<double>(o.num_views) * o.seen_per_view;
    EXPECT_EQ(truth.views.size(), static_cast<std::size_t>(o.num_views));
    EXPECT_NEAR(static_cast<double>(truth.observations.size()), seen, 0.1 * seen) << o.num_views << ' ' << o.seed;
    EXPECT_NEAR(static_cast<double>(truth.points.size()), seen / o.track_length, 0.1 * seen / o.track_length)
        << o.num_views << ' ' << o.seed;
  };
  for (std::uint64_t seed = 1; seed <= 40; ++seed) expect_sizes({.seed = seed});
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    HouseholdOptions o = building(300);
    o.seed = seed;
    expect_sizes(o);
  }
}

TEST(Household, EveryLandmarkIsSeenThreeTimesFromInsideTheHouse) {
  HouseholdOptions large = building(400);
  large.pixel_sigma = 0;
  for (const HouseholdOptions& o : {HouseholdOptions{.pixel_sigma = 0}, large}) {
    const SimulatedScene made = simulate_household(o);
    std::vector<int> seen(made.truth.points.size());
    for (std::size_t k = 0; k < made.truth.observations.size(); ++k) {
      const Observation& now = made.truth.observations[k];
      ++seen[static_cast<std::size_t>(now.point)];
      const Vector3d p = in_camera(made.truth, now);
      EXPECT_GE(p.z(), 0.3);
      EXPECT_LE(p.z(), 8);
      EXPECT_TRUE(now.u >= 0 && now.u < 640 && now.v >= 0 && now.v < 480);
      if (k == 0) continue;
      const Observation& before = made.truth.observations[k - 1];
      EXPECT_TRUE(before.view < now.view || (before.view == now.view && before.point < now.point));
    }
    EXPECT_GE(*std::min_element(seen.begin(), seen.end()), 3);
    const double not_seen = static_cast<double>(error_of(made.start).not_seen);
    EXPECT_LE(not_seen, 0.01 * static_cast<double>(made.truth.observations.size()));
    EXPECT_TRUE(std::isfinite(error_of(made.start).cost));
  }
}

TEST(Household, NothingIsSeenThroughWalls) {
  const HouseholdOptions o = building(400);
  const Scene truth = simulate_household(o).truth;
  Random path(o.seed);  // as simulate_household draws its house
  (void)path.uniform();
  const HousePlan plan(4 + static_cast<int>(std::sqrt(o.step * o.num_views) / 3), path);
  for (const Observation& now : truth.observations) {
    const Vector3d eye = truth.views[static_cast<std::size_t>(now.view)].T_cam_world.inverse().t;
    const auto met = plan.look(eye, truth.points[static_cast<std::size_t>(now.point)] - eye);
    ASSERT_TRUE(met);
    ASSERT_NEAR(*met, 1, 2e-6) << "the first thing met is the landmark itself";
  }
}

// Otherwise bundle adjustment sends it to the other side of infinity.
TEST(Household, EveryLandmarkIsSeenFromTwoSides) {
  for (const HouseholdOptions& o : {HouseholdOptions{}, building(200)}) {
    const Scene truth = simulate_household(o).truth;
    std::vector<Vector3d> first(truth.points.size(), Vector3d::Zero());
    std::vector<double> widest(truth.points.size());
    for (const Observation& now : truth.observations) {
      const auto p = static_cast<std::size_t>(now.point);
      const SE3<double> T = truth.views[static_cast<std::size_t>(now.view)].T_cam_world.inverse();
      const Vector3d ray = (truth.points[p] - T.t).normalized();
      if (first[p].isZero()) first[p] = ray;
      widest[p] = std::max(widest[p], first[p].cross(ray).norm());
    }
    EXPECT_GE(*std::min_element(widest.begin(), widest.end()), 0.02);
  }
}

TEST(Household, ARobotThatComesBackFindsLandmarksAgain) {
  const Scene truth = simulate_household(building(600)).truth;
  std::vector<std::int32_t> last(truth.points.size(), -1);
  int again = 0;
  for (const Observation& o : truth.observations) {
    std::int32_t& before = last[static_cast<std::size_t>(o.point)];
    again += before >= 0 && o.view - before > 50 ? 1 : 0;
    before = o.view;
  }
  EXPECT_GT(again, 200) << "150 m of walk through eight rooms";
}

TEST(Household, SameSeedSameBits) {
  const HouseholdOptions o{.third = Third::RightU, .seed = 7};
  HouseholdOptions other = o;
  other.seed = 8;
  const SimulatedScene a = simulate_household(o), b = simulate_household(o), c = simulate_household(other);
  EXPECT_TRUE(same_bits(a.truth, b.truth));
  EXPECT_TRUE(same_bits(a.start, b.start));
  EXPECT_NE(a.truth.points[0], c.truth.points[0]);
  const auto first_error = [](const Scene& scene) {
    const Observation& seen = scene.observations[0];
    return seen.u - scene.cameras[0].sight(in_camera(scene, seen))->pixel[0];
  };
  EXPECT_GT(std::abs(first_error(a.truth) - first_error(c.truth)), 1e-6) << "other noise, too";
}

// What one stream of random numbers is for moves nothing of the others.
TEST(Household, NoiseAndStartLeaveTheTruthAlone) {
  const HouseholdOptions o{.third = Third::RightU};
  HouseholdOptions quiet = o;
  quiet.pixel_sigma = 0;
  quiet.start = {0, 0, 0};
  const SimulatedScene a = simulate_household(o), b = simulate_household(quiet);
  EXPECT_EQ(a.truth.points, b.truth.points);
  EXPECT_FALSE(same_bits(a.truth, b.truth)) << "pixels differ";
  EXPECT_TRUE(same_bits(b.truth, b.start)) << "no error: it starts at the truth";
  quiet.start = o.start;
  const SimulatedScene c = simulate_household(quiet);
  EXPECT_EQ(c.start.points, a.start.points);
}

TEST(Household, FixedViewsStartAtTheTruthAndTheOthersWrongAsAskedFor) {
  HouseholdOptions o = building(500);
  o.num_fixed = 5;
  o.start = {.position = 0.03, .angle = 0.004, .depth = 0.1};
  const SimulatedScene made = simulate_household(o);
  double position = 0, angle = 0;
  for (std::size_t v = 0; v < 500; ++v) {
    const SE3<double>&T = made.truth.views[v].T_cam_world, &T_start = made.start.views[v].T_cam_world;
    EXPECT_EQ(made.start.views[v].fixed, v < 5);
    EXPECT_EQ(T.t == T_start.t && T.q.coeffs() == T_start.q.coeffs(), v < 5) << v;
    const SE3<double>::Tangent d = T.inverse().local(T_start.inverse());
    position += d.head<3>().squaredNorm() / 1500;
    angle += d.tail<3>().squaredNorm() / 1500;
  }
  // Errors keep 0.9 of themselves: 1500 numbers say as much as 1500 (1 - 0.81) / (1 + 0.81) = 157 that are free of each
  // other, whose mean square has the deviation sqrt(2 / 157) = 11 %, its root half of that: 5 of it.
  EXPECT_NEAR(std::sqrt(position), 0.03, 0.3 * 0.03);
  EXPECT_NEAR(std::sqrt(angle), 0.004, 0.3 * 0.004);
}

TEST(Household, TheLastViewIsWhereTheTwoBeforeItSay) {
  const Scene start = simulate_household({}).start;
  const auto& v = start.views;
  const SE3<double> a = v[47].T_cam_world.inverse(), b = v[48].T_cam_world.inverse(), c = v[49].T_cam_world.inverse();
  EXPECT_LT((a.inverse() * b).local(b.inverse() * c).norm(), 1e-13) << "the same step again";
}

TEST(Household, LandmarksStartWrongAlongTheirRay) {
  HouseholdOptions o;
  o.start = {.position = 0, .angle = 0, .depth = 0.1};
  const SimulatedScene made = simulate_household(o);
  std::set<std::int32_t> known;
  double sum = 0;
  for (const Observation& seen : made.truth.observations) {
    if (!known.insert(seen.point).second) continue;
    const Vector3d was = in_camera(made.truth, seen), is = in_camera(made.start, seen);
    EXPECT_LT(was.normalized().cross(is.normalized()).norm(), 1e-13);
    sum += std::pow(is.z() / was.z() - 1, 2);
  }
  const double n = static_cast<double>(known.size());
  EXPECT_NEAR(std::sqrt(sum / n), 0.1, 0.1 * 5 * std::sqrt(0.5 / n));
}

TEST(Household, AnOriginFarAwayChangesNoObservation) {
  for (const Third third : kThirds) {
    HouseholdOptions o{.third = third};
    const SimulatedScene near = simulate_household(o);
    o.origin = {1e4, 2e4, -30};
    const SimulatedScene far = simulate_household(o);
    for (std::size_t k = 0; k < near.truth.observations.size(); ++k) {
      EXPECT_EQ(near.truth.observations[k].u, far.truth.observations[k].u);
      EXPECT_EQ(near.truth.observations[k].third, far.truth.observations[k].third);
    }
    // Places 2.3e4 m away are rounded to 4e-12 m: 6e-9 px, or as much over 0.005 * 0.3^2 m, each of some numbers; by
    // Cauchy and Schwarz half a sum of squares moves by that times sqrt(2 cost residuals).
    for (const auto& [a, b] : {std::pair(&near.truth, &far.truth), std::pair(&near.start, &far.start)}) {
      const double cost = error_of(*a).cost;
      EXPECT_NEAR(error_of(*b).cost, cost, 5e-8 * std::sqrt(2 * cost * residuals(*a)));
      EXPECT_NE(a->points[0], b->points[0]);
    }
  }
}

TEST(HousePlan, LooksEndAtWallsAndDoorsAreOpen) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Random random(seed);
    const HousePlan plan(6, random);
    const auto corners = plan.walk(120, random);
    int far = 0;
    for (const SE3<double>& T : camera_poses(corners, 0, 0.1, 1100)) {
      for (int k = 0; k < 16; ++k) {
        const double turn = std::numbers::pi * k / 8;
        const auto met = plan.look(T.t, {std::cos(turn), std::sin(turn), 0});
        ASSERT_TRUE(met) << "the robot left the house at " << T.t.transpose();
        EXPECT_GE(*met, 0.25) << "no wall, table or shelf nearer, doors are a metre wide: " << T.t.transpose();
        far += *met > 7.1 ? 1 : 0;  // the longest look within a room is a diagonal of 5 m by 5 m
      }
      EXPECT_DOUBLE_EQ(*plan.look(T.t, {0, 0, 1}), 2.6 - T.t.z());
      EXPECT_DOUBLE_EQ(*plan.look(T.t, {0, 0, -2}), T.t.z() / 2);
    }
    EXPECT_GT(far, 0) << "along the corridor, or through a door";
    EXPECT_FALSE(plan.look({-50, 0, 1}, {1, 0, 0}));
  }
}

TEST(HousePlan, WhoIsSeenSeesBack) {
  Random random(3);
  const HousePlan plan(8, random);
  const auto poses = camera_poses(plan.walk(150, random), 0, 0.5, 250);
  int seen = 0;
  for (std::size_t i = 0; i < poses.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const Vector3d way = poses[j].t - poses[i].t;
      if (way.norm() < 1e-3) continue;
      const bool there = *plan.look(poses[i].t, way) > 1, back = *plan.look(poses[j].t, -way) > 1;
      EXPECT_EQ(there, back) << poses[i].t.transpose() << " and " << poses[j].t.transpose();
      seen += there ? 1 : 0;
    }
  EXPECT_GT(seen, 1000);
  EXPECT_LT(seen, 250 * 249 / 4);
}

TEST(HouseholdDeathTest, OptionsOutOfRangeAreTheCallersBug) {
  EXPECT_DEATH((void)simulate_household({.num_views = 3}), "views");
  EXPECT_DEATH((void)simulate_household({.step = 0}), "step");
  EXPECT_DEATH((void)simulate_household({.track_length = 60}), "landmarks per view");
  EXPECT_DEATH((void)simulate_household({.pixel_sigma = -1}), "sigma");
  EXPECT_DEATH((void)simulate_household({.num_fixed = 50}), "views");
}

}  // namespace
}  // namespace pipit
