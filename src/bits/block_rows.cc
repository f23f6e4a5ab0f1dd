#include "bits/block_rows.h"

#include <algorithm>

#include "base/contract.h"
#include "bits/block_rows_ref.h"
#include "bits/convert.h"
#include "bits/scaling.h"
#include "bits/vector_ops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bits/block_rows.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "bits/block_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

/// y = scale * (J p). Needs num_rows >= 1.
template <Accumulate A, int R, int B, class T, class V>
HWY_INLINE void times_rows(const BlockRows<T>& J, const V* p, V scale, V* y) {
  using Lanes = ColumnLanes<R, V>;
  const std::ptrdiff_t num_blocks = static_cast<std::ptrdiff_t>(J.num_rows) * J.K;
  T last_block[R * B + Lanes::kPadded] = {};  // nothing lies behind the last block: a padded copy
  if (J.cols[num_blocks - 1] >= 0) std::copy_n(J.values + (num_blocks - 1) * R * B, R * B, last_block);
  std::ptrdiff_t block = 0;
  for (std::ptrdiff_t e = 0; e < J.num_rows; ++e) {
    typename Lanes::Sum sum;
    sum.clear();
    for (int k = 0; k < J.K; ++k, ++block) {
      if (J.cols[block] < 0) continue;
      const T* values = block == num_blocks - 1 ? last_block : J.values + block * R * B;
      const V* x = p + static_cast<std::ptrdiff_t>(J.cols[block]) * B;
      for (int b = 0; b < B; ++b) sum.template add_scaled<A>(values + b * R, x[b]);
    }
    if constexpr (std::is_same_v<T, half>) sum.scale(scale);
    V row[Lanes::kPadded];
    sum.store(row);
    for (int r = 0; r < R; ++r) y[e * R + r] = row[r];
  }
}

/// s = scale * (J^T q) for block columns [begin, end).
template <Accumulate A, int R, int B, class T, class V>
HWY_INLINE void times_columns(const BlockRows<T>& J,
                              const BlockIncidence& incidence,
                              const V* q,
                              V scale,
                              V* s,
                              std::int32_t begin,
                              std::int32_t end) {
  using Lanes = ColumnLanes<R, V>;
  using Number =
      std::conditional_t<A == Accumulate::Single, V, HalfNumber<A == Accumulate::Single ? Accumulate::HalfFused : A>>;
  const std::ptrdiff_t num_blocks = static_cast<std::ptrdiff_t>(J.num_rows) * J.K;
  T last_block[R * B + Lanes::kPadded] = {};
  V last_q[R + Lanes::kPadded] = {};
  if (num_blocks > 0) {
    if (J.cols[num_blocks - 1] >= 0) std::copy_n(J.values + (num_blocks - 1) * R * B, R * B, last_block);
    std::copy_n(q + static_cast<std::ptrdiff_t>(J.num_rows - 1) * R, R, last_q);
  }
  for (std::int32_t j = begin; j < end; ++j) {
    typename Lanes::Sum sum[B];
    for (int b = 0; b < B; ++b) sum[b].clear();
    for (std::int32_t at = incidence.begin[j]; at < incidence.begin[j + 1]; ++at) {
      const auto [row, slot] = incidence.entries[at];
      const std::ptrdiff_t block = static_cast<std::ptrdiff_t>(row) * J.K + slot;
      const T* values = block == num_blocks - 1 ? last_block : J.values + block * R * B;
      typename Lanes::Sum x;
      x.load(row == J.num_rows - 1 ? last_q : q + static_cast<std::ptrdiff_t>(row) * R);
      for (int b = 0; b < B; ++b) sum[b].template add_product<A>(values + b * R, x);
    }
    for (int b = 0; b < B; ++b) {
      V part[Lanes::kPadded];
      sum[b].store(part);
      Number total(part[0]);
      for (int r = 1; r < R; ++r) total += Number(part[r]);
      s[static_cast<std::ptrdiff_t>(j) * B + b] = static_cast<V>(total) * scale;
    }
  }
}

/// Block sizes without a kernel of their own: the definition itself, with vectors in the arithmetic N.
template <class N, class T, class V>
void times_any(const BlockRows<T>& J, const V* p, V scale, V* y) {
  std::int32_t last = -1;
  const std::ptrdiff_t num_blocks = static_cast<std::ptrdiff_t>(J.num_rows) * J.K;
  for (std::ptrdiff_t i = 0; i < num_blocks; ++i) last = std::max(last, J.cols[i]);
  std::vector<N> in, out(static_cast<std::size_t>(J.num_rows) * static_cast<std::size_t>(J.R));
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(last + 1) * J.B; ++i) in.push_back(N(p[i]));
  jacobian_times_ref(J, in.data(), out.data());
  for (std::size_t i = 0; i < out.size(); ++i) y[i] = static_cast<V>(out[i]) * scale;
}
template <class N, class T, class V>
void transposed_any(const BlockRows<T>& J,
                    const BlockIncidence& incidence,
                    const V* q,
                    V scale,
                    V* s,
                    std::int32_t begin,
                    std::int32_t end) {
  std::vector<N> in, out(static_cast<std::size_t>(end) * static_cast<std::size_t>(J.B));
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(J.num_rows) * J.R; ++i) in.push_back(N(q[i]));
  jacobian_transpose_times_ref(J, incidence, in.data(), out.data(), begin, end);
  for (std::size_t i = static_cast<std::size_t>(begin) * J.B; i < out.size(); ++i)
    s[i] = static_cast<V>(out[i]) * scale;
}

