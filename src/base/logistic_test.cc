#include "base/logistic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace pipit {
namespace {

struct Made {
  std::vector<double> x;
  std::vector<std::uint8_t> y;
};
// Rows of a constant and n - 1 normal numbers; y drawn as `w` says.
Made draw(std::size_t rows, const std::vector<double>& w, std::uint64_t seed) {
  Random random(seed);
  Made out;
  for (std::size_t r = 0; r < rows; ++r) {
    double z = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      out.x.push_back(i == 0 ? 1 : random.normal());
      z += w[i] * out.x.back();
    }
    out.y.push_back(random.uniform(0, 1) < logistic(z) ? 1 : 0);
  }
  return out;
}

TEST(FitLogistic, TheGradientIsZeroAtItsAnswer) {
  for (const std::size_t n : {1, 2, 7, 40}) {
    std::vector<double> truth(n);
    for (std::size_t i = 0; i < n; ++i) truth[i] = std::sin(static_cast<double>(i)) * 2;
    const Made made = draw(300, truth, n);
    constexpr double kRidge = 0.3;
    const auto w = fit_logistic(made.x, made.y, n, kRidge);
    for (std::size_t i = 0; i < n; ++i) {
      double gradient = -kRidge * w[i];
      for (std::size_t r = 0; r < made.y.size(); ++r) {
        double z = 0;
        for (std::size_t j = 0; j < n; ++j) z += w[j] * made.x[r * n + j];
        gradient += (made.y[r] - logistic(z)) * made.x[r * n + i];
      }
      EXPECT_NEAR(gradient, 0, 1e-6) << "n " << n << ", i " << i;  // 300 rows of rounding, 1e-9 of the last step
    }
  }
}

TEST(FitLogistic, NearlyEqualColumnsAreToldApart) {
  // Where columns differ by a thousandth, only a whole Newton step arrives: a wrong solve creeps.
  Made made = draw(400, {0.3, 1, -1}, 9);
  Random random(10);
  for (std::size_t r = 0; r < made.y.size(); ++r) made.x[3 * r + 2] = made.x[3 * r + 1] + 1e-3 * random.normal();
  constexpr double kRidge = 1e-6;
  const auto w = fit_logistic(made.x, made.y, 3, kRidge);
  for (std::size_t i = 0; i < 3; ++i) {
    double gradient = -kRidge * w[i];
    for (std::size_t r = 0; r < made.y.size(); ++r) {
      double z = 0;
      for (std::size_t j = 0; j < 3; ++j) z += w[j] * made.x[r * 3 + j];
      gradient += (made.y[r] - logistic(z)) * made.x[r * 3 + i];
    }
    EXPECT_NEAR(gradient, 0, 1e-6) << i;
  }
  EXPECT_GT(std::abs(w[2] - w[1]), 20) << "their difference is worth something, however small it is";
}

TEST(FitLogistic, FindsWhatTheAnswersWereDrawnFrom) {
  const std::vector<double> truth{-0.5, 1.5, 0, -2};
  const Made made = draw(20'000, truth, 5);
  const auto w = fit_logistic(made.x, made.y, truth.size(), 1e-3);
  for (std::size_t i = 0; i < truth.size(); ++i)
    EXPECT_NEAR(w[i], truth[i], 0.15);  // five standard deviations: about 0.03 each
}

TEST(FitLogistic, StaysFiniteWhereAllAnswersAreKnown) {
  // y follows the sign of x: only the ridge keeps w from infinity, and undamped steps would leap there.
  std::vector<double> x;
  std::vector<std::uint8_t> y;
  for (int k = -50; k <= 50; ++k) {
    if (k == 0) continue;
    x.insert(x.end(), {1, 100.0 * k});
    y.push_back(k > 0 ? 1 : 0);
  }
  const auto w = fit_logistic(x, y, 2, 1e-6);
  EXPECT_TRUE(std::isfinite(w[0]) && std::isfinite(w[1]));
  EXPECT_GT(w[1], 0);
}

}  // namespace
}  // namespace pipit
