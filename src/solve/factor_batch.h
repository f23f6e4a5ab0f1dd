// solve/factor_batch.h — all factors of one type in one contiguous batch, evaluated without a virtual call per factor.
// Legend: E factors, K variables each, R residual rows, B width of a block column (the largest tangent dimension), r
// residual in standard deviations (whitened by the factor), J = dr/dd at x (+) d, d = 0.
//
// A factor is a struct with
//   static constexpr int kDim = R;
//   using Variables = std::tuple<SE2<double>, Point2<double>>;                       // K manifolds
//   template <class T> Eigen::Matrix<T, kDim, 1> operator()(const SE2<T>&, const Point2<T>&) const;   // r, whitened
// and, if it likes:
//   static constexpr bool kTranslationInvariant = true;   // r unchanged when all positions move by one vector: then
//   fp32
//                                                         // residuals are computed relative to the first variable
//   template <class T> void linearise(const SE2<T>&, const Point2<T>&, Matrix<T,R,1>& r, Matrix<T,R,3>& J0,
//   Matrix<T,R,2>& J1) const;
// Without linearise, J comes from automatic differentiation (jet.h): exact, about 5 to 10 times slower.
#pragma once
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "bits/gram.h"
#include "solve/jet.h"
#include "solve/robust.h"
#include "solve/variable.h"

namespace pipit {

/// A batch, seen without its factor type. Virtual calls are per range of factors, never per factor.
class FactorBatchBase {
 public:
  virtual ~FactorBatchBase() = default;
  virtual int size() const = 0;
  virtual int residual_dim() const = 0;
  virtual int arity() const = 0;
  /// ids [E,K]: block column of each variable, -1 where fixed.
  virtual void block_columns(std::span<std::int32_t> ids) const = 0;
  /// r [E,R]; writes only the range. Format: see Precision::residual.
  virtual void residuals(Format format, Range range, std::span<double> r) const = 0;
  /// How J is to be computed and laid out: [E,K] blocks of R x B, columns beyond a variable's own dimension zero.
  struct JacobianForm {
    Format residual, jacobian;
    int width;  ///< B
    BlockOrder order;
  };
  /// r [E,R] as above, and J; writes only the range.
  virtual void linearise(const JacobianForm& form, Range range, std::span<double> r, std::span<float> J) const = 0;
  virtual void linearise(const JacobianForm& form, Range range, std::span<double> r, std::span<double> J) const = 0;

  RobustLoss loss;
  /// One weight in [0, 1] per factor on the squared residual, empty = all 1. Graduated non-convexity sets it.
  std::vector<double> weights;
};

namespace detail {

template <class M>
concept HasPosition = requires(const M m) {
  m.t.size();
}
|| (requires(const M m) { m.v.size(); } && M::kDim <= 3);

template <HasPosition M>
auto& position(M& x) {
  if constexpr (requires { x.t; })
    return x.t;
  else
    return x.v;
}

template <class F>
constexpr bool translation_invariant() {
  if constexpr (requires { F::kTranslationInvariant; })
    return F::kTranslationInvariant;
  else
    return false;
}

template <class Tuple>
struct FactorTypes;
template <class... M>
struct FactorTypes<std::tuple<M...>> {
  static constexpr int kArity = sizeof...(M);
  static constexpr int kTotalDim = (M::kDim + ...);
  using Sets = std::tuple<VariableSet<M>*...>;
  using Vars = std::tuple<Var<M>...>;
  template <class T>
  using Over = std::tuple<typename M::template Rebind<T>...>;
};

}  // namespace detail

template <class F>
concept Factor = requires {
  { F::kDim } -> std::convertible_to<int>;
  typename F::Variables;
};

/// A factor may bring a faster way for many at once: F::Lanes keeps what add() is given, and computes what the factor
/// itself defines, in fp64 and fp32, for variables that are all of one type (graph/between_lanes.h).
template <class F>
concept HasLanes = Factor<F> && requires {
  typename F::Lanes;
};

namespace detail {
struct NoLanes {};
template <class F>
struct LanesOf {
  using Type = NoLanes;
};
template <HasLanes F>
struct LanesOf<F> {
  using Type = typename F::Lanes;
};
}  // namespace detail

template <Factor F>
class FactorBatch final : public FactorBatchBase {
 public:
  static constexpr int R = F::kDim;
  using Types = detail::FactorTypes<typename F::Variables>;
  static constexpr int K = Types::kArity;
  using Sets = typename Types::Sets;
  static constexpr auto kSlots = std::make_index_sequence<K>{};

