#include "factor/triangular_factor.h"

#include <algorithm>

#include "bits/panel.h"
#include "bits/panel_ref.h"
#include "bits/scaling.h"
#include "bits/vector_ops.h"

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
void sweep(const TriangularFactor<S>& factor, N* y, const Forward& forward, const Backward& backward) {
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

// Scalars with room for the vectors that run over their end, on a vector boundary.
constexpr std::size_t padded(std::size_t size) { return (size + 32 + 15) / 16 * 16; }

template <class V>
void fetch(const V* y, std::span<const std::int32_t> blocks, int B, V* to) {
  for (const std::int32_t block : blocks) to = std::copy_n(y + static_cast<std::ptrdiff_t>(block) * B, B, to);
}

// Inverse of the lower triangular block at L (reciprocals on its diagonal) and its transpose, K x K in two squares.
template <class T, class V>
void invert_block(const T* L, int ld, int K, V* square) {
  constexpr int kSide = kSweepGroup;
  T inverse[kSide][kSide] = {};
  for (int c = 0; c < K; ++c) {
    inverse[c][c] = L[c * ld + c];
    for (int r = c + 1; r < K; ++r) {
      T sum = 0;
      for (int k = c; k < r; ++k) sum += L[static_cast<std::ptrdiff_t>(k) * ld + r] * inverse[c][k];
      inverse[c][r] = -sum * L[static_cast<std::ptrdiff_t>(r) * ld + r];
    }
  }
  for (int c = 0; c < kSide; ++c)
    for (int r = 0; r < kSide; ++r) {
      square[c * kSide + r] = static_cast<V>(inverse[c][r]);
      square[(kSide + r) * kSide + c] = static_cast<V>(inverse[c][r]);
    }
}

}  // namespace

template <class S>
TriangularFactor<S>::TriangularFactor(std::shared_ptr<const PanelLayout> layout, int B, bool complete)
    : layout_(std::move(layout)), B_(B) {
  const PanelLayout& l = *layout_;
  begin_.assign(1, 0);
  std::size_t inverse = 0;
  for (int s = 0; s < l.num_panels(); ++s) {
    const FrontShape size = shape(s);
    // A sweep may read 16 elements past a panel; starts are aligned for vectors.
    begin_.push_back((begin_.back() + static_cast<std::int64_t>(size.m) * size.w + 16 + 15) / 16 * 16);
    inverse += inverse_size(size.w);
    longest_ = std::max(longest_, size.m);
  }
  values_.resize(begin_.back());
  inverse_.resize(inverse);
  const Vector* at = inverse_.data();
  for (int s = 0; s < l.num_panels(); ++s) {
    inverse_of_.push_back(at);
    at += inverse_size(shape(s).w);
  }
  const TreeCut cut = complete ? cut_tree(l, B) : TreeCut{};
  if (cut.tasks.size() > 1) {
    for (const auto& task : cut.tasks) add_subtree(task);
    for (const int s : cut.top) panels_.push_back(whole_panel(s));
  } else {
    for (int s = 0; s < l.num_panels(); ++s) panels_.push_back(whole_panel(s));
  }
}

template <class S>
SweepPanel<S> TriangularFactor<S>::whole_panel(int s) const {
  const FrontShape size = shape(s);
  return {
      panel(s), inverse_of_[s], layout_->rows.data() + layout_->row_begin[s], layout_->first[s] * B_, size.w, size.m};
}

template <class S>
void TriangularFactor<S>::add_subtree(std::span<const std::int32_t> panels) {
  const PanelLayout& l = *layout_;
  Subtree& tree = subtrees_.emplace_back();
  std::vector<std::int32_t> place(l.n, -1);
  for (const int s : panels)
    for (int j = l.first[s]; j < l.first[s + 1]; ++j)
      place[j] = static_cast<std::int32_t>(tree.own.size()), tree.own.push_back(j);
  for (const int s : panels)
    for (std::int64_t k = l.row_begin[s]; k < l.row_begin[s + 1]; ++k) {
      const std::int32_t i = l.rows[k];
      if (place[i] < 0) {
        place[i] = static_cast<std::int32_t>(tree.own.size() + tree.beyond.size());
        tree.beyond.push_back(i);
      }
      tree.rows.push_back(place[i]);
    }
  const std::int32_t* rows = tree.rows.data();
  for (const int s : panels) {
    SweepPanel<S> panel = whole_panel(s);
    panel.rows = rows;
    panel.first = place[l.first[s]] * B_;
    rows += l.below(s);
    tree.panels.push_back(panel);
  }
  tree.at = local_;
  local_ += padded((tree.own.size() + tree.beyond.size()) * B_) + padded(longest_);
}

