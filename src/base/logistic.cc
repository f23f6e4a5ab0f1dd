#include "base/logistic.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/contract.h"

namespace pipit {
namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// ln(1 + e^z)
double softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

// Solves a x = b in place of b: a = L D L^T, symmetric and positive definite, of which the lower half is read.
void solve(std::vector<double>& a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (std::size_t j = k + 1; j <= i; ++j) a[i * n + j] -= factor * a[j * n + k];
    }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] / a[k * n + k] * b[k];
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
}

}  // namespace

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

std::vector<double> fit_logistic(std::span<const double> x,
                                 std::span<const std::uint8_t> y,
                                 std::size_t n,
                                 double ridge) {
  expects(n >= 1 && ridge > 0 && x.size() == y.size() * n, "fit_logistic: lengths do not fit, or no ridge");
  const auto row = [&](std::size_t r) { return x.subspan(r * n, n); };
  const auto loss = [&](const std::vector<double>& w) {
    double sum = ridge / 2 * dot(w, w);
    for (std::size_t r = 0; r < y.size(); ++r) {
      const double z = dot(row(r), w);
      sum += softplus(y[r] != 0 ? -z : z);
    }
    return sum;
  };
  std::vector<double> w(n, 0.0), curve(n * n), step(n), next(n);
  double here = loss(w);
  for (int iteration = 0; iteration < 50; ++iteration) {
    std::fill(curve.begin(), curve.end(), 0.0);
    for (std::size_t i = 0; i < n; ++i) curve[i * n + i] = ridge, step[i] = -ridge * w[i];
    for (std::size_t r = 0; r < y.size(); ++r) {
      const auto v = row(r);
      const double p = logistic(dot(v, w)), weight = p * (1 - p);
      for (std::size_t i = 0; i < n; ++i) {
        step[i] += ((y[r] != 0 ? 1 : 0) - p) * v[i];
        for (std::size_t j = 0; j <= i; ++j) curve[i * n + j] += weight * v[i] * v[j];
      }
    }
    solve(curve, step);
    double largest = 0;
    for (const double s : step) largest = std::max(largest, std::abs(s));
    double share = 1, there = 0;
    for (int halved = 0; halved < 30; ++halved, share /= 2) {
      for (std::size_t i = 0; i < n; ++i) next[i] = w[i] + share * step[i];
      there = loss(next);
      if (there <= here || largest * share < 1e-9) break;
    }
    w.swap(next);
    here = there;
    if (largest < 1e-9) break;
  }
  return w;
}

}  // namespace pipit
