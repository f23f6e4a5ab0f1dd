#include "geom/trajectory.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace pipit {
namespace {

using P2 = Eigen::Vector2d;
using P3 = Eigen::Vector3d;
constexpr double kInf = std::numeric_limits<double>::infinity();

P3 random_point(Random& random, double size) {
  return {random.uniform(-size, size), random.uniform(-size, size), random.uniform(-size, size)};
}
SE3<double> random_pose(Random& random, double size) {
  SE3<double>::Tangent d;
  d << random_point(random, size), random_point(random, 1.5);
  return SE3<double>::exp(d);
}
std::vector<P3> walk(Random& random, int n) {
  std::vector<P3> out(1, P3::Zero());
  while (static_cast<int>(out.size()) < n) out.push_back(out.back() + random_point(random, 0.3) + P3(0.1, 0.05, 0));
  return out;
}
template <class Points, class F>
Points mapped(const Points& in, const F& f) {
  Points out;
  for (const auto& p : in) out.push_back(f(p));
  return out;
}
template <int D>
Ate<D> ate_of(const std::vector<Eigen::Matrix<double, D, 1>>& est,
              const std::vector<Eigen::Matrix<double, D, 1>>& ref,
              Align mode) {
  return ate<D>(est, ref, mode);
}

// Tolerances: coordinates reach 1e3 m at most, a few products each: 1e3 * 16 eps < 1e-11.
constexpr double kTol = 1e-11;

TEST(Align, FindsTheMotionThatWasApplied) {
  Random random(1);
  for (int round = 0; round < 50; ++round) {
    const auto est = walk(random, 3 + round);
    const SE3<double> T = random_pose(random, 100);
    const double scale = round % 2 ? 1.0 : random.uniform(0.1, 5);
    const auto ref = mapped(est, [&](const P3& p) { return P3(T.q * (scale * p) + T.t); });
    const auto found = align<3>(est, ref, round % 2 ? Align::Rigid : Align::Similarity);
    EXPECT_EQ(found.fit, Fit::Unique);
    EXPECT_NEAR(found.scale, scale, kTol);
    // R is as exact as coordinates (100 m) against the spread across the path, which is 0.1 m or more here.
    EXPECT_LE((found.R - T.rotation()).norm(), 100 * kTol);
    for (const auto& p : est) EXPECT_LE((found.act(p) - (T.q * (scale * p) + T.t)).norm(), kTol);
  }
}

TEST(Ate, DoesNotSeeARigidMotionOfTheEstimate) {
  Random random(2);
  for (int round = 0; round < 20; ++round) {
    const auto ref = walk(random, 100);
    const auto est = mapped(ref, [&](const P3& p) { return P3(p + random_point(random, 0.2)); });
    const SE3<double> T = random_pose(random, 500);
    const auto moved = mapped(est, [&](const P3& p) { return T.act(p); });
    const auto a = ate_of<3>(est, ref, Align::Rigid).position_m, b = ate_of<3>(moved, ref, Align::Rigid).position_m;
    EXPECT_NEAR(a.rmse, b.rmse, kTol);
    EXPECT_NEAR(a.mean, b.mean, kTol);
    EXPECT_NEAR(a.median, b.median, kTol);
    EXPECT_NEAR(a.max, b.max, kTol);
    const auto scaled = mapped(moved, [](const P3& p) { return P3(3 * p); });
    EXPECT_NEAR(ate_of<3>(scaled, ref, Align::Similarity).position_m.rmse,
                ate_of<3>(est, ref, Align::Similarity).position_m.rmse,
                kTol);
    // Freedom can only help; none of it does not see the motion.
    EXPECT_LE(ate_of<3>(est, ref, Align::Similarity).position_m.rmse, a.rmse + kTol);
    EXPECT_LE(a.rmse, ate_of<3>(est, ref, Align::None).position_m.rmse + kTol);
    EXPECT_GT(ate_of<3>(moved, ref, Align::None).position_m.rmse, 1);
  }
}

// The result is a minimum: no small motion from it lowers the sum of squares. Also where the best map would be a
// mirror.
TEST(Align, IsTheMinimum) {
  Random random(3);
  const auto ref = walk(random, 40);
  for (const double side : {1.0, -1.0}) {
    const auto est =
        mapped(ref, [&](const P3& p) { return P3(1.3 * P3(side * p[0], p[1], p[2]) + random_point(random, 0.5)); });
    const auto cost = [&](const Alignment<3>& a) {
      double sum = 0;
      for (std::size_t i = 0; i < est.size(); ++i) sum += (ref[i] - a.act(est[i])).squaredNorm();
      return sum;
    };
    for (const Align mode : {Align::Rigid, Align::Similarity}) {
      const auto best = align<3>(est, ref, mode);
      for (int round = 0; round < 200; ++round) {
        auto other = best;
        other.R = SO3<double>::exp(random_point(random, 1e-2)).matrix() * best.R;
        other.t += random_point(random, 1e-2);
        if (mode == Align::Similarity) other.scale *= 1 + random.uniform(-1e-2, 1e-2);
        EXPECT_GE(cost(other), cost(best));
      }
    }
  }
}

// A mirror is no motion. Without the sign of eq. 39 these errors would be zero.
TEST(Align, NeverMirrors) {
  Random random(4);
  const auto ref = walk(random, 50);
  const auto mirrored = mapped(ref, [](const P3& p) { return P3(-p[0], p[1], p[2]); });
  const auto found = ate_of<3>(mirrored, ref, Align::Rigid);
  EXPECT_NEAR(found.alignment.R.determinant(), 1, 1e-12);
  EXPECT_GT(found.position_m.rmse, 0.05);
  // In the plane: an L and its mirror image. A 3-D fit would flip the sheet of paper; the 2-D fit may not.
  const std::vector<P2> l{{0, 0}, {1, 0}, {2, 0}, {2, 1}}, other{{0, 0}, {1, 0}, {2, 0}, {2, -1}};
  const auto flat = ate_of<2>(other, l, Align::Rigid);
  EXPECT_NEAR(flat.alignment.R.determinant(), 1, 1e-12);
  EXPECT_GT(flat.position_m.rmse, 0.1);
  const auto lift = [](const P2& p) { return P3(p[0], p[1], 0); };
  std::vector<P3> l3, other3;
  for (std::size_t i = 0; i < l.size(); ++i) l3.push_back(lift(l[i])), other3.push_back(lift(other[i]));
  EXPECT_LE(ate_of<3>(other3, l3, Align::Rigid).position_m.rmse, kTol);
}

TEST(Align, PlanarPointsInSpaceAreUnique) {
  Random random(5);
  std::vector<P3> est;
  for (int i = 0; i < 30; ++i) est.push_back({random.normal(), random.normal(), 0});
  const SE3<double> T = random_pose(random, 10);
  const auto ref = mapped(est, [&](const P3& p) { return T.act(p); });
  const auto found = align<3>(est, ref, Align::Rigid);
  EXPECT_EQ(found.fit, Fit::Unique);
  EXPECT_LE((found.R - T.rotation()).norm(), kTol);
}

// Too little data: the error is still the smallest possible one, and `fit` says that the rotation is not to be trusted.
TEST(Align, DegenerateCasesAreValues) {
  Random random(6);
  const SE3<double> T = random_pose(random, 1000);
  std::vector<P3> line;
  for (int i = 0; i < 20; ++i) line.push_back(P3(1, 2, 3) * (0.1 * i) + P3(500, 0, 0));
  const auto check = [&](const std::vector<P3>& est, Fit want) {
    const auto ref = mapped(est, [&](const P3& p) { return T.act(p); });
    for (const Align mode : {Align::Rigid, Align::Similarity}) {
      const auto found = ate_of<3>(est, ref, mode);
      EXPECT_EQ(found.alignment.fit, want);
      EXPECT_NEAR(found.alignment.R.determinant(), 1, 1e-12);
      EXPECT_LE(found.position_m.max, kTol);
      EXPECT_EQ(found.position_m.count, est.size());
    }
  };
  check(line, Fit::Ambiguous);
  check({line[0], line[19]}, Fit::Ambiguous);
  check({line[0]}, Fit::Ambiguous);
  check(std::vector<P3>(5, line[3]), Fit::Ambiguous);
  line.push_back(line[4] + P3(0, 1e-3, 0));  // one millimetre off the line decides
  check(line, Fit::Unique);

  // In the plane a line is enough, one place is not.
  const std::vector<P2> flat{{0, 0}, {1, 1}, {2, 2}};
  EXPECT_EQ(align<2>(flat, flat, Align::Rigid).fit, Fit::Unique);
  EXPECT_EQ(
      align<2>(std::vector<P2>(4, P2(7, 7)), flat.empty() ? flat : std::vector<P2>(4, P2(1, 1)), Align::Rigid).fit,
      Fit::Ambiguous);

  const auto none = ate_of<3>({}, {}, Align::Rigid);
  EXPECT_EQ(none.alignment.fit, Fit::Undefined);
  EXPECT_EQ(none.position_m.count, 0u);
  EXPECT_TRUE(std::isnan(none.position_m.rmse));
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), kInf, 1e300}) {
    auto est = walk(random, 10);
    const auto ref = est;
    est[4][1] = bad;
    const auto found = ate_of<3>(est, ref, Align::Rigid);
    EXPECT_EQ(found.alignment.fit, Fit::Undefined);
    EXPECT_TRUE(found.alignment.R.isIdentity());
    EXPECT_FALSE(found.position_m.max < 1e200);
  }
}

