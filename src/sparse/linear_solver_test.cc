#include "sparse/linear_solver.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sparse/test_systems.h"

namespace pipit {
namespace {

using testing::make_system;
using testing::System;
using Stop = LinearOutcome::Stop;

// ||(H + D) dx + g|| / ||g|| in fp64.
double true_residual(const System& s, std::span<const double> damping, std::span<const double> dx) {
  const Eigen::Map<const Eigen::VectorXd> x(dx.data(), static_cast<Eigen::Index>(dx.size())),
      g(s.gradient.data(), static_cast<Eigen::Index>(s.gradient.size()));
  return (testing::dense(s.H64, damping) * x + g).norm() / g.norm();
}

struct Solved {
  LinearOutcome outcome;
  std::vector<double> dx;
  LinearReport report;
};

Solved solve(const System& s, const LinearOptions& options, double eta, double lambda = 0, int threads = 1) {
  Workers workers(threads);
  LinearSolver solver(s.B, options, workers);
  solver.analyse(*s.pattern);
  const BlockRows<double> J64 = s.rows64();
  const BlockRows<float> J32 = s.rows32();
  const LinearSystem system{.gradient = s.gradient, .H64 = &s.H64, .H32 = &s.H32, .J64 = {&J64, 1}, .J32 = {&J32, 1}};
  const std::vector<double> damping(s.gradient.size(), lambda);
  Solved out;
  out.dx.resize(s.gradient.size());
  out.outcome = solver.solve(system, damping, eta, out.dx);
  out.report = solver.report();
  return out;
}

TEST(LinearSolver, EveryKindReachesEtaOnTheTrueMatrix) {
  for (const int B : {3, 6}) {
    const System s = make_system(64, B, testing::grid(8), 1);
    for (const SolverKind solver : {SolverKind::Iccg, SolverKind::Cgnr, SolverKind::Cholesky})
      for (const FactorKind factor : {FactorKind::Jacobi, FactorKind::Ic0, FactorKind::Icl, FactorKind::Complete})
        for (const Format matrix : {Format::Half, Format::Single, Format::Double}) {
          const Solved out = solve(s, {.solver = solver, .factor = factor, .matrix = matrix}, 1e-3, 1e-2);
          EXPECT_EQ(out.outcome.stop, Stop::Converged) << out.report.chosen << " matrix " << name(matrix) << " B " << B;
          const double r = true_residual(s, std::vector<double>(s.gradient.size(), 1e-2), out.dx);
          std::printf("%d %-50s %-8s its %d rel %.2e true %.2e\n",
                      B,
                      out.report.chosen.c_str(),
                      std::string(name(matrix)).c_str(),
                      out.outcome.iterations,
                      out.outcome.relative_residual,
                      r);
        }
  }
}

}  // namespace
}  // namespace pipit
