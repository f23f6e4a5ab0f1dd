// scene/colmap_text.h — what reader and writer of COLMAP's files have in common. Private to scene/.
#pragma once
#include <Eigen/Geometry>
#include <cmath>

namespace pipit {

/// The rotation that four numbers of a file stand for. A normalised quaternion has a squared norm within 8 eps of 1:
/// its bits are left alone, so that it is known again.
inline Eigen::Quaterniond as_rotation(const Eigen::Vector4d& wxyz) {
  Eigen::Quaterniond q(wxyz[0], wxyz[1], wxyz[2], wxyz[3]);
  if (std::abs(q.squaredNorm() - 1) > 2e-15) q.coeffs() /= q.coeffs().stableNorm();
  return q;
}

}  // namespace pipit
