// base/logistic.h — logistic regression: how likely a yes is, from a few numbers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pipit {

/// 1 / (1 + e^-x), for any finite x.
double logistic(double x);

/// The w [n] that maximises  sum_r ln P(y_r | x_r . w) - ridge / 2 |w|^2  (a unique maximum), by Newton's method with
/// steps halved where they overshoot.   x [rows, n], a constant among the n where one is wanted; y: 0 or 1.
/// Accuracy   the last step is below 1e-9.   Cost   rows n^2 for each step, of which ten are many.
/// Needs      n >= 1, ridge > 0, lengths that fit, finite x.
std::vector<double> fit_logistic(std::span<const double> x,
                                 std::span<const std::uint8_t> y,
                                 std::size_t n,
                                 double ridge);

}  // namespace pipit
