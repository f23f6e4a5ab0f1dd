// solve/variable.h — variables on manifolds, held in fp64, one contiguous store per type.
// Legend: x (+) d retract: the point reached from x by the tangent vector d [kDim].
#pragma once
#include <Eigen/Core>
#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/contract.h"
#include "base/parallel.h"
#include "bits/format.h"
#include "bits/half.h"

namespace pipit {

/// What a type must offer to be a variable: a tangent dimension, the same type over another scalar, retract and its
/// inverse. SE2, SE3, SO2, SO3 (geom) and Euclidean (here) do.
template <class M>
concept Manifold = requires(const M m, Eigen::Matrix<double, M::kDim, 1> d) {
  typename M::template Rebind<float>;
  { m.retract(d) } -> std::convertible_to<M>;
  { m.local(m) } -> std::convertible_to<Eigen::Matrix<double, M::kDim, 1>>;
  { m.template cast<float>() } -> std::convertible_to<typename M::template Rebind<float>>;
};

/// Names one variable of type M: its place in the store of that type.
template <class M>
struct Var {
  std::int32_t index = -1;
};

/// Calls f on each number that a variable of a known shape holds (quaternion q, position t, angle theta, vector v).
template <class M, class F>
void for_each_coefficient(M& x, F&& f) {
  const auto each = [&](auto& numbers) {
    for (Eigen::Index i = 0; i < numbers.size(); ++i) f(numbers.coeffRef(i));
  };
  if constexpr (requires { x.q.coeffs(); }) each(x.q.coeffs());
  if constexpr (requires { x.t.coeffRef(0); }) each(x.t);
  if constexpr (requires { x.v.coeffRef(0); }) each(x.v);
  if constexpr (requires { x.theta += 0; }) f(x.theta);
}

/// What storing a number in a format leaves of it. Not inlined: where g++ 12 vectorises two of these conversions side
/// by side it drops the one to fp32 (seen with SE2 at -O3; `pipit pgo --precision single` is tested for it).
[[gnu::noinline]] inline double rounded(Format format, double number) {
  const float single = static_cast<float>(number);
  return format == Format::Half ? to_float(to_half(single)) : single;
}

/// Rounds every number of x to a format and back: what storing x in that format would leave.
template <class M>
void round_to(Format format, M& x) {
  if (format == Format::Double) return;
  for_each_coefficient(x, [&](auto& number) { number = rounded(format, number); });
}

/// The store behind every variable of one type, seen without its type.
class VariableSetBase {
 public:
  virtual ~VariableSetBase() = default;
  virtual int dim() const = 0;
  int size() const { return static_cast<int>(fixed_.size()); }
  bool fixed(int index) const { return fixed_[static_cast<std::size_t>(index)] != 0; }
  void fix(int index, bool on = true) {
    expects(index >= 0 && index < size(), "fix: no such variable");
    fixed_[static_cast<std::size_t>(index)] = on;
  }
  /// Block column of each variable in the linear system, -1 where fixed; filled by Problem::number_blocks.
  std::vector<std::int32_t> block;

  /// x <- x (+) dx, in fp64, then rounded to `format`. dx [n * width]: block b starts at b * width.
  virtual void retract(std::span<const double> dx, int width, Format format, Workers& workers) = 0;
  /// Keeps a copy of all values; restore brings back the copy that was saved last. Minimisers use copy 0; copy 1 is for
  /// who calls them.
  virtual void save(int copy) = 0;
  virtual void restore(int copy) = 0;

 protected:
  std::vector<char> fixed_;
};

template <Manifold M>
class VariableSet final : public VariableSetBase {
 public:
  std::vector<M> values;

  int dim() const override { return M::kDim; }
  Var<M> add(const M& value) {
    values.push_back(value);
    fixed_.push_back(0);
    return {static_cast<std::int32_t>(values.size() - 1)};
  }

  void retract(std::span<const double> dx, int width, Format format, Workers& workers) override {
    for_ranges(workers, values.size(), 512, [&](Range range) {
      for (std::size_t i = range.begin; i < range.end; ++i) {
        if (block[i] < 0) continue;
        const double* d = dx.data() + static_cast<std::ptrdiff_t>(block[i]) * width;
        values[i] = values[i].retract(Eigen::Map<const Eigen::Matrix<double, M::kDim, 1>>(d));
        round_to(format, values[i]);
      }
    });
  }
  void save(int copy) override { saved_[copy] = values; }
  void restore(int copy) override { values = saved_[copy]; }

 private:
  std::vector<M> saved_[2];
};

}  // namespace pipit
