// sparse/products.h — the products of conjugate gradients: (H + D) p, or J^T (J p) + D p without H, in a chosen format.
// Source: papers.md A4 (half products between scaled operands);  Legend: D = diag(damping), S block scaling, x = S^T y.
#pragma once
#include <span>
#include <tuple>
#include <vector>

#include "base/parallel.h"
#include "bits/block_rows.h"
#include "bits/block_symmetric.h"
#include "bits/counters.h"
#include "bits/format.h"
#include "factor/block_matrix.h"
#include "factor/block_scaling.h"
#include "sparse/pcg.h"

namespace pipit {

/// What a product is made of; lives as long as the product is used.
struct ProductSource {
  const BlockSymmetric<double>* H64 = nullptr;  ///< one of the first two, or rows
  const BlockSymmetric<float>* H32 = nullptr;
  std::span<const BlockRows<double>> J64 = {};
  std::span<const BlockRows<float>> J32 = {};
  std::span<const double> damping = {};   ///< [n*B] or empty
  const BlockScaling* scaling = nullptr;  ///< null: the product is in x; else in y: S (H + D) S^T
  RangeCounters* counters = nullptr;
  bool use_range = true;  ///< half: powers of two bring matrix and vectors into range
};

/// q = A p for A = H + D or S (H + D) S^T, H given as a matrix or as rows of J.
///
/// V       float, double, HalfNumber (naive: all sums in half).
/// format  Half: the matrix (or J) is scaled, rounded to half once per load(); J is multiplied with sums as
/// `accumulate`
///         says, H with fp32 sums (naive: in half). Single, Double: multiplied as given.
/// Needs   Half: H32 or J32.
template <class V>
class Product {
 public:
  Product(Format format, Accumulate accumulate, Workers& workers)
      : format_(format), accumulate_(accumulate), workers_(&workers) {}

  /// Before the first load of another structure.
  void forget_structure() { incidence_.clear(), rows_ = {}; }
  /// Once per linear system; allocates on first use.
  void load(const ProductSource& source, int n, int B);

  /// Yields p^T A p.
  PcgScalar<V> operator()(std::span<const V> p, std::span<V> q);
  /// r = b - A x with the given H or J instead of its half copy. b [n*B] fp64.
  void replace(std::span<const double> b, std::span<const V> x, std::span<V> r);

 private:
  template <class W>
  double multiply_given(std::span<const W> p, std::span<W> q);
  double multiply_half(std::span<const float> p, std::span<float> q);
  template <class W>
  void add_damping(std::span<const W> p, std::span<W> q, double* quadratic);
  void load_half();

  static constexpr bool kNaive = !std::is_floating_point_v<V>;

  Format format_;
  Accumulate accumulate_;
  Workers* workers_;
  ProductSource source_;
  int n_ = 0, B_ = 0;
  BlockRowIndex rows_;                     // of H
  std::vector<BlockIncidence> incidence_;  // of every batch of J
  std::vector<std::vector<half>> half_;    // H, or every batch of J, times 2^exponent_
  int exponent_ = 0;
  std::vector<float> single_p_, single_q_, row_space_;
  std::vector<double> double_p_, double_q_;
  std::tuple<std::vector<float>, std::vector<double>> unscaled_, damped_;  // work vectors of one product
  HalfOperand operand_;
};

/// y = S x and y = S^T x for all blocks (copies when S is off). x, y [n*B], may be the same.
template <class W>
void scale_vector(const BlockScaling& scaling, std::span<const W> x, std::span<W> y);
template <class W>
void scale_vector_transposed(const BlockScaling& scaling, std::span<const W> x, std::span<W> y);

}  // namespace pipit