TEST(ErrorStats, AreWhatTheySay) {
  const auto s = error_stats({3, 0, 4, 1});
  EXPECT_DOUBLE_EQ(s.rmse, std::sqrt(26.0 / 4));
  EXPECT_DOUBLE_EQ(s.mean, 2);
  EXPECT_DOUBLE_EQ(s.median, 2);
  EXPECT_DOUBLE_EQ(s.max, 4);
  EXPECT_DOUBLE_EQ(error_stats({5, 1, 2}).median, 2);
  EXPECT_DOUBLE_EQ(error_stats({1e300, 1e300}).rmse, 1e300);
  EXPECT_EQ(error_stats({0, 0}).rmse, 0);
  EXPECT_EQ(error_stats({1, 2, kInf}).max, kInf);
  EXPECT_TRUE(std::isnan(error_stats({1, 2, kInf}).median));
  EXPECT_TRUE(std::isnan(error_stats({1, std::nan("")}).max));
}

std::vector<SE3<double>> pose_walk(Random& random, int n) {
  std::vector<SE3<double>> out(1);
  SE3<double>::Tangent d;
  while (static_cast<int>(out.size()) < n) {
    d << 0.1, 0, 0, random_point(random, 0.2);
    out.push_back(out.back() * SE3<double>::exp(d));
  }
  return out;
}

