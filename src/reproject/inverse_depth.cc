#include "reproject/inverse_depth.h"

#include <Eigen/Geometry>
#include <algorithm>

namespace pipit {

void InverseDepths::place(const BundleLayout& layout,
                          std::span<const SE3<double>> T_world_cam,
                          std::span<const Eigen::Vector3d> X) {
  anchors_.resize(X.size());
  for (std::size_t p = 0; p < X.size(); ++p) {
    Anchor& anchor = anchors_[p];
    anchor.is_point = true;
    if (p + 1 >= X.size() || layout.point_begin[p] == layout.point_begin[p + 1]) continue;
    const auto slot = static_cast<std::size_t>(layout.point_slots[static_cast<std::size_t>(layout.point_begin[p])]);
    anchor.centre = T_world_cam[static_cast<std::size_t>(layout.view_of[slot / kAbreast])].t;
    const Eigen::Vector3d away = X[p] - anchor.centre;
    anchor.is_point = !(away.norm() > 0) || !away.allFinite();
    if (!anchor.is_point)
      anchor.R_world_anchor = Eigen::Quaterniond::FromTwoVectors(Eigen::Vector3d::UnitZ(), away).toRotationMatrix();
  }
}

Eigen::Matrix3d InverseDepths::slope(std::size_t landmark, const Eigen::Vector3d& X) const {
  const Anchor& anchor = anchors_[landmark];
  if (anchor.is_point) return Eigen::Matrix3d::Identity();
  const Eigen::Vector3d x = anchor.R_world_anchor.transpose() * (X - anchor.centre);  // (a, b, 1) / rho
  Eigen::Matrix3d S = Eigen::Matrix3d::Identity() * x.z();
  S.col(2) = -x * x.z();
  return anchor.R_world_anchor * S;
}

Eigen::Vector3d InverseDepths::moved(std::size_t landmark, const Eigen::Vector3d& X, const Eigen::Vector3d& d) const {
  const Anchor& anchor = anchors_[landmark];
  if (anchor.is_point) return X + d;
  const Eigen::Vector3d x = anchor.R_world_anchor.transpose() * (X - anchor.centre);
  const double rho = 1 / x.z(), changed = std::max(1 + d.z() / rho, 1e-3) * rho;
  return anchor.centre +
         anchor.R_world_anchor * (Eigen::Vector3d(x.x() * rho + d.x(), x.y() * rho + d.y(), 1) / changed);
}

}  // namespace pipit
