// solve/euclidean.h — a point or any other plain vector as a variable.
#pragma once
#include <Eigen/Core>

namespace pipit {

/// R^N with addition: landmarks, beacons, biases, intrinsics. Units are the caller's.
template <class T, int N>
struct Euclidean {
  static constexpr int kDim = N;
  template <class U>
  using Rebind = Euclidean<U, N>;
  using Vector = Eigen::Matrix<T, N, 1>;

  Vector v = Vector::Zero();

  template <class U>
  Euclidean<U, N> cast() const {
    return {v.template cast<U>()};
  }
  template <class Derived>
  Euclidean retract(const Eigen::MatrixBase<Derived>& d) const {
    return {v + d};
  }
  Vector local(const Euclidean& other) const { return other.v - v; }
};

template <class T>
using Point2 = Euclidean<T, 2>;
template <class T>
using Point3 = Euclidean<T, 3>;

}  // namespace pipit
