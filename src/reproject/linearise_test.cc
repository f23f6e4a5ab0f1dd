// Laws: the cost is the scene's; the gradient is the slope of the cost; U, V, W are products of one J; fp32 agrees with
// fp64 to its rounding; threads change no bit.
#include "reproject/linearise.h"

#include <gtest/gtest.h>

#include <cmath>

#include "reproject/state.h"
#include "reproject/test_scenes.h"

namespace pipit {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

struct Case {
  CameraModel model;
  Third third;
  RobustLoss::Kind loss;
};

class Models : public ::testing::TestWithParam<Case> {
 protected:
  Models() : scene(testing::cloud(GetParam().model, GetParam().third, 6, 40, 7)) {
    form = form_of(scene, {.kind = GetParam().loss, .scale = 1.5});
  }
  Scene scene;
  LineariseForm form;
  Workers workers{1};
};

TEST_P(Models, CostIsThatOfTheScene) {
  form.loss = {};
  const BundleLayout layout(scene, true);
  const Placed placed(scene, layout, form);
  const double cost = error_of(scene).cost;
  EXPECT_NEAR(cost_of<double>(placed.job, workers), cost, 1e-12 * cost);
  // 40 roundings of fp32 on pixels of 500 against errors of a few: 1e-5 each, at random signs
  EXPECT_NEAR(cost_of<float>(placed.job, workers), cost, 1e-4 * cost);
}

/// By differences along random directions; the landmarks as `form` has them.
void expect_slope(const Scene& scene, const LineariseForm& form, Workers& workers) {
  const BundleLayout layout(scene, true);
  const Placed start(scene, layout, form);
  Linearised<double> parts;
  linearise(start.job, true, true, parts, workers);
  const RecordShape shape{layout.columns};
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  for (int trial = 0; trial < 12; ++trial) {
    BundleStep step{.views = std::vector<double>(at(layout.views * layout.columns)),
                    .points = std::vector<double>(at(layout.points) * 3)};
    for (double& d : step.points) d = normal(random);
    double slope = 0;
    for (int v = 0; v < layout.views; ++v)
      for (int c = 0; c < layout.columns; ++c) {
        const auto i = at(v * layout.columns + c);
        // focal lengths and centres in pixels, distortion in parts of one
        step.views[i] = normal(random) * (c < kPoseColumns + 2 ? 1 : 1e-2);
        slope += step.views[i] * parts.g[i];
      }
    for (int p = 0; p < layout.points; ++p)
      for (int k = layout.point_begin[at(p)]; k < layout.point_begin[at(p) + 1]; ++k)
        for (int i = 0; i < 3; ++i)
          slope +=
              step.points[at(3 * p + i)] * parts.records[at(layout.point_slots[at(k)] * shape.size() + shape.g() + i)];
    const auto cost_at = [&](double times) {
      BundleStep part = step;
      for (double& d : part.views) d *= times;
      for (double& d : part.points) d *= times;
      Placed placed(scene, layout, form);
      start.move(part, placed.state);
      placed.refresh();
      return cost_of<double>(placed.job, workers);
    };
    // central difference: h^2 of the third derivative, and 1e-16 / h of the cost
    constexpr double kH = 1e-6;
    const double difference = (cost_at(kH) - cost_at(-kH)) / (2 * kH);
    EXPECT_NEAR(difference, slope, 1e-5 * std::abs(slope) + 1e-3) << "direction " << trial;
  }
}

TEST_P(Models, GradientIsTheSlopeOfTheCost) {
  expect_slope(scene, form, workers);
  form.landmarks = Landmarks::InverseDepth;
  expect_slope(scene, form, workers);
}

TEST_P(Models, ProductsAreThoseOfOneJacobian) {
  const BundleLayout layout(scene, true);
  const Placed placed(scene, layout, form);
  Linearised<double> parts;
  linearise(placed.job, true, true, parts, workers);
  const int C = layout.columns, R = layout.rows;
  const RecordShape shape{C};
  const auto J = [&](int group, int r, int c, int lane) {
    return parts.J[at(((group * R + r) * (C + 3) + c) * kAbreast + lane)];
  };
  std::vector<double> U(parts.U.size());
  for (int group = 0; group < layout.groups; ++group)
    for (int lane = 0; lane < kAbreast; ++lane)
      for (int r = 0; r < R; ++r)
        for (int a = 0; a < C; ++a)
          for (int b = 0; b < C; ++b)
            U[at((layout.view_of[at(group)] * C + a) * C + b)] += J(group, r, a, lane) * J(group, r, b, lane);
  for (std::size_t i = 0; i < U.size(); ++i) EXPECT_NEAR(parts.U[i], U[i], 1e-12 * (1 + std::abs(U[i]) * 100));
  for (int slot = 0; slot < layout.groups * kAbreast; ++slot) {
    const double* record = parts.records.data() + slot * shape.size();
    const auto product = [&](int a, int b) {
      double sum = 0;
      for (int r = 0; r < R; ++r)
        sum += J(slot / kAbreast, r, a, slot % kAbreast) * J(slot / kAbreast, r, b, slot % kAbreast);
      return sum;
    };
    for (int b = 0; b < 3; ++b)
      for (int a = 0; a < C; ++a)
        EXPECT_NEAR(record[b * C + a], product(a, C + b), 1e-9 * (1 + std::abs(record[b * C + a])));
    int k = shape.v();
    for (int b = 0; b < 3; ++b)
      for (int a = b; a < 3; ++a, ++k) EXPECT_NEAR(record[k], product(C + a, C + b), 1e-9 * (1 + std::abs(record[k])));
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         Models,
                         ::testing::Values(Case{CameraModel::SimplePinhole, Third::None, RobustLoss::Kind::None},
                                           Case{CameraModel::Pinhole, Third::RightU, RobustLoss::Kind::None},
                                           Case{CameraModel::Pinhole, Third::Depth, RobustLoss::Kind::Cauchy},
                                           Case{CameraModel::SimpleRadial, Third::None, RobustLoss::Kind::Huber},
                                           Case{CameraModel::Radial, Third::Depth, RobustLoss::Kind::None},
                                           Case{CameraModel::OpenCv, Third::None, RobustLoss::Kind::GemanMcClure},
                                           Case{CameraModel::OpenCvFisheye, Third::None, RobustLoss::Kind::None},
                                           Case{CameraModel::Bal, Third::None, RobustLoss::Kind::Cauchy}));

TEST(Linearise, ThreadsChangeNoBit) {
  const Scene scene = testing::cloud(CameraModel::Pinhole, Third::RightU, 300, 30, 5);
  const BundleLayout layout(scene, false);
  const Placed placed(scene, layout, form_of(scene, {}));
  Linearised<float> one, three;
  Workers alone(1), team(3);
  EXPECT_EQ(linearise(placed.job, true, true, one, alone), linearise(placed.job, true, true, three, team));
  EXPECT_EQ(one.U, three.U);
  EXPECT_EQ(one.g, three.g);
  EXPECT_EQ(one.J, three.J);
  EXPECT_EQ(one.records, three.records);
}

TEST(Linearise, APointBehindItsCameraMakesTheCostInfinite) {
  Scene scene = testing::cloud(CameraModel::Pinhole, Third::None, 4, 20, 5);
  const BundleLayout layout(scene, false);
  Placed placed(scene, layout, form_of(scene, {}));
  placed.state.points[3].z() = -100;
  placed.refresh();
  Workers workers(1);
  EXPECT_EQ(cost_of<double>(placed.job, workers), std::numeric_limits<double>::infinity());
  std::vector<std::uint8_t> left;
  taking_part(placed.job, left);
  EXPECT_EQ(std::count(left.begin(), left.end(), 1), static_cast<std::ptrdiff_t>(scene.observations.size()) - 3);
  placed.job.taking = left;
  EXPECT_TRUE(std::isfinite(cost_of<double>(placed.job, workers)));
}

TEST(Linearise, AFixedViewHasNoSlope) {
  Scene scene = testing::cloud(CameraModel::Pinhole, Third::None, 4, 20, 5);
  scene.views[1].fixed = true;
  const BundleLayout layout(scene, false);
  const Placed placed(scene, layout, form_of(scene, {}));
  Linearised<double> parts;
  Workers workers(1);
  linearise(placed.job, true, true, parts, workers);
  for (int c = 0; c < 6; ++c) EXPECT_EQ(parts.g[at(6 + c)], 0);
  EXPECT_NE(parts.g[0], 0);
}

}  // namespace
}  // namespace pipit
