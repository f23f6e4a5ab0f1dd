// solve/jet.h — forward-mode automatic differentiation: a value and its derivatives in N directions.
// Source: dual numbers (Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, ch. 3).   Legend: a value, v [N]
// da/dx.
#pragma once
#include <Eigen/Core>
#include <cmath>

namespace pipit {

/// Behaves like the scalar T in templated code (also inside Eigen); comparisons look at the value only.
/// Cost: each operation does about N+1 times the work. Accuracy: derivatives are exact up to rounding.
template <class T, int N>
struct Jet {
  using Vector = Eigen::Array<T, N, 1>;
  T a{0};
  Vector v = Vector::Zero();

  Jet() = default;
  Jet(const T& value) : a(value) {}
  template <class U>
  requires(std::is_arithmetic_v<U> && !std::is_same_v<U, T>) Jet(U value) : a(static_cast<T>(value)) {}
  Jet(const T& value, const Vector& derivatives) : a(value), v(derivatives) {}
  /// The k-th independent variable.
  static Jet variable(const T& value, int k) {
    Jet x(value);
    x.v[k] = T(1);
    return x;
  }

  Jet& operator+=(const Jet& b) { return *this = *this + b; }
  Jet& operator-=(const Jet& b) { return *this = *this - b; }
  Jet& operator*=(const Jet& b) { return *this = *this * b; }
  Jet& operator/=(const Jet& b) { return *this = *this / b; }

  friend Jet operator+(const Jet& x) { return x; }
  friend Jet operator-(const Jet& x) { return {-x.a, -x.v}; }
  friend Jet operator+(const Jet& x, const Jet& y) { return {x.a + y.a, x.v + y.v}; }
  friend Jet operator-(const Jet& x, const Jet& y) { return {x.a - y.a, x.v - y.v}; }
  friend Jet operator*(const Jet& x, const Jet& y) { return {x.a * y.a, x.v * y.a + y.v * x.a}; }
  friend Jet operator/(const Jet& x, const Jet& y) {
    const T inverse = T(1) / y.a, quotient = x.a * inverse;
    return {quotient, (x.v - quotient * y.v) * inverse};
  }
  friend bool operator==(const Jet& x, const Jet& y) { return x.a == y.a; }
  friend auto operator<=>(const Jet& x, const Jet& y) { return x.a <=> y.a; }

  // f(x) with f' = slope
  static Jet chain(const Jet& x, const T& f, const T& slope) { return {f, x.v * slope}; }
  friend Jet abs(const Jet& x) { return x.a < T(0) ? -x : x; }
  friend Jet sqrt(const Jet& x) {
    using std::sqrt;
    const T root = sqrt(x.a);
    return chain(x, root, T(0.5) / root);
  }
  friend Jet exp(const Jet& x) {
    using std::exp;
    const T e = exp(x.a);
    return chain(x, e, e);
  }
  friend Jet log(const Jet& x) {
    using std::log;
    return chain(x, log(x.a), T(1) / x.a);
  }
  friend Jet sin(const Jet& x) {
    using std::cos, std::sin;
    return chain(x, sin(x.a), cos(x.a));
  }
  friend Jet cos(const Jet& x) {
    using std::cos, std::sin;
    return chain(x, cos(x.a), -sin(x.a));
  }
  friend Jet tan(const Jet& x) {
    using std::tan;
    const T t = tan(x.a);
    return chain(x, t, T(1) + t * t);
  }
  friend Jet asin(const Jet& x) {
    using std::asin, std::sqrt;
    return chain(x, asin(x.a), T(1) / sqrt(T(1) - x.a * x.a));
  }
  friend Jet acos(const Jet& x) {
    using std::acos, std::sqrt;
    return chain(x, acos(x.a), T(-1) / sqrt(T(1) - x.a * x.a));
  }
  friend Jet atan2(const Jet& y, const Jet& x) {
    using std::atan2;
    const T inverse = T(1) / (x.a * x.a + y.a * y.a);
    return {atan2(y.a, x.a), (y.v * x.a - x.v * y.a) * inverse};
  }
  friend Jet floor(const Jet& x) {
    using std::floor;
    return Jet(floor(x.a));
  }
  friend bool isfinite(const Jet& x) {
    using std::isfinite;
    return isfinite(x.a) && x.v.isFinite().all();
  }
};

}  // namespace pipit

namespace Eigen {

template <class T, int N>
struct NumTraits<pipit::Jet<T, N>> : NumTraits<T> {
  using Real = pipit::Jet<T, N>;
  using NonInteger = pipit::Jet<T, N>;
  using Nested = pipit::Jet<T, N>;
  enum {
    IsComplex = 0,
    IsInteger = 0,
    IsSigned = 1,
    RequireInitialization = 1,
    ReadCost = N,
    AddCost = N,
    MulCost = 3 * N
  };
};

template <class BinaryOp, class T, int N>
struct ScalarBinaryOpTraits<pipit::Jet<T, N>, T, BinaryOp> {
  using ReturnType = pipit::Jet<T, N>;
};
template <class BinaryOp, class T, int N>
struct ScalarBinaryOpTraits<T, pipit::Jet<T, N>, BinaryOp> {
  using ReturnType = pipit::Jet<T, N>;
};

}  // namespace Eigen
