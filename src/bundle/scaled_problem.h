// bundle/scaled_problem.h — one linearisation with J scaled by blocks: what conjugate gradients walk on. Private to
// bundle/.
// Legend: scaled unknowns y, d = L^-T y (block_factors.h): (J'J + H + lambda) y = -L^-1 g, H a prior's on its views. So
//   the damping is lambda times the diagonal blocks of J'J, not its diagonal.
#pragma once
#include <span>
#include <vector>

#include "bundle/block_factors.h"
#include "bundle/products.h"
#include "bundle/steps.h"

namespace pipit {

/// S: J at rest in the products (half, float, double).
template <class S>
class ScaledProblem {
 public:
  using V = typename NormalProduct<S>::V;
  ScaledProblem(const BundleLayout& layout, const BundleOptions& options, Workers& workers);

  /// After the layout was built anew.
  void prepare();
  /// The cost at `job`; J is scaled and in `product`, g in `gradient`.
  double linearise(const LineariseJob& job);
  /// q += L^-1 H L^-T p of the prior, on its views; yields p'(that). Zero without one.
  double add_prior(std::span<const V> p, std::span<V> q);
  /// y -> d, and what it promises.
  void finish(double lambda, BundleStep& step);

  std::size_t views_size() const {
    return static_cast<std::size_t>(layout.views) * static_cast<std::size_t>(layout.columns);
  }

  const BundleLayout& layout;
  Workers& workers;
  NormalProduct<S> product;
  std::vector<double> gradient;  ///< L^-1 g, [views, C] and [points, 4]
  std::vector<double> y;         ///< as long: the solution goes here
  LinearReport report;

 private:
  void take_prior(const LineariseJob& job);

  Precision precision_;
  bool count_;
  Linearised<V> parts_;
  BlockFactors factors_;
  std::vector<double> point_gradient_;
  const PosePrior* prior_ = nullptr;
  std::vector<float> prior_H_, prior_x_, prior_y_;
};

}  // namespace pipit