template <class S>
template <class T>
void TriangularFactor<S>::store(int s, const T* panel, FrontShape shape, RangeCounters* counters) {
  S* to = values_.data() + begin_[s];
  constexpr bool kFast = std::is_same_v<T, float> || std::is_same_v<T, double>;
  const bool whole = kFast && counters == nullptr;
  if constexpr (kFast) {
    if (whole) round_panel(panel, shape.m, shape.w, shape.ld(), to);
  }
  if (!whole) {
    std::fill_n(to, static_cast<std::size_t>(shape.m) * shape.w + 16, S{});
    for (int c = 0; c < shape.w; ++c) {
      const T* from = panel + static_cast<std::ptrdiff_t>(c) * shape.ld();
      S* column = to + static_cast<std::ptrdiff_t>(c) * ld(s);
      if constexpr (kFast) {
        convert<T, S>(std::span<const T>(from + c, shape.m - c), std::span<S>(column + c, shape.m - c), counters);
      } else {
        for (int r = c; r < shape.m; ++r) {
          const float value = static_cast<float>(from[r]);
          convert<float, S>(std::span<const float>(&value, 1), std::span<S>(column + r, 1), counters);
        }
      }
    }
  }
  if constexpr (kFast) {
    Vector* square = inverse_.data() + (inverse_of_[s] - inverse_.data());
    for (int k = 0; k < shape.w; k += kSweepGroup, square += 2 * kSweepGroup * kSweepGroup)
      invert_block(panel + static_cast<std::ptrdiff_t>(k) * shape.ld() + k,
                   shape.ld(),
                   std::min(kSweepGroup, shape.w - k),
                   square);
  }
}

template <class S>
void TriangularFactor<S>::set_scaling(const BlockScaling& scaling) {
  scaling_ = scaling;
  forward_.clear(), backward_.clear();
  if (!scaling.on()) return;
  const int size = B_ * B_;
  forward_.resize(scaling.S.size()), backward_.resize(scaling.S.size());
  for (int k = 0; k < layout_->n; ++k) {
    const float* from = scaling.block(layout_->permutation[k]);
    Vector* to = forward_.data() + static_cast<std::ptrdiff_t>(k) * size;
    Vector* transposed = backward_.data() + static_cast<std::ptrdiff_t>(k) * size;
    for (int c = 0; c < B_; ++c)
      for (int r = 0; r < B_; ++r) transposed[r * B_ + c] = to[c * B_ + r] = from[c * B_ + r];
  }
}

template <class S>
std::size_t TriangularFactor<S>::bytes() const {
  return values_.size() * sizeof(S) + (inverse_.size() + forward_.size() + backward_.size()) / 2 * sizeof(Vector);
}

