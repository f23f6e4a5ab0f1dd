// lattice/calibration.h — from a posterior to the part of words that are right at that posterior.
// Source: pool adjacent violators (Ayer et al. 1955), the isotonic fit of Zadrozny and Elkan (2002).
#pragma once
#include <span>
#include <vector>

#include "base/result.h"

namespace pipit {

/// A piecewise linear map of [0, 1] into itself that never falls. Without points: the identity.
class Calibration {
 public:
  struct Point {
    double posterior, confidence;
  };

  Calibration() = default;
  /// Fails with BadFormat, naming the point, unless posteriors rise strictly, confidences never fall, both in [0, 1].
  static Result<Calibration> from_table(std::vector<Point> points);
  /// Isotonic least squares: right[i] says whether the word with posterior[i] was right. Needs equal lengths, finite
  /// posteriors in [0, 1].
  static Calibration fit(std::span<const double> posterior, std::span<const bool> right);

  /// Constant outside the outermost points. Needs 0 <= posterior <= 1.
  double operator()(double posterior) const;
  const std::vector<Point>& points() const { return points_; }

 private:
  std::vector<Point> points_;
};

}  // namespace pipit
