// geom/nearest_rotation.h — a rotation from a matrix that is almost one.
#pragma once
#include <Eigen/Core>

namespace pipit {

/// The rotation nearest to M in the Frobenius norm, det +1. M must be finite.
Eigen::Matrix3d nearest_rotation(const Eigen::Matrix3d& M);

}  // namespace pipit