TEST(Rpe, DoesNotSeeMotionsOfEitherTrajectory) {
  Random random(7);
  const auto ref = pose_walk(random, 200);
  auto est = ref;
  for (auto& x : est) x = x.retract(0.01 * SE3<double>::Tangent::Random());
  const SE3<double> A = random_pose(random, 100), B = random_pose(random, 100);
  const auto moved = [](const auto& path, const SE3<double>& T) {
    return mapped(path, [&](const SE3<double>& x) { return T * x; });
  };
  const auto est2 = moved(est, A), ref2 = moved(ref, B);
  const std::span<const SE3<double>> e(est), r(ref), e2(est2), r2(ref2);
  const auto same = [](const Rpe& a, const Rpe& b) {
    EXPECT_EQ(a.translation_m.count, b.translation_m.count);
    EXPECT_NEAR(a.translation_m.rmse, b.translation_m.rmse, kTol);
    EXPECT_NEAR(a.rotation_deg.max, b.rotation_deg.max, kTol);
    EXPECT_GT(a.translation_m.rmse, 1e-3);
    EXPECT_GT(a.rotation_deg.mean, 1e-2);
  };
  same(rpe_frames(e, r, 1), rpe_frames(e2, r2, 1));
  same(rpe_path(e, r, 1.0), rpe_path(e2, r2, 1.0));
  EXPECT_LE(rpe_frames(r2, r, 1).translation_m.max, kTol);
}

// A heading error of 1 degree per frame and steps 1 % too long, on a straight reference with steps of 0.1 m: one frame
// is 1 degree and 1 mm off, one metre is ten frames, hence 10 degrees.
TEST(Rpe, CountsFramesAndMetres) {
  std::vector<SE2<double>> ref(101), est(101);
  const double degree = std::numbers::pi / 180;
  for (std::size_t i = 1; i < ref.size(); ++i) {
    ref[i] = ref[i - 1] * SE2<double>{{0.1, 0}, 0};
    est[i] = est[i - 1] * SE2<double>{{0.101, 0}, degree};
  }
  const std::span<const SE2<double>> e(est), r(ref);
  const auto frame = rpe_frames(e, r, 1), metre = rpe_path(e, r, 1.0);
  EXPECT_EQ(frame.translation_m.count, 100u);
  EXPECT_NEAR(frame.translation_m.max, 1e-3, kTol);
  EXPECT_NEAR(frame.rotation_deg.rmse, 1, 1e-10);
  const auto ten = rpe_frames(e, r, 10);
  EXPECT_EQ(ten.rotation_deg.count, 91u);
  EXPECT_NEAR(ten.rotation_deg.max, 10, 1e-10);
  EXPECT_EQ(metre.rotation_deg.count, 91u);
  EXPECT_NEAR(metre.rotation_deg.mean, 10, 1e-10);
  EXPECT_NEAR(metre.rotation_deg.max, 10, 1e-10);
  // A tenth of the scale, told: only the heading error remains in the first frame's length.
  auto small = est;
  for (auto& x : small) x.t /= 10.1;
  EXPECT_NEAR(rpe_frames(std::span<const SE2<double>>(small), r, 1, 10.0).translation_m.max, 0, kTol);
}

TEST(Rpe, ShortOrStandingTrajectoriesMakeNoPairs) {
  const std::vector<SE2<double>> one(1), still(50);
  const std::span<const SE2<double>> o(one), s(still), empty;
  EXPECT_EQ(rpe_frames(o, o, 1).translation_m.count, 0u);
  EXPECT_EQ(rpe_path(s, s, 1.0).translation_m.count, 0u);
  EXPECT_EQ(rpe_path(empty, empty, 1.0).translation_m.count, 0u);
  EXPECT_TRUE(std::isnan(rpe_path(s, s, 1.0).translation_m.rmse));
}

TEST(TrajectoryDeathTest, LengthsMustAgree) {
  const std::vector<P3> two(2), three(3);
  EXPECT_DEATH(align<3>(two, three, Align::Rigid), "align: trajectories differ in length");
  const std::vector<SE2<double>> a(2), b(3);
  EXPECT_DEATH(rpe_frames(std::span<const SE2<double>>(a), std::span<const SE2<double>>(b), 1), "differ in length");
}

}  // namespace
}  // namespace pipit
