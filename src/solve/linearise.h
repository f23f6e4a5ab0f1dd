// solve/linearise.h — from a problem and its variables to the linear system of one Gauss-Newton step.
// Source: Nocedal and Wright, Numerical Optimization (2006), sec. 10.3.
// Legend: r residuals, J = dr/dd, H = J^T J (block-sparse), g = J^T r; weights of robust losses are folded into r and J
// (rows times sqrt(w)) before anything is multiplied.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "bits/gram.h"
#include "factor/aligned.h"
#include "solve/precision.h"
#include "solve/problem.h"
#include "sparse/linear_solver.h"

namespace pipit {

/// Everything symbolic is done once, in the constructor and in prepare. Results do not depend on the number of threads:
/// each block of H and g is gathered by one thread, in order of batch and factor.
class Linearisation {
 public:
  /// Numbers the problem's blocks and finds which of them meet. Needs: the problem and the workers outlive this; the
  /// problem keeps its structure (values, weights and losses may change). Factors whose weight is 0 now are left out of
  /// H and g for good; their residuals are still evaluated.
  Linearisation(Problem& problem, const Precision& precision, Workers& workers);

  const BlockPattern& pattern() const { return *pattern_; }
  int num_blocks() const { return pattern_->n; }
  int width() const { return width_; }

  /// Allocates what the linear solver reads: H or J, in fp32 or fp64.
  void prepare(const LinearNeeds& needs);
  /// Residuals and Jacobians in fp64 from now on, before or after prepare.
  void refine();
  bool refined() const { return precision_.residual == Format::Double && precision_.jacobian == Format::Double; }

  /// 1/2 sum w rho(||r||^2) at the current values; residuals in their format, sums in fp64. May be inf or nan.
  double cost();
  /// Updates r, J, H and g at the current values; returns the cost there. Needs prepare.
  double linearise();
  /// ||r||^2 of each factor of a batch, at the values and in the units of the last cost() or linearise(), loss not
  /// applied.
  std::vector<double> squared_residuals(std::size_t batch) const;

  const LinearSystem& system() const { return system_; }
  const BlockSymmetric<double>& H64() const { return H64_; }
  std::span<const double> gradient() const { return gradient_; }
  /// Diagonal of H [n * width]: the scale of Levenberg and Marquardt's damping. Dimensions nobody uses hold 1.
  std::span<const double> diagonal() const { return diagonal_; }
  /// d^T H d = ||J d||^2 for d [n * width], in fp64.
  double curvature(std::span<const double> d) const;

  /// Seconds spent in linearise and in cost.
  double seconds = 0;

 private:
  // One product J_a^T J_b that falls on one block of H.
  struct Contribution {
    std::int32_t factor;
    std::int16_t batch;
    std::int8_t slot_row, slot_col;
  };
  template <class T>
  struct Rows {
    std::vector<AlignedVector<T>> J;  // per batch [E,K] blocks R x width
    std::vector<BlockRows<T>> views;
    std::vector<GramTerm<T>> terms;  // per block of H the products that fall on it
  };

  template <class Visit>
  void visit_pairs(const Visit& visit) const;
  template <class T>
  void allocate(Rows<T>& rows, std::span<const std::int32_t> places);
  template <class T>
  double evaluate(Rows<T>& rows);
  template <class T, class S>
  void gather(const Rows<T>& rows, BlockSymmetric<S>& H);
  template <class T>
  double curvature_of(const Rows<T>& rows, std::span<const double> d) const;

  Problem& problem_;
  Precision precision_;
  Workers& workers_;
  LinearNeeds needs_;
  int width_ = 3;
  std::shared_ptr<const BlockPattern> pattern_;
  std::vector<std::vector<std::int32_t>> columns_;  // per batch [E,K]
  std::vector<std::vector<double>> residuals_;      // per batch [E,R]; after linearise: times sqrt(weight)
  std::vector<std::vector<double>> squares_;        // per batch [E]
  std::vector<std::int64_t> begin_;                 // per block of H: its terms
  std::vector<int> dims_;                           // per block column: dimensions of its variable
  bool in_double_ =
      false;  // J is held in double_, else in single_: as the linear solver reads it, or as it is computed
  BlockOrder order_ = BlockOrder::Rows;
  Rows<float> single_;
  Rows<double> double_;
  BlockSymmetric<float> H32_;
  BlockSymmetric<double> H64_;
  std::vector<double> gradient_, diagonal_;
  LinearSystem system_;
};

}  // namespace pipit
