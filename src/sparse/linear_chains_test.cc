// LinearSolver with chains eliminated ahead (LinearOptions::condense), against the same solver without.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "factor/chains.h"
#include "sparse/test_bench.h"

namespace pipit {
namespace {

using testing::Bench;
using testing::Edges;
using testing::energy_error;
using testing::exact_solution;
using testing::kAllDouble;
using testing::make_system;
using testing::promised;
using testing::System;
using Stop = LinearOutcome::Stop;

constexpr double kLambda = 1e-2;

const LinearOptions kMixed{.matrix = Format::Double};

LinearOptions whole(LinearOptions options) {
  options.condense = false;
  return options;
}
LinearOptions with(LinearOptions options, SolverKind solver) {
  options.solver = solver;
  return options;
}

bool says(const Bench& bench, const char* what) { return bench.solver.report().reason.find(what) != std::string::npos; }

// Chains with loops, of which something is left; a chain, a tree and a ring, of which nothing is.
const std::vector<std::pair<int, Edges>>& graphs() {
  static const std::vector<std::pair<int, Edges>> all = [] {
    Edges ring = testing::chain(40), tree;
    ring.emplace_back(0, 39);
    for (int i = 1; i < 50; ++i) tree.emplace_back((i - 1) / 2, i);
    return std::vector<std::pair<int, Edges>>{{80, testing::random_loops(80, 20, 3)},
                                              {60, testing::random_loops(60, 14, 4)},
                                              {40, testing::chain(40)},
                                              {40, ring},
                                              {50, tree}};
  }();
  return all;
}

TEST(LinearChains, SameAnswerAndSameEnergyAsWhole) {
  for (const auto& [n, edges] : graphs())
    for (const int B : {2, 3, 6})
      for (const std::uint64_t seed : {1, 2, 3}) {
        const System s = make_system(n, B, edges, seed);
        for (const LinearOptions& precision : {kAllDouble, kMixed})
          for (const SolverKind solver : {SolverKind::Auto, SolverKind::Iccg, SolverKind::Cholesky}) {
            const double eta = 1e-4;
            Bench bench(s, with(precision, solver)), reference(s, whole(with(precision, solver)));
            const LinearOutcome outcome = bench.solve(eta, kLambda), other = reference.solve(eta, kLambda);
            const std::string what = bench.solver.report().chosen + ", n " + std::to_string(n) + ", B " +
                                     std::to_string(B) + ", seed " + std::to_string(seed);
            EXPECT_TRUE(says(bench, "blocks are chains and go first")) << bench.solver.report().reason;
            EXPECT_FALSE(says(reference, "chains")) << reference.solver.report().reason;
            EXPECT_EQ(outcome.stop, Stop::Converged) << what;
            EXPECT_LE(energy_error(s, kLambda, bench.dx), 1.5 * eta) << what;  // as EveryKindReachesEta..
            // Energies are summed in fp64, of fp64 or fp32 vectors: 5e-13 and 5e-8 measured over seeds 1 to 20. The two
            // solvers may differ by the error of the energy, eta^2, and, since the whole is solved in fp32 (mixed), by
            // 1e-6 measured over the same seeds.
            const bool twice = precision.vectors == Format::Double;
            const double truth = promised(s, kLambda, bench.dx);
            EXPECT_NEAR(outcome.decrease, truth, (twice ? 1e-11 : 5e-7) * truth) << what;
            EXPECT_NEAR(outcome.decrease, other.decrease, (eta * eta + (twice ? 0 : 3e-6)) * truth) << what;
          }
      }
}

// What a solve says that the step brings, it brings, whatever ended it: also where chains brought most of it.
TEST(LinearChains, SaysWhatTheStepPromisesWhereverItStops) {
  const System s = make_system(80, 6, testing::random_loops(80, 20, 3), 5);
  for (const int most : {0, 1, 2, 500})
    for (const double eta : {1e-1, 1e-10}) {
      LinearOptions options = kAllDouble;
      options.factor_storage = Format::Half, options.max_iterations = most;
      Bench bench(s, options);
      const LinearOutcome outcome = bench.solve(eta, kLambda);
      const double truth = promised(s, kLambda, bench.dx);
      EXPECT_GT(outcome.decrease, 0) << most;
      EXPECT_LE(outcome.iterations, most);
      EXPECT_NEAR(outcome.decrease, truth, 1e-12 * truth) << most;  // a few hundred roundings; measured 2e-15
    }
}

// Goals are about the energy of the whole, chains included: what they brought is not asked of the rest once more.
TEST(LinearChains, GoalsCountWhatChainsBrought) {
  const System s = make_system(80, 6, testing::random_loops(80, 20, 3), 5);
  LinearOptions options = kAllDouble;
  options.factor_storage = Format::Half, options.solver = SolverKind::Iccg;
  const auto iterations = [&](const LinearGoal& goal) { return Bench(s, options).solve(goal, kLambda).iterations; };
  const auto exact = exact_solution(s, kLambda);
  const double energy = promised(s, kLambda, {exact.data(), s.gradient.size()});
  EXPECT_EQ(iterations({.eta = 1e-9, .enough = 1e-4 * energy}), iterations({.eta = 1e-2}));
  EXPECT_EQ(iterations({.eta = 1e-9, .relax = 1e-4 / energy}), iterations({.eta = 1e-2}));
  EXPECT_LT(iterations({.eta = 1e-2}), iterations({.eta = 1e-9}));
}

TEST(LinearChains, WhereNothingIsLeftNothingIsFactored) {
  for (const auto& [n, edges] : graphs()) {
    const System s = make_system(n, 3, edges, 4);
    const bool nothing = contract_chains(*s.pattern).kept.empty();
    for (const SolverKind solver : {SolverKind::Auto, SolverKind::Iccg, SolverKind::Cholesky}) {
      Bench bench(s, with(kAllDouble, solver));
      const LinearOutcome outcome = bench.solve(1e-2, kLambda);
      EXPECT_EQ(bench.solver.report().factorisations, nothing ? 0 : 1);
      EXPECT_EQ(outcome.refactored, !nothing);
      if (!nothing) continue;
      EXPECT_EQ(outcome.iterations, 0);
      // An fp64 factorisation: u kappa (Higham 2002, sec. 10.1), kappa 1e7 at most. Measured over seeds 1 to 20: 2e-12.
      EXPECT_LE(energy_error(s, kLambda, bench.dx), 0x1p-53 * 1e7);
    }
  }
  EXPECT_EQ(std::count_if(graphs().begin(),
                          graphs().end(),
                          [](const auto& graph) {
                            return contract_chains(make_pattern(graph.first, graph.second)).kept.empty();
                          }),
            3);
}

// Every system has its own chains, while the factor of what they leave is kept.
TEST(LinearChains, AFactorOfTheRestServesOn) {
  const Edges loops = testing::random_loops(80, 20, 3);
  Bench bench(make_system(80, 3, loops, 1), with(kAllDouble, SolverKind::Iccg));
  bench.solve(1e-6, kLambda);
  bench.s = make_system(80, 3, loops, 2);
  for (const double lambda : {kLambda, 10 * kLambda}) {
    const LinearOutcome outcome = bench.solve(1e-6, lambda);
    EXPECT_EQ(outcome.stop, Stop::Converged);
    EXPECT_LE(energy_error(bench.s, lambda, bench.dx), 1.5e-6);
  }
  bench.s.gradient[5] += 1;  // of the same matrix: nothing new is factored
  const std::int64_t before = bench.solver.report().factorisations;
  EXPECT_EQ(bench.solve(1e-6, 10 * kLambda).stop, Stop::Converged);
  EXPECT_EQ(bench.solver.report().factorisations, before);
  EXPECT_LE(energy_error(bench.s, 10 * kLambda, bench.dx), 1.5e-6);
}

TEST(LinearChains, FallsBackToTheWholeWhereAChainIsIndefinite) {
  const System good = make_system(80, 3, testing::random_loops(80, 20, 3), 6);
  System bad = good;
  const std::int32_t block = contract_chains(*good.pattern).steps.front().block;
  bad.H64.block(bad.pattern->col_begin[block])[0] = -1e8;
  for (const LinearOptions& precision : {kAllDouble, kMixed}) {
    const LinearOptions options = with(precision, SolverKind::Cholesky);
    Bench bench(good, options), reference(good, whole(options));
    for (const System* s : std::vector<const System*>{&good, &bad, &good}) {
      bench.s = reference.s = *s;
      const Stop expected = s == &good ? Stop::Converged : Stop::NotPositiveDefinite;
      EXPECT_EQ(bench.solve(1e-6, kLambda).stop, expected);
      EXPECT_EQ(reference.solve(1e-6, kLambda).stop, expected);
      if (s == &bad) {
        EXPECT_EQ(bench.dx, std::vector<double>(240, 0.0));
        EXPECT_TRUE(says(bench, "chains do not go first: one was not positive definite"));
      }
    }
    EXPECT_EQ(bench.dx, reference.dx);  // from then on it is the other solver
    EXPECT_LE(energy_error(good, kLambda, bench.dx), 1.5e-6);
  }
}

// A rest that is not positive definite is told as without chains.
TEST(LinearChains, AnIndefiniteRestIsAValue) {
  System s = make_system(80, 3, testing::random_loops(80, 20, 3), 6);
  s.H64.block(s.pattern->col_begin[contract_chains(*s.pattern).kept.front()])[0] = -1e8;
  Bench bench(s, with(kAllDouble, SolverKind::Cholesky));
  EXPECT_EQ(bench.solve(1e-6, kLambda).stop, Stop::NotPositiveDefinite);
  EXPECT_EQ(bench.dx, std::vector<double>(240, 0.0));
  EXPECT_TRUE(says(bench, "blocks are chains and go first"));
}

TEST(LinearChains, SameBitsForAnyNumberOfThreads) {
  // A floor, large enough for its factorisation to be cut into parts, with a detour beside every step.
  Edges edges = testing::grid(60);
  for (int i = 0; i + 1 < 3600; ++i) edges.emplace_back(i, 3600 + i), edges.emplace_back(3600 + i, i + 1);
  const System s = make_system(7199, 3, edges, 7);
  ASSERT_GT(contract_chains(*s.pattern).kept.size(), 3000u);
  for (const LinearOptions& precision : {kAllDouble, kMixed}) {
    std::vector<std::vector<double>> dx;
    for (const int threads : {1, 2, 3}) {
      LinearOptions options = with(precision, SolverKind::Iccg);
      options.max_iterations = 20;
      Bench bench(s, options, threads);
      bench.solve(1e-3, kLambda);
      EXPECT_TRUE(says(bench, "blocks are chains and go first"));
      dx.push_back(bench.dx);
    }
    EXPECT_EQ(dx[0], dx[1]);
    EXPECT_EQ(dx[0], dx[2]);
  }
}

// Options that leave no room for chains, and graphs that have too few.
TEST(LinearChains, StayWhereTheOptionsSaySo) {
  const System s = make_system(80, 3, testing::random_loops(80, 20, 3), 6),
               floor = make_system(100, 3, testing::grid(10), 6);
  const auto ahead = [&](const LinearOptions& options) { return says(Bench(s, options), "chains"); };
  EXPECT_TRUE(ahead({}));
  EXPECT_TRUE(ahead({.solver = SolverKind::Iccg, .factor = FactorKind::Complete}));
  EXPECT_TRUE(ahead({.solver = SolverKind::Cholesky, .factor = FactorKind::Jacobi}));  // always complete
  EXPECT_FALSE(ahead({.condense = false}));
  EXPECT_FALSE(ahead({.solver = SolverKind::Cgnr}));
  for (const FactorKind factor : {FactorKind::Jacobi, FactorKind::Ic0, FactorKind::Icl})
    EXPECT_FALSE(ahead({.solver = SolverKind::Iccg, .factor = factor}));
  EXPECT_FALSE(ahead({.matrix = Format::Half}));
  EXPECT_FALSE(ahead({.vectors = Format::Half}));
  EXPECT_FALSE(ahead({.scaling = false}));
  EXPECT_FALSE(says(Bench(floor, {}), "chains"));
}

}  // namespace
}  // namespace pipit
