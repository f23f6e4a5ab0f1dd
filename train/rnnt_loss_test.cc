#include "train/rnnt_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "base/random.h"

namespace pipit {
namespace {

struct Case {
  int T, U;
  std::vector<double> blank, label, blank_gradient, label_gradient;

  Case(int frames, int labels, Random& random) : T(frames), U(labels) {
    const auto cells = static_cast<std::size_t>(T) * static_cast<std::size_t>(U + 1);
    for (std::size_t k = 0; k < cells; ++k) blank.push_back(-3 * random.uniform());
    for (std::size_t k = 0; k < cells; ++k) label.push_back(-3 * random.uniform());
    blank_gradient.assign(cells, -1), label_gradient.assign(cells, -1);
  }
  // Labels with rows as long as the blanks': their last column is never read.
  TransducerScores<double> scores() {
    return {T, U, blank.data(), label.data(), U + 1, U + 1, blank_gradient.data(), label_gradient.data()};
  }
  double loss() {
    TransducerScores<double> s = scores();
    s.blank_gradient = s.label_gradient = nullptr;
    return transducer_loss(s);
  }
  std::size_t at(int t, int u) const {
    return static_cast<std::size_t>(t) * static_cast<std::size_t>(U + 1) + static_cast<std::size_t>(u);
  }
  // Every alignment by itself.
  double enumerated() const {
    double total = 0;
    const std::function<void(int, int, double)> walk = [&](int t, int u, double sum) {
      if (u < U) walk(t, u + 1, sum + label[at(t, u)]);
      if (t + 1 < T)
        walk(t + 1, u, sum + blank[at(t, u)]);
      else if (u == U)
        total += std::exp(sum + blank[at(t, u)]);
    };
    walk(0, 0, 0);
    return -std::log(total);
  }
};

TEST(TransducerLoss, IsTheSumOverAllAlignments) {
  Random random(1);
  for (int T = 1; T <= 5; ++T)
    for (int U = 0; U <= 5; ++U)
      for (int trial = 0; trial < 3; ++trial) {
        Case c(T, U, random);
        EXPECT_NEAR(c.loss(), c.enumerated(), 1e-12 * (1 + c.enumerated())) << T << ' ' << U;
      }
}

TEST(TransducerLoss, GradientIsThatOfFiniteDifferences) {
  Random random(2);
  for (int trial = 0; trial < 5; ++trial) {
    Case c(2 + trial, 4, random);
    transducer_loss(c.scores());
    constexpr double kStep = 1e-5;
    const auto check = [&](std::vector<double>& values, const std::vector<double>& gradient, bool labels) {
      for (int t = 0; t < c.T; ++t)
        for (int u = 0; u < c.U + (labels ? 0 : 1); ++u) {
          double& v = values[c.at(t, u)];
          const double kept = v;
          v = kept + kStep;
          const double up = c.loss();
          v = kept - kStep;
          const double down = c.loss();
          v = kept;
          // Central differences err by step^2 / 6 times a third derivative below 1, and by 2 eps loss / step.
          EXPECT_NEAR(gradient[c.at(t, u)], (up - down) / (2 * kStep), 2e-9);
        }
    };
    check(c.blank, c.blank_gradient, false);
    check(c.label, c.label_gradient, true);
  }
}

// Every alignment takes T blanks and U labels.
TEST(TransducerLoss, SharesAddUpToTheMoves) {
  Random random(3);
  Case c(40, 25, random);
  transducer_loss(c.scores());
  double blanks = 0, labels = 0;
  for (int t = 0; t < c.T; ++t)
    for (int u = 0; u <= c.U; ++u) {
      blanks += c.blank_gradient[c.at(t, u)];
      if (u < c.U) labels += c.label_gradient[c.at(t, u)];
    }
  EXPECT_NEAR(blanks, -40, 1e-10);
  EXPECT_NEAR(labels, -25, 1e-10);
}

TEST(TransducerLoss, WhatCannotBeIsInfiniteAndPullsNothing) {
  Random random(4);
  Case c(3, 2, random);
  for (int t = 0; t < c.T; ++t) c.label[c.at(t, 1)] = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(transducer_loss(c.scores()), std::numeric_limits<double>::infinity());
  for (int t = 0; t < c.T; ++t)
    for (int u = 0; u <= c.U; ++u) {
      EXPECT_EQ(c.blank_gradient[c.at(t, u)], 0);
      if (u < c.U) {
        EXPECT_EQ(c.label_gradient[c.at(t, u)], 0);
      }
    }
}

TEST(TransducerLoss, ManyAreThatOfEachOnAnyNumberOfThreads) {
  Random random(5);
  std::vector<Case> cases;
  for (int k = 0; k < 9; ++k) cases.emplace_back(3 + k, k % 5, random);
  std::vector<TransducerScores<double>> scores;
  for (Case& c : cases) scores.push_back(c.scores());
  for (const int threads : {1, 2, 3}) {
    Workers workers(threads);
    std::vector<double> losses(scores.size());
    transducer_losses<double>(scores, losses, workers);
    for (std::size_t k = 0; k < cases.size(); ++k) EXPECT_EQ(losses[k], cases[k].loss());
  }
}

}  // namespace
}  // namespace pipit
