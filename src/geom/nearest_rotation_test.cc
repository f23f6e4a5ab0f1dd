#include "geom/nearest_rotation.h"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <Eigen/LU>

#include "base/random.h"

namespace pipit {
namespace {

TEST(NearestRotation, BeatsEveryOtherRotation) {
  Random random(9);
  for (int round = 0; round < 300; ++round) {
    Eigen::Matrix3d M;
    for (int k = 0; k < 9; ++k) M.data()[k] = random.normal();
    if (round % 3 == 1) M.col(2) = M.col(0) + (round % 2 ? 1e-9 : 0.0) * M.col(2);  // singular, nearly or quite
    if (round % 3 == 2) M *= 1e-7;
    const Eigen::Matrix3d R = nearest_rotation(M);
    ASSERT_LT((R.transpose() * R - Eigen::Matrix3d::Identity()).norm(), 1e-13) << round;
    ASSERT_GT(R.determinant(), 0) << round;
    // |M - R| is least where trace(R'M) is largest; small turns about all axes must not gain (second order: 1e-6 |M|).
    for (int k = 0; k < 20; ++k) {
      const Eigen::Vector3d axis = Eigen::Vector3d(random.normal(), random.normal(), random.normal()).normalized();
      const double angle = k < 10 ? 1e-3 : random.uniform(0, M_PI);
      const Eigen::Matrix3d other = R * Eigen::AngleAxisd(angle, axis).toRotationMatrix();
      ASSERT_LE((other.transpose() * M).trace(), (R.transpose() * M).trace() + 1e-13 * M.norm()) << round;
    }
  }
}

}  // namespace
}  // namespace pipit
