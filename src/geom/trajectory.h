// geom/trajectory.h — how far an estimated trajectory is from the true one.
// Source   Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 13(4) 1991,
//          eqs. 34-42; Sturm et al., A benchmark for the evaluation of RGB-D SLAM systems, IROS 2012 (ATE, RPE).
// Legend   est, ref: the same moments in the same order, [n]; D = 2 or 3 dimensions; errors are |.| >= 0.
#pragma once
#include <Eigen/Core>
#include <Eigen/StdVector>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "geom/se2.h"
#include "geom/se3.h"

namespace pipit {

enum class Align { None, Rigid, Similarity };

/// Whether the best alignment is the only one. Ambiguous: another one fits as well (points on a line in space, or all
/// in one place), so the aligned positions are right as far as the data say but the rotation is one of many.
/// Undefined: no points, a number that is not finite, or coordinates beyond 1e150; the alignment is the identity.
enum class Fit { Unique, Ambiguous, Undefined };

/// p_ref = scale * R * p_est + t.
template <int D>
struct Alignment {
  using Point = Eigen::Matrix<double, D, 1>;
  double scale = 1;
  Eigen::Matrix<double, D, D> R = Eigen::Matrix<double, D, D>::Identity();
  Point t = Point::Zero();
  Fit fit = Fit::Undefined;

  Point act(const Point& p) const { return scale * (R * p) + t; }
};

/// The rotation (never a mirror), translation and, with Similarity, scale that minimise sum |ref - act(est)|^2.
///
/// Needs   est.size() == ref.size().
/// Yields  fit as above. Fewer than three points are no error here: callers with a rule of their own look at the count.
///         D = 2 turns within the plane; planar data in D = 3 may be flipped over, which no planar robot can do.
/// Exact   R to about eps * (largest coordinate / spread across the line of the points).
template <int D>
Alignment<D> align(std::span<const Eigen::Matrix<double, D, 1>> est,
                   std::span<const Eigen::Matrix<double, D, 1>> ref,
                   Align mode);

/// NaN throughout when count is 0 or an error is not finite (with an infinite error: max stays infinite).
struct ErrorStats {
  double rmse = 0, mean = 0, median = 0, max = 0;
  std::size_t count = 0;
};

/// Median of an even count: mean of the middle two. O(n).
ErrorStats error_stats(std::vector<double> errors);

/// Absolute trajectory error: position errors in m after alignment, one per pose.
template <int D>
struct Ate {
  Alignment<D> alignment;
  ErrorStats position_m;
};
template <int D>
Ate<D> ate(std::span<const Eigen::Matrix<double, D, 1>> est,
           std::span<const Eigen::Matrix<double, D, 1>> ref,
           Align mode);

/// Relative pose error: E = (ref_i^-1 ref_j)^-1 (est_i^-1 est_j) for pairs (i, j); |t(E)| in m, angle(E) in degrees.
struct Rpe {
  ErrorStats translation_m, rotation_deg;
};

/// Pairs (i, i + frames). Needs frames >= 1, equal sizes. `est_scale` multiplies the estimate's translations (a
/// monocular run: the scale found by align). Pose is SE2<double> or SE3<double>.
template <class Pose>
Rpe rpe_frames(std::span<const Pose> est, std::span<const Pose> ref, std::size_t frames, double est_scale = 1);

/// Pairs of the caller's choice, such as neighbours with no gap between. Needs indices below the size, equal sizes.
using PosePair = std::pair<std::size_t, std::size_t>;
template <class Pose>
Rpe rpe_pairs(std::span<const Pose> est,
              std::span<const Pose> ref,
              std::span<const PosePair> pairs,
              double est_scale = 1);

/// For each i the first j that lies at least `metres` further along the reference's path (to 1e-9 of it, so that ten
/// steps of 0.1 m are 1 m); starts too close to the end make no pair. Needs metres > 0, equal sizes. O(n).
template <class Pose>
Rpe rpe_path(std::span<const Pose> est, std::span<const Pose> ref, double metres, double est_scale = 1);

}  // namespace pipit
