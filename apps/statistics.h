// apps/statistics.h — a list of numbers in a few. Numbers that are not finite sort last and count as infinite.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace pipit {

inline std::vector<double> sorted(std::vector<double> values) {
  for (double& v : values)
    if (!std::isfinite(v)) v = std::numeric_limits<double>::infinity();
  std::sort(values.begin(), values.end());
  return values;
}

/// The smallest value that a share q in (0, 1] of all does not exceed; NaN of nothing.
inline double quantile(const std::vector<double>& ascending, double q) {
  if (ascending.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(ascending.size())));
  return ascending[std::clamp<std::size_t>(rank, 1, ascending.size()) - 1];
}

inline double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

/// Kolmogorov-Smirnov distance: the largest difference of the two cumulative distributions, 0..1.
inline double ks_distance(const std::vector<double>& a, const std::vector<double>& b) {
  const auto x = sorted(a), y = sorted(b);
  double distance = 0;
  for (std::size_t i = 0, j = 0; i < x.size() && j < y.size();) {
    const double v = std::min(x[i], y[j]);
    while (i < x.size() && x[i] <= v) ++i;
    while (j < y.size() && y[j] <= v) ++j;
    distance = std::max(distance,
                        std::abs(static_cast<double>(i) / static_cast<double>(x.size()) -
                                 static_cast<double>(j) / static_cast<double>(y.size())));
  }
  return distance;
}

/// Slope of log y over log x by least squares: the power with which y grows.
inline double growth_power(const std::vector<double>& x, const std::vector<double>& y) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0, n = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double u = std::log(x[i]), v = std::log(y[i]);
    if (!std::isfinite(u) || !std::isfinite(v)) continue;
    n += 1, sx += u, sy += v, sxx += u * u, sxy += u * v;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

}  // namespace pipit