  explicit FactorBatch(Sets sets) : sets_(sets) {}

  /// Cost: one copy. Needs: each variable exists.
  template <class... M>
  void add(const F& factor, Var<M>... vars) {
    static_assert(std::is_same_v<std::tuple<Var<M>...>, typename Types::Vars>, "the factor wants other variables");
    factors_.push_back(factor);
    places_.push_back({vars.index...});
    if constexpr (HasLanes<F>) factor.add_to(lanes_);
    check_last(kSlots);
  }
  void reserve(std::size_t n) {
    factors_.reserve(n);
    places_.reserve(n);
    if constexpr (HasLanes<F>) lanes_.reserve(n);
  }
  std::span<const F> factors() const { return factors_; }

  int size() const override { return static_cast<int>(factors_.size()); }
  int residual_dim() const override { return R; }
  int arity() const override { return K; }

  void block_columns(std::span<std::int32_t> ids) const override {
    for (std::size_t e = 0; e < factors_.size(); ++e) fill_columns(e, ids.subspan(e * K, K), kSlots);
  }

  void residuals(Format format, Range range, std::span<double> r) const override {
    if constexpr (HasLanes<F>) {
      if (format == Format::Double || format == Format::Single)
        return lanes_.residuals(format, range, std::get<0>(sets_)->values.data(), places_.data(), r.data());
    }
    for (std::size_t e = range.begin; e < range.end; ++e) one_residual(format, e, r.data() + e * R);
  }
  void linearise(const JacobianForm& form, Range range, std::span<double> r, std::span<float> J) const override {
    linearise_range(form, range, r, J);
  }
  void linearise(const JacobianForm& form, Range range, std::span<double> r, std::span<double> J) const override {
    linearise_range(form, range, r, J);
  }

 private:
  template <class T>
  using Residual = Eigen::Matrix<T, R, 1>;
  template <class T, std::size_t k>
  using Block = Eigen::Matrix<T, R, std::tuple_element_t<k, typename F::Variables>::kDim>;

  template <std::size_t... k>
  void check_last(std::index_sequence<k...>) const {
    (expects(places_.back()[k] >= 0 && places_.back()[k] < std::get<k>(sets_)->size(), "add: no such variable"), ...);
  }
  template <std::size_t... k>
  void fill_columns(std::size_t e, std::span<std::int32_t> ids, std::index_sequence<k...>) const {
    ((ids[k] = std::get<k>(sets_)->block[static_cast<std::size_t>(places_[e][k])]), ...);
  }

  // The factor's variables in scalar T; relative to the first one's position where that changes nothing but rounding.
  template <class T, std::size_t... k>
  typename Types::template Over<T> load(std::size_t e, bool to_half, std::index_sequence<k...>) const {
    auto x = std::make_tuple(std::get<k>(sets_)->values[static_cast<std::size_t>(places_[e][k])]...);
    if constexpr (!std::is_same_v<T, double> && detail::translation_invariant<F>()) {
      const auto origin = detail::position(std::get<0>(x)).eval();
      ((detail::position(std::get<k>(x)) -= origin), ...);
    }
    if (to_half) (round_to(Format::Half, std::get<k>(x)), ...);
    return {std::get<k>(x).template cast<T>()...};
  }

  template <class T>
  Residual<T> evaluate(std::size_t e, bool to_half) const {
    return std::apply([&](const auto&... x) { return factors_[e](x...); }, load<T>(e, to_half, kSlots));
  }

