// solve/prior.h — a variable that is known already, with an uncertainty.
#pragma once
#include <Eigen/Core>
#include <tuple>

#include "solve/variable.h"

namespace pipit {

/// Residual [kDim]: root * local(x0, x), with root' root = inverse covariance in the tangent space of x0.
/// In fp32 the residual is computed relative to nothing: keep priors near the origin or in fp64.
template <class M>
struct Prior {
  static constexpr int kDim = M::kDim;
  using Variables = std::tuple<M>;

  M value;
  Eigen::Matrix<double, kDim, kDim> root = Eigen::Matrix<double, kDim, kDim>::Identity();

  template <class X>
  auto operator()(const X& x) const {
    using T = std::decay_t<decltype(x.local(x)[0])>;
    return Eigen::Matrix<T, kDim, 1>(root.template cast<T>() * value.template cast<T>().local(x));
  }
};

}  // namespace pipit