template <class S>
template <class V>
void TriangularFactor<S>::solve(std::span<const V> r, std::span<V> z, FactorScratch& scratch, Workers& workers) const {
  expects(r.size() == static_cast<std::size_t>(size()) && z.size() == r.size(),
          "TriangularFactor::solve: wrong length");
  if (r.empty()) return;
  auto& work = [&]() -> AlignedVector<Vector>& {
    if constexpr (std::is_same_v<Vector, float>)
      return scratch.single;
    else
      return scratch.twice;
  }();
  const std::size_t room = padded(r.size());
  if (work.size() < room + padded(longest_) + local_) work.resize(room + padded(longest_) + local_);
  Vector *y = work.data(), *t = work.data() + room, *local = t + padded(longest_);
  const auto up = static_cast<Vector>(vector_scale(static_cast<float>(max_abs(r))));
  const std::int32_t* at = layout_->permutation.data();
  if (scaling_.on()) {
    gather_scaled<Vector, V>(forward_.data(), at, layout_->n, B_, 1 / up, r.data(), y);
  } else {
    for (int k = 0; k < layout_->n; ++k)
      for (int c = 0; c < B_; ++c)
        y[static_cast<std::ptrdiff_t>(k) * B_ + c] =
            static_cast<Vector>(r[static_cast<std::size_t>(at[k]) * B_ + c] / up);
  }
  // Subtrees, what they take off their ancestors (in order of subtree), the top, and back. With one thread, too: the
  // bits must not depend on it.
  const auto vector_of = [&](const Subtree& tree) { return local + tree.at; };
  workers.run(subtrees_.size(), [&](std::size_t k) {
    const Subtree& tree = subtrees_[k];
    Vector* own = vector_of(tree);
    Vector* beyond = own + tree.own.size() * B_;
    fetch(y, tree.own, B_, own);
    std::fill_n(beyond, tree.beyond.size() * B_, Vector(0));
    sweep_forward<S>(tree.panels, B_, own, own + padded((tree.own.size() + tree.beyond.size()) * B_));
  });
  for (const Subtree& tree : subtrees_) {
    const Vector* beyond = vector_of(tree) + tree.own.size() * B_;
    for (std::size_t k = 0; k < tree.beyond.size(); ++k)
      for (int c = 0; c < B_; ++c) y[static_cast<std::ptrdiff_t>(tree.beyond[k]) * B_ + c] += beyond[k * B_ + c];
  }
  sweep_forward<S>(panels_, B_, y, t);
  sweep_backward<S>(panels_, B_, y, t);
  workers.run(subtrees_.size(), [&](std::size_t k) {
    const Subtree& tree = subtrees_[k];
    Vector* own = vector_of(tree);
    Vector* beyond = own + tree.own.size() * B_;
    fetch(y, tree.beyond, B_, beyond);
    sweep_backward<S>(tree.panels, B_, own, own + padded((tree.own.size() + tree.beyond.size()) * B_));
    for (std::size_t j = 0; j < tree.own.size(); ++j)
      std::copy_n(own + j * B_, B_, y + static_cast<std::ptrdiff_t>(tree.own[j]) * B_);
  });
  if (scaling_.on()) {
    scatter_scaled<Vector, V>(backward_.data(), at, layout_->n, B_, up, y, z.data());
  } else {
    for (int k = 0; k < layout_->n; ++k)
      for (int c = 0; c < B_; ++c)
        z[static_cast<std::size_t>(at[k]) * B_ + c] = static_cast<V>(y[static_cast<std::ptrdiff_t>(k) * B_ + c] * up);
  }
}

template <class N, class S>
void solve_in(const TriangularFactor<S>& factor, std::span<const N> r, std::span<N> z) {
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

#define PIPIT_INSTANTIATE(S)                                                                                          \
  template class TriangularFactor<S>;                                                                                 \
  template void TriangularFactor<S>::store(int, const float*, FrontShape, RangeCounters*);                            \
  template void TriangularFactor<S>::store(int, const double*, FrontShape, RangeCounters*);                           \
  template void TriangularFactor<S>::store(int, const SeparateHalf*, FrontShape, RangeCounters*);                     \
  template void TriangularFactor<S>::store(int, const FusedHalf*, FrontShape, RangeCounters*);                        \
  template void TriangularFactor<S>::solve(std::span<const float>, std::span<float>, FactorScratch&, Workers&) const; \
  template void TriangularFactor<S>::solve(std::span<const double>, std::span<double>, FactorScratch&, Workers&)      \
      const;                                                                                                          \
  template void solve_in(const TriangularFactor<S>&, std::span<const SeparateHalf>, std::span<SeparateHalf>);         \
  template void solve_in(const TriangularFactor<S>&, std::span<const FusedHalf>, std::span<FusedHalf>);
PIPIT_INSTANTIATE(half)
PIPIT_INSTANTIATE(bfloat16)
PIPIT_INSTANTIATE(float)
PIPIT_INSTANTIATE(double)
#undef PIPIT_INSTANTIATE

}  // namespace pipit
