// sparse/test_bench.h — for tests of LinearSolver: a solver with its system, and what its answers are held against.
#pragma once
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "factor/test_systems.h"
#include "sparse/linear_solver.h"

namespace pipit::testing {

inline Eigen::VectorXd exact_solution(const System& s, double lambda) {
  const std::vector<double> damping(s.gradient.size(), lambda);
  const Eigen::Map<const Eigen::VectorXd> g(s.gradient.data(), static_cast<Eigen::Index>(s.gradient.size()));
  return -testing::dense(s.H64, damping).ldlt().solve(g);
}

// ||dx - x||_A / ||x||_A in fp64: what eta bounds.
inline double energy_error(const System& s, double lambda, std::span<const double> dx) {
  const std::vector<double> damping(s.gradient.size(), lambda);
  const Eigen::MatrixXd A = testing::dense(s.H64, damping);
  const Eigen::VectorXd x = exact_solution(s, lambda);
  const Eigen::VectorXd e = Eigen::Map<const Eigen::VectorXd>(dx.data(), x.size()) - x;
  return std::sqrt(e.dot(A * e) / x.dot(A * x));
}

// A solver with its system, for one or several solves.
struct Bench {
  System s;
  Workers workers;
  LinearSolver solver;
  std::vector<double> dx;

  Bench(System system, const LinearOptions& options, int threads = 1)
      : s(std::move(system)), workers(threads), solver(s.B, options, workers), dx(s.gradient.size()) {
    solver.analyse(*s.pattern);
  }
  LinearOutcome solve(double eta, double lambda = 0) { return solve(LinearGoal{.eta = eta}, lambda); }
  LinearOutcome solve(const LinearGoal& goal, double lambda = 0) {
    const BlockRows<double> J64 = s.rows64();
    const BlockRows<float> J32 = s.rows32();
    const LinearSystem system{.gradient = s.gradient, .H64 = &s.H64, .H32 = &s.H32, .J64 = {&J64, 1}, .J32 = {&J32, 1}};
    const std::vector<double> damping(lambda > 0 ? s.gradient.size() : 0, lambda);
    return solver.solve(system, damping, goal, dx);
  }
};

inline const LinearOptions kAllDouble{.matrix = Format::Double,
                                      .vectors = Format::Double,
                                      .factor_compute = Format::Double,
                                      .factor_storage = Format::Double};

// -(1/2 x'Ax + g'x): what a step promises.
inline double promised(const System& s, double lambda, std::span<const double> dx) {
  const std::vector<double> damping(s.gradient.size(), lambda);
  const Eigen::MatrixXd A = testing::dense(s.H64, damping);
  const Eigen::Map<const Eigen::VectorXd> x(dx.data(), static_cast<Eigen::Index>(dx.size())),
      g(s.gradient.data(), x.size());
  return -(0.5 * x.dot(A * x) + g.dot(x));
}

}  // namespace pipit::testing