template <class V, Accumulate A>
struct NumberOf {
  using Type = HalfNumber<A>;
};
template <class V>
struct NumberOf<V, Accumulate::Single> {
  using Type = V;
};

template <Accumulate A, class T, class V>
HWY_INLINE void times_sized(const BlockRows<T>& J, const V* p, V scale, V* y) {
#if HWY_TARGET != HWY_SCALAR  // with one lane the definition is as good
  if (J.R == 6 && J.B == 6) return times_rows<A, 6, 6>(J, p, scale, y);
  if (J.R == 3 && J.B == 3) return times_rows<A, 3, 3>(J, p, scale, y);
  if (J.R == 2 && J.B == 3) return times_rows<A, 2, 3>(J, p, scale, y);
#endif
  times_any<typename NumberOf<V, A>::Type>(J, p, scale, y);
}
template <Accumulate A, class T, class V>
HWY_INLINE void transposed_sized(const BlockRows<T>& J,
                                 const BlockIncidence& incidence,
                                 const V* q,
                                 V scale,
                                 V* s,
                                 std::int32_t begin,
                                 std::int32_t end) {
#if HWY_TARGET != HWY_SCALAR
  if (J.R == 6 && J.B == 6) return times_columns<A, 6, 6>(J, incidence, q, scale, s, begin, end);
  if (J.R == 3 && J.B == 3) return times_columns<A, 3, 3>(J, incidence, q, scale, s, begin, end);
  if (J.R == 2 && J.B == 3) return times_columns<A, 2, 3>(J, incidence, q, scale, s, begin, end);
#endif
  transposed_any<typename NumberOf<V, A>::Type>(J, incidence, q, scale, s, begin, end);
}

