#include "sparse/factor.h"

#include <cmath>

#include "bits/panel.h"
#include "bits/panel_ref.h"
#include "bits/scaling.h"

namespace pipit {
namespace {

// y = S x (lower triangular), or S^T x.
template <class N, class V>
void scale_forward(const float* S, int B, const V* x, N* y) {
  for (int r = 0; r < B; ++r) {
    N sum(0);
    for (int c = 0; c <= r; ++c) sum = mul_add(N(S[c * B + r]), N(x[c]), sum);
    y[r] = sum;
  }
}
template <class N>
void scale_backward(const float* S, int B, const N* x, N* y) {
  for (int c = 0; c < B; ++c) {
    N sum(0);
    for (int r = c; r < B; ++r) sum = mul_add(N(S[c * B + r]), x[r], sum);
    y[c] = sum;
  }
}

// L y = b and L^T x = y; y holds b, then y, then x (order of the layout). forward and backward work on one panel.
template <class N, class S, class Forward, class Backward>
void sweep(const Factor<S>& factor, N* y, const Forward& forward, const Backward& backward) {
  const PanelLayout& layout = factor.layout();
  const std::ptrdiff_t B = factor.B();
  int longest = 0;
  for (int s = 0; s < layout.num_panels(); ++s) longest = std::max(longest, layout.below(s));
  std::vector<N> below(static_cast<std::size_t>(longest) * B);
  const auto rows = [&](int s) { return layout.rows.data() + layout.row_begin[s]; };
  const auto gather = [&](int s) {
    for (int k = 0; k < layout.below(s); ++k) std::copy_n(y + rows(s)[k] * B, B, below.data() + k * B);
  };
  for (int s = 0; s < layout.num_panels(); ++s) {
    const FrontShape shape = factor.shape(s);
    gather(s);
    forward(factor.panel(s), shape.m, shape.w, factor.ld(s), y + layout.first[s] * B, below.data());
    for (int k = 0; k < layout.below(s); ++k) std::copy_n(below.data() + k * B, B, y + rows(s)[k] * B);
  }
  for (int s = layout.num_panels() - 1; s >= 0; --s) {
    const FrontShape shape = factor.shape(s);
    gather(s);
    backward(factor.panel(s), shape.m, shape.w, factor.ld(s), y + layout.first[s] * B, below.data());
  }
}

}  // namespace

template <class S>
Factor<S>::Factor(std::shared_ptr<const PanelLayout> layout, int B) : layout_(std::move(layout)), B_(B) {
  begin_.assign(1, 0);
  for (int s = 0; s < layout_->num_panels(); ++s)
    begin_.push_back(begin_.back() + static_cast<std::int64_t>(ld(s)) * shape(s).w);
  values_.resize(begin_.back());
}

template <class S>
template <class T>
void Factor<S>::store(int s, const T* panel, FrontShape shape, RangeCounters* counters) {
  S* to = values_.data() + begin_[s];
  for (int c = 0; c < shape.w; ++c) {
    const T* from = panel + static_cast<std::ptrdiff_t>(c) * shape.ld();
    S* column = to + static_cast<std::ptrdiff_t>(c) * ld(s);
    std::fill_n(column, c, S{});
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      convert<T, S>(std::span<const T>(from + c, shape.m - c), std::span<S>(column + c, shape.m - c), counters);
    } else {
      for (int r = c; r < shape.m; ++r) {
        const float value = static_cast<float>(from[r]);
        convert<float, S>(std::span<const float>(&value, 1), std::span<S>(column + r, 1), counters);
      }
    }
  }
}