  void one_residual(Format format, std::size_t e, double* r) const {
    Eigen::Map<Residual<double>> out(r);
    if (format == Format::Double) {
      out = evaluate<double>(e, false);
    } else {
      out = evaluate<float>(e, format == Format::Half).template cast<double>();
      if (format == Format::Half)
        for (int i = 0; i < R; ++i) out[i] = to_float(to_half(out[i]));
    }
  }

  template <class T>
  void linearise_range(const JacobianForm& form, Range range, std::span<double> r, std::span<T> J) const {
    const Format rf = form.residual, jf = form.jacobian;
    if constexpr (HasLanes<F>) {
      const auto whole = [](Format f) { return f == Format::Double || f == Format::Single; };
      if (whole(rf) && whole(jf) && form.width == R) {
        lanes_.linearise(jf, form.order, range, std::get<0>(sets_)->values.data(), places_.data(), r.data(), J.data());
        if (rf != jf) residuals(rf, range, r);
        return;
      }
    }
    const std::size_t block = static_cast<std::size_t>(R) * static_cast<std::size_t>(form.width);
    for (std::size_t e = range.begin; e < range.end; ++e) {
      T* blocks = J.data() + e * K * block;
      Eigen::Map<Residual<double>> residual(r.data() + e * R);
      std::fill(blocks, blocks + K * block, T(0));
      if (jf == Format::Double)
        residual = one_jacobian<double>(e, false, form, blocks, kSlots);
      else
        residual = one_jacobian<float>(e, jf == Format::Half, form, blocks, kSlots).template cast<double>();
      if (jf == Format::Half)
        for (std::size_t i = 0; i < K * block; ++i) blocks[i] = to_float(to_half(blocks[i]));
      if (rf != jf || rf == Format::Half) one_residual(rf, e, residual.data());
    }
  }

  // Computes in C, stores in T; returns the residual that came with it.
  template <class C, class T, std::size_t... k>
  Residual<C> one_jacobian(
      std::size_t e, bool to_half, const JacobianForm& form, T* blocks, std::index_sequence<k...>) const {
    Residual<C> r;
    const auto x = load<C>(e, to_half, kSlots);
    std::tuple<Block<C, k>...> J;
    if constexpr (requires { factors_[e].linearise(std::get<k>(x)..., r, std::get<k>(J)...); }) {
      factors_[e].linearise(std::get<k>(x)..., r, std::get<k>(J)...);
    } else {
      using Dual = Jet<C, Types::kTotalDim>;
      int first[K] = {Block<C, k>::ColsAtCompileTime...};
      for (int s = 0, sum = 0; s < K; ++s) sum += std::exchange(first[s], sum);
      const Eigen::Matrix<Dual, R, 1> dual = factors_[e](seeded<Dual>(std::get<k>(x), first[k])...);
      for (int i = 0; i < R; ++i) {
        r[i] = dual[i].a;
        ((std::get<k>(J).row(i) =
              dual[i].v.template segment<Block<C, k>::ColsAtCompileTime>(first[k]).matrix().transpose()),
         ...);
      }
    }
    const std::size_t block = static_cast<std::size_t>(R) * static_cast<std::size_t>(form.width);
    const auto put = [&](T* to, const auto& from) {
      for (int row = 0; row < R; ++row)
        for (int col = 0; col < static_cast<int>(from.cols()); ++col)
          to[form.order == BlockOrder::Columns ? col * R + row : row * form.width + col] =
              static_cast<T>(from(row, col));
    };
    (put(blocks + k * block, std::get<k>(J)), ...);
    return r;
  }

  // x (+) d with d = 0 and dd/dd = identity from direction `first` on
  template <class Dual, class M>
  static typename M::template Rebind<Dual> seeded(const M& x, int first) {
    Eigen::Matrix<Dual, M::kDim, 1> d;
    for (int i = 0; i < M::kDim; ++i) d[i] = Dual::variable(0, first + i);
    return x.template cast<Dual>().retract(d);
  }

  Sets sets_;
  std::vector<F> factors_;
  std::vector<std::array<std::int32_t, K>> places_;
  [[no_unique_address]] typename detail::LanesOf<F>::Type lanes_;
};

}  // namespace pipit