void times_float(const BlockRows<float>& J, const float* p, float* y) {
  times_sized<Accumulate::Single>(J, p, 1.0f, y);
}
void times_double(const BlockRows<double>& J, const double* p, double* y) {
  times_sized<Accumulate::Single>(J, p, 1.0, y);
}
void times_half(const BlockRows<half>& J, const float* p, float scale, float* y, Accumulate accumulate) {
  switch (accumulate) {
    case Accumulate::Single:
      return times_sized<Accumulate::Single>(J, p, scale, y);
    case Accumulate::HalfSeparate:
      return times_sized<Accumulate::HalfSeparate>(J, p, scale, y);
    case Accumulate::HalfFused:
      return times_sized<Accumulate::HalfFused>(J, p, scale, y);
  }
}
void transposed_float(const BlockRows<float>& J,
                      const BlockIncidence& incidence,
                      const float* q,
                      float* s,
                      std::int32_t begin,
                      std::int32_t end) {
  transposed_sized<Accumulate::Single>(J, incidence, q, 1.0f, s, begin, end);
}
void transposed_double(const BlockRows<double>& J,
                       const BlockIncidence& incidence,
                       const double* q,
                       double* s,
                       std::int32_t begin,
                       std::int32_t end) {
  transposed_sized<Accumulate::Single>(J, incidence, q, 1.0, s, begin, end);
}
void transposed_half(const BlockRows<half>& J,
                     const BlockIncidence& incidence,
                     const float* q,
                     float scale,
                     float* s,
                     Accumulate accumulate,
                     std::int32_t begin,
                     std::int32_t end) {
  switch (accumulate) {
    case Accumulate::Single:
      return transposed_sized<Accumulate::Single>(J, incidence, q, scale, s, begin, end);
    case Accumulate::HalfSeparate:
      return transposed_sized<Accumulate::HalfSeparate>(J, incidence, q, scale, s, begin, end);
    case Accumulate::HalfFused:
      return transposed_sized<Accumulate::HalfFused>(J, incidence, q, scale, s, begin, end);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(times_float);
HWY_EXPORT(times_double);
HWY_EXPORT(times_half);
HWY_EXPORT(transposed_float);
HWY_EXPORT(transposed_double);
HWY_EXPORT(transposed_half);

template <class T>
void check_times(const BlockRows<T>& J, std::size_t p_size, std::size_t y_size) {
  expects(J.num_rows >= 0 && J.R >= 1 && J.K >= 1 && J.B >= 1, "jacobian_times: bad shape");
  expects(p_size % static_cast<std::size_t>(J.B) == 0, "jacobian_times: p is not whole blocks");
  expects(y_size == static_cast<std::size_t>(J.num_rows) * static_cast<std::size_t>(J.R),
          "jacobian_times: y is not E * R long");
}
template <class T>
void check_transposed(
    const BlockRows<T>& J, const BlockIncidence& incidence, std::size_t q_size, std::size_t s_size, ColumnRange range) {
  expects(J.num_rows >= 0 && J.R >= 1 && J.K >= 1 && J.B >= 1, "jacobian_transpose_times: bad shape");
  expects(q_size == static_cast<std::size_t>(J.num_rows) * static_cast<std::size_t>(J.R),
          "jacobian_transpose_times: q is not E * R long");
  expects(!incidence.begin.empty() && s_size == (incidence.begin.size() - 1) * static_cast<std::size_t>(J.B),
          "jacobian_transpose_times: s is not n * B long");
  expects(0 <= range.begin && range.begin <= range.end && static_cast<std::size_t>(range.end) < incidence.begin.size(),
          "jacobian_transpose_times: columns out of range");
}

}  // namespace

BlockIncidence incidence_of(std::span<const std::int32_t> cols, int K, int num_cols) {
  expects(K >= 1 && cols.size() % static_cast<std::size_t>(K) == 0, "incidence_of: cols is not E * K long");
  expects(num_cols >= 0, "incidence_of: num_cols is negative");
  BlockIncidence incidence;
  incidence.begin.assign(static_cast<std::size_t>(num_cols) + 2, 0);  // one behind while filling
  for (const std::int32_t col : cols) {
    expects(col < num_cols, "incidence_of: column out of range");
    if (col >= 0) ++incidence.begin[col + 2];
  }
  for (int j = 0; j < num_cols; ++j) incidence.begin[j + 2] += incidence.begin[j + 1];
  incidence.entries.resize(static_cast<std::size_t>(incidence.begin.back()));
  for (std::size_t i = 0; i < cols.size(); ++i)
    if (cols[i] >= 0)
      incidence.entries[incidence.begin[cols[i] + 1]++] = {static_cast<std::int32_t>(i / K),
                                                           static_cast<std::int32_t>(i % K)};
  incidence.begin.pop_back();
  return incidence;
}

void HalfOperand::assign(std::span<const float> x, RangeCounters* counters) {
  scale = vector_scale(max_abs(x));
  values.assign(x.begin(), x.end());
  pipit::scale(1 / scale, values);  // a power of two: exact unless the quotient is subnormal, far below half's range
  rounded_.resize(x.size());
  convert<float, half>(values, rounded_, counters);
  convert<half, float>(rounded_, values);
}

void jacobian_times(const BlockRows<float>& J, std::span<const float> p, std::span<float> y) {
  check_times(J, p.size(), y.size());
  if (J.num_rows > 0) HWY_DYNAMIC_DISPATCH(times_float)(J, p.data(), y.data());
}
void jacobian_times(const BlockRows<double>& J, std::span<const double> p, std::span<double> y) {
  check_times(J, p.size(), y.size());
  if (J.num_rows > 0) HWY_DYNAMIC_DISPATCH(times_double)(J, p.data(), y.data());
}
void jacobian_times(const BlockRows<half>& J, const HalfOperand& p, std::span<float> y, Accumulate accumulate) {
  check_times(J, p.values.size(), y.size());
  if (J.num_rows > 0) HWY_DYNAMIC_DISPATCH(times_half)(J, p.values.data(), p.scale, y.data(), accumulate);
}
void jacobian_transpose_times(const BlockRows<float>& J,
                              const BlockIncidence& incidence,
                              std::span<const float> q,
                              std::span<float> s,
                              ColumnRange range) {
  check_transposed(J, incidence, q.size(), s.size(), range);
  HWY_DYNAMIC_DISPATCH(transposed_float)(J, incidence, q.data(), s.data(), range.begin, range.end);
}
void jacobian_transpose_times(const BlockRows<double>& J,
                              const BlockIncidence& incidence,
                              std::span<const double> q,
                              std::span<double> s,
                              ColumnRange range) {
  check_transposed(J, incidence, q.size(), s.size(), range);
  HWY_DYNAMIC_DISPATCH(transposed_double)(J, incidence, q.data(), s.data(), range.begin, range.end);
}
void jacobian_transpose_times(const BlockRows<half>& J,
                              const BlockIncidence& incidence,
                              const HalfOperand& q,
                              std::span<float> s,
                              Accumulate accumulate,
                              ColumnRange range) {
  check_transposed(J, incidence, q.values.size(), s.size(), range);
  HWY_DYNAMIC_DISPATCH(transposed_half)
  (J, incidence, q.values.data(), q.scale, s.data(), accumulate, range.begin, range.end);
}

}  // namespace pipit
#endif