template <class S>
template <class V>
void Factor<S>::solve(std::span<const V> r, std::span<V> z, FactorScratch& scratch) const {
  expects(r.size() == static_cast<std::size_t>(size()) && z.size() == r.size(), "Factor::solve: wrong length");
  auto& work = [&]() -> AlignedVector<Vector>& {
    if constexpr (std::is_same_v<Vector, float>)
      return scratch.single;
    else
      return scratch.twice;
  }();
  if (work.size() < r.size()) work.resize(r.size());
  double largest = 0;
  for (const V x : r) largest = std::max(largest, std::fabs(static_cast<double>(x)));
  const double down = largest > 0 && std::isfinite(largest) ? std::ldexp(1.0, -std::ilogb(largest)) : 1.0;
  const auto& permutation = layout_->permutation;
  std::vector<Vector> block(B_);
  for (int k = 0; k < layout_->n; ++k) {
    const int old = permutation[k];
    for (int c = 0; c < B_; ++c) block[c] = static_cast<Vector>(r[static_cast<std::size_t>(old) * B_ + c] * down);
    Vector* y = work.data() + static_cast<std::ptrdiff_t>(k) * B_;
    if (scaling_.on())
      scale_forward(scaling_.block(old), B_, block.data(), y);
    else
      std::copy(block.begin(), block.end(), y);
  }
  sweep(*this, work.data(), panel_forward<S>, panel_backward<S>);
  for (int k = 0; k < layout_->n; ++k) {
    const int old = permutation[k];
    const Vector* y = work.data() + static_cast<std::ptrdiff_t>(k) * B_;
    if (scaling_.on())
      scale_backward(scaling_.block(old), B_, y, block.data());
    else
      std::copy(y, y + B_, block.begin());
    for (int c = 0; c < B_; ++c) z[static_cast<std::size_t>(old) * B_ + c] = static_cast<V>(block[c] / down);
  }
}

template <class N, class S>
void solve_in(const Factor<S>& factor, std::span<const N> r, std::span<N> z) {
  expects(r.size() == static_cast<std::size_t>(factor.size()) && z.size() == r.size(), "solve_in: wrong length");
  const int B = factor.B();
  const auto& permutation = factor.layout().permutation;
  std::vector<N> y(r.size()), block(B);
  for (int k = 0; k < factor.layout().n; ++k) {
    const N* from = r.data() + static_cast<std::ptrdiff_t>(permutation[k]) * B;
    if (factor.scaling().on())
      scale_forward(factor.scaling().block(permutation[k]), B, from, y.data() + static_cast<std::ptrdiff_t>(k) * B);
    else
      std::copy(from, from + B, y.begin() + static_cast<std::ptrdiff_t>(k) * B);
  }
  sweep(factor, y.data(), panel_forward_ref<N, S>, panel_backward_ref<N, S>);
  for (int k = 0; k < factor.layout().n; ++k) {
    N* to = z.data() + static_cast<std::ptrdiff_t>(permutation[k]) * B;
    if (factor.scaling().on())
      scale_backward(factor.scaling().block(permutation[k]), B, y.data() + static_cast<std::ptrdiff_t>(k) * B, to);
    else
      std::copy_n(y.begin() + static_cast<std::ptrdiff_t>(k) * B, B, to);
  }
}

#define PIPIT_INSTANTIATE(S)                                                                        \
  template class Factor<S>;                                                                         \
  template void Factor<S>::store(int, const float*, FrontShape, RangeCounters*);                    \
  template void Factor<S>::store(int, const double*, FrontShape, RangeCounters*);                   \
  template void Factor<S>::store(int, const SeparateHalf*, FrontShape, RangeCounters*);             \
  template void Factor<S>::store(int, const FusedHalf*, FrontShape, RangeCounters*);                \
  template void Factor<S>::solve(std::span<const float>, std::span<float>, FactorScratch&) const;   \
  template void Factor<S>::solve(std::span<const double>, std::span<double>, FactorScratch&) const; \
  template void solve_in(const Factor<S>&, std::span<const SeparateHalf>, std::span<SeparateHalf>); \
  template void solve_in(const Factor<S>&, std::span<const FusedHalf>, std::span<FusedHalf>);
PIPIT_INSTANTIATE(half)
PIPIT_INSTANTIATE(bfloat16)
PIPIT_INSTANTIATE(float)
PIPIT_INSTANTIATE(double)
#undef PIPIT_INSTANTIATE

}  // namespace pipit
