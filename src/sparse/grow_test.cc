// A solver whose system grows: answers as if analysed anew, and a factor that goes on serving.
#include <gtest/gtest.h>

#include <numeric>

#include "factor/test_systems.h"
#include "sparse/linear_solver.h"

namespace pipit {
namespace {

using testing::Edges;
using testing::make_system;
using testing::System;
using Stop = LinearOutcome::Stop;

// Not condensed: what grows is the border of a kept factor.
const LinearOptions kAllDouble{.solver = SolverKind::Iccg,
                               .matrix = Format::Double,
                               .vectors = Format::Double,
                               .factor_compute = Format::Double,
                               .factor_storage = Format::Double,
                               .condense = false};
const LinearOptions kMixed{.solver = SolverKind::Iccg, .matrix = Format::Double, .condense = false};

// ||dx - x||_A / ||x||_A in fp64.
double energy_error(const System& s, double lambda, std::span<const double> dx) {
  const std::vector<double> damping(dx.size(), lambda);
  const Eigen::MatrixXd A = testing::dense(s.H64, damping);
  const Eigen::VectorXd x =
      -A.ldlt().solve(Eigen::Map<const Eigen::VectorXd>(s.gradient.data(), static_cast<Eigen::Index>(dx.size())));
  const Eigen::VectorXd e = Eigen::Map<const Eigen::VectorXd>(dx.data(), x.size()) - x;
  return std::sqrt(e.dot(A * e) / x.dot(A * x));
}

/// A system that grows by nodes and edges. Every growth deals the numbers of the block columns anew, at random; node 0
/// has the anchor and keeps number 0. The values of an edge do not depend on the numbers.
class Growing {
 public:
  Growing(const Edges& edges, int n, int B, const LinearOptions& options, std::uint64_t seed, int threads = 1)
      : seed_(seed), random_(seed + 100), B_(B), workers_(threads), edges_(edges), solver(B, options, workers_) {
    number(n);
    s = system();
    solver.analyse(*s.pattern);
  }

  int n() const { return static_cast<int>(numbers_.size()); }
  /// A chain from the last node on until there are n; edges point either way.
  void drive_to(int n) {
    for (int k = std::max(next_, this->n()); k < n; ++k)
      k % 2 == 0 ? edges_.emplace_back(k - 1, k) : edges_.emplace_back(k, k - 1);
    next_ = std::max(next_, n);
  }
  void tie(int i, int j) { edges_.emplace_back(i, j); }
  void grow() {
    const auto place = number(std::max(next_, n()));
    s = system();
    solver.grow(*s.pattern, place);
  }
  LinearOutcome solve(double eta, double lambda = 0) {
    const std::vector<double> damping(lambda > 0 ? s.gradient.size() : 0, lambda);
    const BlockRows<double> J64 = s.rows64();
    const BlockRows<float> J32 = s.rows32();
    dx.resize(s.gradient.size());
    return solver.solve({.gradient = s.gradient, .H64 = &s.H64, .H32 = &s.H32, .J64 = {&J64, 1}, .J32 = {&J32, 1}},
                        damping,
                        {.eta = eta},
                        dx);
  }

 private:
  std::vector<std::int32_t> number(int n) {
    std::vector<std::int32_t> now(static_cast<std::size_t>(n)), place(numbers_.size());
    std::iota(now.begin(), now.end(), 0);
    for (std::size_t k = now.size() - 1; k > 1; --k) std::swap(now[k], now[1 + random_.below(k)]);
    for (std::size_t k = 0; k < numbers_.size(); ++k) place[static_cast<std::size_t>(numbers_[k])] = now[k];
    numbers_ = now;
    return place;
  }
  System system() const {
    Edges numbered;
    for (const auto& [i, j] : edges_)
      numbered.emplace_back(numbers_[static_cast<std::size_t>(i)], numbers_[static_cast<std::size_t>(j)]);
    return make_system(n(), B_, numbered, seed_);
  }

  std::uint64_t seed_;
  Random random_;
  int B_, next_ = 0;
  Workers workers_;
  Edges edges_;                        // by node
  std::vector<std::int32_t> numbers_;  // of each node

