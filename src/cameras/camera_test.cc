#include "cameras/camera.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/random.h"

namespace pipit {
namespace {

using Exact = long double;
template <class T>
using Lens = std::array<T, kNumLens>;

constexpr std::array kAll{CameraModel::SimplePinhole,
                          CameraModel::Pinhole,
                          CameraModel::SimpleRadial,
                          CameraModel::Radial,
                          CameraModel::OpenCv,
                          CameraModel::OpenCvFisheye,
                          CameraModel::Bal};

template <class To, class From, std::size_t N>
std::array<To, N> as(const std::array<From, N>& from) {
  std::array<To, N> out{};
  for (std::size_t k = 0; k < N; ++k) out[k] = static_cast<To>(from[k]);
  return out;
}

Lens<double> some_lens(Random& random) {
  Lens<double> out{
      random.uniform(400, 800), random.uniform(400, 800), random.uniform(300, 400), random.uniform(200, 300)};
  for (int k = kD1; k < kNumLens; ++k) out[static_cast<std::size_t>(k)] = random.uniform(-0.05, 0.05);
  return out;
}

std::array<double, 3> some_point(Random& random, double least_z = 0.5) {
  return {random.uniform(-2, 2), random.uniform(-2, 2), random.uniform(least_z, 8)};
}

template <class T>
Sight<T> through(bool fisheye, const Lens<T>& lens, const std::array<T, 3>& p) {
  return fisheye ? through_fisheye(lens, p) : through_radial_tangential(lens, p);
}

// Central differences in 64 bits of mantissa: wrong by h^2 times a third derivative (1e-12 of it), and by 1e-19 / h.
constexpr Exact kStep = 1e-6L;

TEST(Lens, DerivativesAreThoseOfThePixel) {
  Random random(1);
  for (int trial = 0; trial < 400; ++trial) {
    const bool fisheye = trial % 2 == 1;
    const auto lens = as<Exact>(some_lens(random));
    const auto p = as<Exact>(some_point(random, fisheye ? -3 : 0.5));
    const Sight<Exact> here = through(fisheye, lens, p);
    const auto check = [&](Exact derivative, auto change, std::size_t row, const char* what, std::size_t k) {
      auto more_lens = lens, less_lens = lens;
      auto more_p = p, less_p = p;
      change(more_lens, more_p, kStep), change(less_lens, less_p, -kStep);
      const Exact difference =
          (through(fisheye, more_lens, more_p).pixel[row] - through(fisheye, less_lens, less_p).pixel[row]) /
          (2 * kStep);
      EXPECT_NEAR(static_cast<double>(derivative),
                  static_cast<double>(difference),
                  1e-7 * (1 + std::abs(static_cast<double>(difference))))
          << what << ' ' << k << ", row " << row << (fisheye ? ", fisheye" : "") << ", trial " << trial;
    };
    for (std::size_t row = 0; row < 2; ++row) {
      for (std::size_t k = 0; k < 3; ++k)
        check(
            here.by_point[row][k], [k](auto&, auto& q, Exact h) { q[k] += h; }, row, "point", k);
      for (std::size_t k = 0; k < kNumLens; ++k)
        check(
            here.by_lens[row][k], [k](auto& l, auto&, Exact h) { l[k] += h; }, row, "lens", k);
    }
  }
}

TEST(Lens, OnAFisheyesAxisTheSeriesIsTheFormula) {
  Random random(2);
  for (int trial = 0; trial < 200; ++trial) {
    const auto lens = some_lens(random);
    // Just inside and just outside of where the series is used: they differ by the way between the two points alone.
    const double turn = random.uniform(0, 2 * std::numbers::pi), z = random.uniform(0.5, 5);
    const auto at = [&](double q) { return std::array<double, 3>{z * q * std::cos(turn), z * q * std::sin(turn), z}; };
    const auto in = through_fisheye(lens, at(0.99999e-3)), out = through_fisheye(lens, at(1.00001e-3));
    for (std::size_t row = 0; row < 2; ++row) {
      EXPECT_NEAR(in.pixel[row], out.pixel[row], 3e-5) << "2e-8 of the focal length, and no more";
      for (std::size_t k = 0; k < 3; ++k)
        EXPECT_NEAR(in.by_point[row][k], out.by_point[row][k], 1e-4 * (1 + std::abs(out.by_point[row][k])));
      for (std::size_t k = 0; k < kNumLens; ++k) EXPECT_NEAR(in.by_lens[row][k], out.by_lens[row][k], 1e-6);
    }
    const auto axis = through_fisheye(lens, at(0));
    EXPECT_EQ(axis.pixel[0], lens[kCx]);
    EXPECT_EQ(axis.pixel[1], lens[kCy]);
    EXPECT_DOUBLE_EQ(axis.by_point[0][0], lens[kFx] / z);
  }
}

TEST(Lens, AFisheyeWithoutBendingMeasuresAngles) {
  const Lens<double> lens{300, 300, 0, 0};
  for (const double angle : {0.0, 0.3, 1.2, std::numbers::pi / 2, 2.5})
    EXPECT_NEAR(
        through_fisheye(lens, {2 * std::sin(angle), 0.0, 2 * std::cos(angle)}).pixel[0], 300 * angle, 1e-12 * 300);
}

TEST(Lens, InFloatsItIsTheSameToFloats) {
  Random random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const auto lens = some_lens(random);
    const auto p = some_point(random, 1);
    for (const bool fisheye : {false, true}) {
      const auto a = through(fisheye, lens, p);
      const auto b = through(fisheye, as<float>(lens), as<float>(p));
      for (std::size_t row = 0; row < 2; ++row)  // some 20 roundings of numbers up to 2000 px
        EXPECT_NEAR(a.pixel[row], static_cast<double>(b.pixel[row]), 20 * 6e-8 * 2000);
    }
  }
}

Camera some_camera(CameraModel model, Random& random) {
  Camera out;
  out.model = model;
  const auto names = parameter_names(model);
  for (std::size_t k = 0; k < names.size(); ++k)
    out.parameters[k] = names[k][0] == 'f'   ? random.uniform(400, 800)
                        : names[k][0] == 'c' ? random.uniform(200, 400)
                        : names[k][0] == 'p' ? random.uniform(-0.002, 0.002)
                                             : random.uniform(-0.03, 0.03);
  return out;
}

TEST(Camera, ARayIsWhatItsPixelSees) {
  Random random(4);
  for (const CameraModel model : kAll)
    for (int trial = 0; trial < 100; ++trial) {
      const Camera camera = some_camera(model, random);
      ASSERT_TRUE(camera.is_sound());
      Eigen::Vector3d p(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(1.5, 4));
      if (model == CameraModel::Bal) p.z() = -p.z();
      const auto seen = camera.sight(p);
      ASSERT_TRUE(seen) << name_of(model);
      const auto ray = camera.ray({seen->pixel[0], seen->pixel[1]});
      ASSERT_TRUE(ray) << name_of(model);
      EXPECT_LT((*ray - p.normalized()).norm(), 1e-11) << name_of(model) << ": 1e-9 px at a focal length above 100 px";
    }
}

TEST(Camera, ParametersMoveThePixelThroughTheLens) {
  Random random(5);
  for (const CameraModel model : kAll) {
    const Camera camera = some_camera(model, random);
    Eigen::Vector3d p(0.4, -0.7, model == CameraModel::Bal ? -2 : 2);
    const auto here = camera.sight(p);
    ASSERT_TRUE(here);
    const Eigen::Map<const Eigen::Matrix<double, 2, kNumLens, Eigen::RowMajor>> by_lens(here->by_lens[0].data());
    const auto by_parameter = (by_lens * Camera::spread(model)).eval();
    for (int k = 0; k < camera.num_parameters(); ++k)
      for (int row = 0; row < 2; ++row) {
        Camera more = camera, less = camera;
        const double h = 1e-5;
        more.parameters[static_cast<std::size_t>(k)] += h, less.parameters[static_cast<std::size_t>(k)] -= h;
        const auto r = static_cast<std::size_t>(row);
        const double difference = (more.sight(p)->pixel[r] - less.sight(p)->pixel[r]) / (2 * h);
        EXPECT_NEAR(by_parameter(row, k), difference, 1e-6 * (1 + std::abs(difference))) << name_of(model) << ' ' << k;
      }
  }
}

TEST(Camera, BalIsAsItsPaperSays) {
  Camera camera{.model = CameraModel::Bal, .parameters = {500, -0.1, 0.02}};
  const Eigen::Vector3d P(0.3, -0.8, -2.5);
  const double x = -P.x() / P.z(), y = -P.y() / P.z(), r2 = x * x + y * y, s = 1 - 0.1 * r2 + 0.02 * r2 * r2;
  const auto seen = camera.sight(P);
  ASSERT_TRUE(seen);
  EXPECT_NEAR(seen->pixel[0], 500 * s * x, 1e-12 * 500);
  EXPECT_NEAR(seen->pixel[1], 500 * s * y, 1e-12 * 500);
  EXPECT_TRUE(camera.sight(-P)) << "as known costs have it";
}

TEST(Camera, NamesAndBehind) {
  Random random(6);
  for (const CameraModel model : kAll) {
    EXPECT_EQ(camera_model(name_of(model)), model);
    const Camera camera = some_camera(model, random);
    EXPECT_EQ(camera.sight({0, 0, -1}).has_value(), model == CameraModel::Bal) << name_of(model);
    EXPECT_FALSE(camera.sight({0, 0, 0})) << name_of(model);
    EXPECT_FALSE(camera.sight({1, std::nan(""), 1})) << name_of(model);
    Camera bad = camera;
    bad.parameters[0] = 0;
    EXPECT_FALSE(bad.is_sound());
    bad.parameters[0] = 1.0 / 0.0;
    EXPECT_FALSE(bad.is_sound());
  }
  EXPECT_FALSE(camera_model("FOV"));
}

TEST(Camera, WhereALensFoldsThereIsNoRay) {
  const Camera camera{.model = CameraModel::SimpleRadial, .parameters = {100, 0, 0, -0.5}};
  // r (1 - r^2 / 2) has its top at r = sqrt(2 / 3): 0.544.
  EXPECT_TRUE(camera.ray({50, 0}));
  EXPECT_FALSE(camera.ray({60, 0}));
}

}  // namespace
}  // namespace pipit
