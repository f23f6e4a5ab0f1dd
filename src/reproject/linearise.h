// reproject/linearise.h — residuals of observations and their derivatives, sixteen abreast, in fp32 or fp64.
// Source: papers.md A3; the lenses of cameras/lens.h.
// Legend: T_world_cam = (R, c), p = R'(X - c) point in the camera's frame, m; r residual, px; E = R rows, C columns.
//   r = seen(p) - measured;  d (x (+) d) of the pose = (v, w): c + R v, R exp(w), so dp = -v + p x w
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "bits/format.h"
#include "factor/aligned.h"
#include "geom/se3.h"
#include "reproject/inverse_depth.h"
#include "reproject/layout.h"
#include "reproject/prior.h"
#include "solve/robust.h"

namespace pipit {

/// Where bundle adjustment is: always in fp64.
struct BundleState {
  std::vector<SE3<double>> T_world_cam;                         ///< [views]
  std::vector<std::array<double, kMostParameters>> intrinsics;  ///< [cameras], as their models name them
  std::vector<Eigen::Vector3d> points;                          ///< [points + 1], world, m; the last is nobody's
};

/// One view as the kernels want it.
struct ViewNumbers {
  double R[9];  ///< of T_cam_world, by rows
  double centre[3];
  double lens[kNumLens];
  std::int8_t spread[kNumLens][kMostParameters];  ///< d lens / d parameters, columns beyond I unused
  bool fisheye, both_sides, fixed;
};

struct LineariseForm {
  Third third = Third::None;
  double baseline_m = 0, depth_sigma = 0;
  RobustLoss loss;
  /// Half, Single: seen and measured pixel, and their difference, are rounded to it as well, to show what happens.
  Format residual = Format::Double;
  Landmarks landmarks = Landmarks::Points;
};

/// What a pass works on; nothing of it is changed.
struct LineariseJob {
  const BundleLayout* layout = nullptr;
  LineariseForm form;
  std::span<const ViewNumbers> views;       ///< [views]
  std::span<const Eigen::Vector3d> points;  ///< [points + 1]
  std::span<const std::uint8_t> taking;     ///< [slots] 1: takes part, 0: was not before its camera when all began
  const PosePrior* prior = nullptr;         ///< or none; costs and U, g of the passes below are without it
  std::span<const double> prior_gradient;   ///< of the prior, where the views are
  std::span<const Eigen::Matrix3d> slopes;  ///< [points + 1] of X by what stands for it, or none: X itself
};

/// Numbers of an observation beside J, that are gathered by point: W = Jc'Jp [C, 3] by columns, then V = Jp'Jp (six:
/// 00 10 20 11 21 22), then Jp'r (three), filled up to a multiple of four.
struct RecordShape {
  int columns = 0;  ///< C of W, 0: without W
  constexpr int v() const { return 3 * columns; }
  constexpr int g() const { return v() + 6; }
  constexpr int size() const { return (v() + 9 + 3) / 4 * 4; }
};

/// What a pass leaves. T float or double.
template <class T>
struct Linearised {
  AlignedVector<T> J;        ///< [groups, R, C + 3, 16], or empty
  AlignedVector<T> r;        ///< [groups, R, 16], weighted
  AlignedVector<T> records;  ///< [slots, RecordShape::size()]
  std::vector<double> U;     ///< [views, C, C] Jc'Jc, whole
  std::vector<double> g;     ///< [views, C] Jc'r
};

/// Half the sum of rho; infinite as soon as an observation that takes part is not before its camera. Each thread takes
/// views; same bits for any number of threads.
template <class T>
double cost_of(const LineariseJob& job, Workers& workers);

/// Residuals, derivatives and their products; sizes `out` at the first call. `keep`: out.J is filled. `with_w`: W
/// stands in the records. Yields the cost, as cost_of does.
template <class T>
double linearise(const LineariseJob& job, bool keep, bool with_w, Linearised<T>& out, Workers& workers);

}  // namespace pipit
