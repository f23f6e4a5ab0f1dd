// graph/between_lanes.h — the edges of between.h by the vector: what FactorBatch calls instead of one edge at a time.
// Source and legend: between.h, which is the definition; this computes the same numbers many edges at once.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "bits/format.h"
#include "bits/gram.h"
#include "geom/se2.h"
#include "geom/se3.h"

namespace pipit {

/// Measurements of many edges, transposed: for every group of 16 edges 16 numbers of each field.
///
/// Exact     fp64: that of the definition to rounding; fp32: differences of positions and of angles are taken in fp64
///           first, so that no large coordinate costs digits (between_test.cc holds both bounds).
/// Threads   any may read; add() is one thread's.
template <class Pose>
class BetweenLanes {
 public:
  static constexpr int kDim = Pose::kDim;
  static constexpr int kGroup = 16;
  /// In space: qz (x y z w), tz, then U by columns, 21 numbers. In the plane: cos, sin, x, y, angle, then U, 6 numbers.
  static constexpr int kFields = kDim == 6 ? 28 : 11;
  using Places = std::array<std::int32_t, 2>;  ///< poses i and j of an edge
  template <class T>
  using Root = Eigen::Matrix<T, kDim, kDim>;

  void reserve(std::size_t edges) {
    single_.reserve(edges * kFields + kGroup * kFields);
    double_.reserve(edges * kFields + kGroup * kFields);
  }
  void add(const Pose& T_from_to, const Root<double>& root);

  /// r [E, kDim] of the edges in `range`, in fp64 or (Single) fp32. Needs: Format::Double or Format::Single.
  void residuals(Format format, Range range, const Pose* poses, const Places* places, double* r) const;
  /// r, and J [E, 2] blocks kDim x kDim, computed in `format`.
  void linearise(
      Format format, BlockOrder order, Range range, const Pose* poses, const Places* places, double* r, float* J) const;
  void linearise(Format format,
                 BlockOrder order,
                 Range range,
                 const Pose* poses,
                 const Places* places,
                 double* r,
                 double* J) const;

 private:
  template <class T>
  const std::vector<T>& fields() const;

  std::size_t size_ = 0;
  std::vector<float> single_;
  std::vector<double> double_;
};

}  // namespace pipit
