// reproject/inverse_depth.h — landmarks by direction and inverse distance, as seen from where they were seen first.
// Source: Civera, Davison, Montiel, Inverse depth parametrization for monocular SLAM (2008).
// Legend: T_world_anchor = (R, c): c the centre of the first view that sees the landmark, z towards the landmark, both
// as
//   they are when all begins; they stay there, whatever that view does later, so that an observation still concerns one
//   view and one landmark.   X = c + R (a, b, 1) / rho.
#pragma once
#include <Eigen/Core>
#include <span>
#include <vector>

#include "geom/se3.h"
#include "reproject/layout.h"

namespace pipit {

enum class Landmarks : std::uint8_t {
  Points,        ///< X
  InverseDepth,  ///< (a, b, rho): far landmarks, whose X is seen through a long thin ellipse, are near to linear in it
};

/// Accuracy: the slope by rho is what two long vectors leave; in fp32 it is noise for landmarks whose rays part by less
/// than about 1e-6 rad, and such a landmark can end an optimisation early (ladybug-49-7776 with free intrinsics: 1.5 %
/// above). Take double, or points, where scenes hold such.
class InverseDepths {
 public:
  /// At points [points + 1] and the centres that saw them first. Nobody's landmarks, and those at a centre, stay
  /// points.
  void place(const BundleLayout& layout, std::span<const SE3<double>> T_world_cam, std::span<const Eigen::Vector3d> X);
  /// dX / d(a, b, rho) at X, [3, 3]; the identity for a point.
  Eigen::Matrix3d slope(std::size_t landmark, const Eigen::Vector3d& X) const;
  /// X with `d` added to its (a, b, rho); rho keeps its sign and a thousandth of its size at least.
  Eigen::Vector3d moved(std::size_t landmark, const Eigen::Vector3d& X, const Eigen::Vector3d& d) const;

 private:
  struct Anchor {
    Eigen::Matrix3d R_world_anchor;
    Eigen::Vector3d centre;
    bool is_point = true;
  };
  std::vector<Anchor> anchors_;
};

}  // namespace pipit
