#include "geom/nearest_rotation.h"

#include <Eigen/Geometry>
#include <Eigen/SVD>
#include <cmath>

namespace pipit {

Eigen::Matrix3d nearest_rotation(const Eigen::Matrix3d& M) {
  // Newton's iteration for the polar factor, X <- (g X + X^-T / g) / 2 (Higham 1986): quadratic, and ten times faster
  // than a singular value decomposition, which remains for what is close to singular or mirrored.
  const double size = M.norm();
  const double volume = M.determinant();
  if (volume > 1e-3 * size * size * size) {
    Eigen::Matrix3d X = M;
    for (int k = 0; k < 12; ++k) {
      Eigen::Matrix3d Y;  // X^-T, from cross products of the columns
      Y.col(0) = X.col(1).cross(X.col(2));
      Y.col(1) = X.col(2).cross(X.col(0));
      Y.col(2) = X.col(0).cross(X.col(1));
      Y /= X.col(0).dot(Y.col(0));
      const double g = std::sqrt(Y.norm() / X.norm());
      const Eigen::Matrix3d next = 0.5 * (g * X + Y / g);
      const double change = (next - X).squaredNorm();
      X = next;
      if (change < 1e-24) break;  // the next step would change X by the square of this one, below eps
    }
    return X;
  }
  const Eigen::JacobiSVD<Eigen::Matrix3d> svd(M, Eigen::ComputeFullU | Eigen::ComputeFullV);
  const Eigen::Matrix3d& U = svd.matrixU();
  const Eigen::Matrix3d& V = svd.matrixV();
  const Eigen::Vector3d sign(1, 1, U.determinant() * V.determinant() < 0 ? -1 : 1);
  return U * sign.asDiagonal() * V.transpose();
}

}  // namespace pipit