 public:
  System s;
  LinearSolver solver;
  std::vector<double> dx;
};

TEST(Grow, AChainWithAFreeEndNeedsNoNewFactor) {
  for (const int B : {3, 6})
    for (const std::uint64_t seed : {1, 2, 3}) {
      Growing g(testing::random_loops(120, 30, seed), 120, B, kAllDouble, seed);
      ASSERT_EQ(g.solve(1e-6).stop, Stop::Converged);
      for (const int n : {121, 125, 132}) {
        g.drive_to(n);
        g.grow();
        const LinearOutcome outcome = g.solve(1e-6);
        EXPECT_EQ(outcome.stop, Stop::Converged);
        // The preconditioner is the inverse but for rounding: one iteration solves, one confirms.
        EXPECT_LE(outcome.iterations, 2) << n << " columns, B " << B << " seed " << seed;
        EXPECT_LE(energy_error(g.s, 0, g.dx), 1e-6);
      }
      EXPECT_EQ(g.solver.report().factorisations, 1);
    }
}

TEST(Grow, EveryLoopCostsAtMostItsRank) {
  LinearOptions options = kAllDouble;
  options.refresh_after = 40;
  for (const int B : {3, 6})
    for (const std::uint64_t seed : {1, 2, 3}) {
      Growing g(testing::random_loops(100, 20, seed), 100, B, options, seed);
      g.solve(1e-3);
      Random random(seed);
      for (int loops = 1; loops <= 3; ++loops) {
        if (loops > 1) g.drive_to(108);
        // The first between old columns, the second to a new one, the third between old columns of a grown system.
        g.tie(static_cast<std::int32_t>(random.below(40)), loops == 2 ? 105 : 60 + 10 * loops);
        g.grow();
        const LinearOutcome outcome = g.solve(1e-3);
        EXPECT_EQ(outcome.stop, Stop::Converged);
        // Conjugate gradients end after as many steps as M^-1 A has eigenvalues: one, and B for every loop. One more
        // confirms.
        EXPECT_LE(outcome.iterations, 2 + B * loops) << "B " << B << " seed " << seed;
        EXPECT_LE(energy_error(g.s, 0, g.dx), 1e-3);
      }
      EXPECT_EQ(g.solver.report().factorisations, 1);
    }
}

TEST(Grow, AnswersAsIfAnalysedAnew) {
  LinearOptions cholesky = kAllDouble, cgnr = kAllDouble, jacobi = kAllDouble, incomplete = kMixed;
  LinearOptions condensed = kMixed, direct = kAllDouble;
  condensed.condense = direct.condense = true;
  direct.solver = SolverKind::Cholesky;
  cholesky.solver = SolverKind::Cholesky;
  cgnr.solver = SolverKind::Cgnr;
  jacobi.factor = FactorKind::Jacobi;
  incomplete.factor = FactorKind::Icl;
  for (const LinearOptions& options : {kAllDouble, kMixed, cholesky, cgnr, jacobi, incomplete, condensed, direct})
    for (const std::uint64_t seed : {1, 2}) {
      Random random(seed);
      Growing g(testing::random_loops(40, 10, seed), 40, 3, options, seed);
      g.solve(1e-6, 1e-2);
      int nodes = 40;
      for (int round = 0; round < 12; ++round) {
        g.drive_to(nodes += static_cast<int>(random.below(round == 8 ? 60 : 6)));
        for (std::uint64_t loops = random.below(4); loops > 0; --loops)
          g.tie(static_cast<std::int32_t>(random.below(20)),
                20 + static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(nodes - 20))));
        g.grow();
        if (random.below(4) == 0) continue;  // grown again before anybody solves
        const LinearOutcome outcome = g.solve(1e-6, 1e-2);
        const std::string what = g.solver.report().chosen + ", round " + std::to_string(round);
        EXPECT_EQ(outcome.stop, Stop::Converged) << what;
        // The stopping rule estimates the error, fp32 recurrences have a floor: measured 6e-6 at most for 1e-6.
        EXPECT_LE(energy_error(g.s, 1e-2, g.dx), 1e-5) << what;
      }
    }
}

TEST(Grow, ManyNewColumnsOrLoopsGetANewFactor) {
  LinearOptions options = kMixed;
  options.refresh_after = 20;
  for (const bool loops : {false, true}) {
    Growing g(testing::random_loops(60, 10, 5), 60, 3, options, 5);
    g.solve(1e-4);
    if (!loops) g.drive_to(90);
    for (int k = 0; loops && k < 25; ++k) g.tie(k, k + 30);
    g.grow();
    EXPECT_TRUE(g.solve(1e-4).refactored);
    EXPECT_EQ(g.solver.report().factorisations, 2);
    EXPECT_FALSE(g.solve(1e-4).refactored);
  }
}

TEST(Grow, BitsDoNotDependOnThreads) {
  std::vector<double> one;
  for (const int threads : {1, 3}) {
    Growing g(testing::random_loops(300, 60, 7), 300, 6, kMixed, 7, threads);
    g.solve(1e-4);
    g.drive_to(330);
    g.tie(17, 325);
    g.grow();
    EXPECT_EQ(g.solve(1e-4).stop, Stop::Converged);
    if (threads == 1) one = g.dx;
    EXPECT_EQ(g.dx, one);
  }
}

TEST(GrowDeathTest, PlacesMustExistAndDiffer) {
  const System s = make_system(4, 3, testing::chain(4), 1);
  Workers workers(1);
  LinearSolver solver(3, kMixed, workers);
  const auto grow = [&](std::vector<std::int32_t> place) { solver.grow(*s.pattern, place); };
  EXPECT_DEATH(grow({0, 1, 2, 3}), "grow before analyse");
  solver.analyse(*s.pattern);
  EXPECT_DEATH(grow({0, 1, 2}), "one place for every column");
  EXPECT_DEATH(grow({0, 1, 2, 2}), "a place of its own");
  EXPECT_DEATH(grow({0, 1, 2, 4}), "a place of its own");
}

}  // namespace
}  // namespace pipit
