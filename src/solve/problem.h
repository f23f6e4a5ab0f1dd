// solve/problem.h — a nonlinear least-squares problem: minimise 1/2 sum rho(||r_i(x)||^2) over variables on manifolds.
// Source: papers.md A1.   Legend: see factor_batch.h.
#pragma once
#include <memory>
#include <vector>

#include "solve/factor_batch.h"

namespace pipit {

/// Owns the variables (fp64, one store per type) and the factors (one batch per type, more where losses differ).
///
///   Problem problem;
///   const auto robot = problem.add(SE2<double>{});
///   const auto beacon = problem.add(Point2<double>{});
///   problem.add_factor(Range{.distance_m = 3.2, .sigma_m = 0.1}, robot, beacon);
///   problem.fix(robot);
///   const Summary summary = minimise(problem, {});
///
/// Needs: enough fixed variables or priors that the answer is unique; otherwise the nearest damped one is found.
/// Memory: the values, the factors, and while solving about 2 (R B K) numbers a factor and B^2 a block of J^T J.
class Problem {
 public:
  Problem() = default;
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  template <Manifold M>
  Var<M> add(const M& value) {
    return set<M>().add(value);
  }
  template <Manifold M>
  M& operator[](Var<M> var) {
    auto& values = set<M>().values;
    expects(var.index >= 0 && static_cast<std::size_t>(var.index) < values.size(), "Problem: no such variable");
    return values[static_cast<std::size_t>(var.index)];
  }
  /// A fixed variable keeps its value; it is not part of the linear system.
  template <Manifold M>
  void fix(Var<M> var, bool on = true) {
    set<M>().fix(var.index, on);
  }
  /// All variables of a type, in order of addition.
  template <Manifold M>
  std::vector<M>& values() {
    return set<M>().values;
  }

  /// Adds to the first batch of this factor type.
  template <Factor F, class... M>
  void add_factor(const F& factor, Var<M>... vars) {
    for (auto& batch : batches_)
      if (auto* typed = dynamic_cast<FactorBatch<F>*>(batch.get())) return typed->add(factor, vars...);
    new_batch<F>().add(factor, vars...);
  }
  /// A batch of its own, e.g. for loop closures that get a robust loss while odometry keeps none.
  template <Factor F>
  FactorBatch<F>& new_batch(RobustLoss loss = {}) {
    auto batch = std::make_unique<FactorBatch<F>>(sets_of(static_cast<typename F::Variables*>(nullptr)));
    batch->loss = loss;
    auto& reference = *batch;
    batches_.push_back(std::move(batch));
    return reference;
  }

  template <Manifold M>
  VariableSet<M>& set() {
    for (auto& set : sets_)
      if (auto* typed = dynamic_cast<VariableSet<M>*>(set.get())) return *typed;
    auto set = std::make_unique<VariableSet<M>>();
    auto& reference = *set;
    sets_.push_back(std::move(set));
    return reference;
  }

  std::span<const std::unique_ptr<VariableSetBase>> sets() const { return sets_; }
  std::span<const std::unique_ptr<FactorBatchBase>> batches() const { return batches_; }

  /// Gives every free variable its block column (sets in order of creation) and returns their number.
  int number_blocks();
  /// Width of a block column: 3 or 6, the smallest that holds every variable. Needs: no variable wider than 6.
  int block_width() const;
  /// Copy 0 belongs to the minimiser, copy 1 to who calls it.
  void save(int copy = 0);
  void restore(int copy = 0);

 private:
  template <class... M>
  std::tuple<VariableSet<M>*...> sets_of(std::tuple<M...>*) {
    return {&set<M>()...};
  }

  std::vector<std::unique_ptr<VariableSetBase>> sets_;
  std::vector<std::unique_ptr<FactorBatchBase>> batches_;
};

}  // namespace pipit
