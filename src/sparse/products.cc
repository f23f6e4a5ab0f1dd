#include "sparse/products.h"

#include <algorithm>
#include <cmath>

#include "bits/block_symmetric_ref.h"
#include "bits/convert.h"
#include "bits/scaling.h"
#include "factor/dense.h"

namespace pipit {
namespace {

template <class T>
double largest_of(std::span<const T> values) {
  double largest = 0;
  for (const T v : values) largest = std::max(largest, std::fabs(static_cast<double>(v)));
  return largest;
}

constexpr std::size_t kGrain = 2048;  // blocks or rows: below this, waking a thread costs more than it brings

}  // namespace

template <class W>
void scale_vector(const BlockScaling& scaling, std::span<const W> x, std::span<W> y) {
  if (!scaling.on()) {
    if (x.data() != y.data()) std::copy(x.begin(), x.end(), y.begin());
    return;
  }
  const int B = scaling.B, n = static_cast<int>(x.size()) / B;
  for (int i = 0; i < n; ++i) {
    const float* S = scaling.block(i);
    const W* from = x.data() + static_cast<std::ptrdiff_t>(i) * B;
    W* to = y.data() + static_cast<std::ptrdiff_t>(i) * B;
    for (int r = B - 1; r >= 0; --r) {
      W sum(0);
      for (int c = 0; c <= r; ++c) sum = mul_add(W(S[c * B + r]), from[c], sum);
      to[r] = sum;
    }
  }
}

template <class W>
void scale_vector_transposed(const BlockScaling& scaling, std::span<const W> x, std::span<W> y) {
  if (!scaling.on()) {
    if (x.data() != y.data()) std::copy(x.begin(), x.end(), y.begin());
    return;
  }
  const int B = scaling.B, n = static_cast<int>(x.size()) / B;
  for (int i = 0; i < n; ++i) {
    const float* S = scaling.block(i);
    const W* from = x.data() + static_cast<std::ptrdiff_t>(i) * B;
    W* to = y.data() + static_cast<std::ptrdiff_t>(i) * B;
    for (int c = 0; c < B; ++c) {
      W sum(0);
      for (int r = c; r < B; ++r) sum = mul_add(W(S[c * B + r]), from[r], sum);
      to[c] = sum;
    }
  }
}

// Rounds S H S^T or every J S^T to half, all with one power of two.
template <class V>
void Product<V>::load_half() {
  const BlockScaling off{B_, {}};
  const BlockScaling& S = source_.scaling != nullptr ? *source_.scaling : off;
  std::vector<std::vector<float>> values;
  if (source_.H32 != nullptr) {
    const BlockSymmetric<float>& H = *source_.H32;
    values.emplace_back(H.values().size());
    for (int j = 0; j < n_; ++j)
      for (int k = H.pattern().col_begin[j]; k < H.pattern().col_begin[j + 1]; ++k)
        scaled_block(H.block(k),
                     false,
                     S.block(H.pattern().row[k]),
                     S.block(j),
                     B_,
                     values[0].data() + static_cast<std::ptrdiff_t>(k) * B_ * B_,
                     B_);
  } else {
    for (const BlockRows<float>& J : source_.J32) {
      const std::ptrdiff_t blocks = static_cast<std::ptrdiff_t>(J.num_rows) * J.K, size = J.R * B_;
      auto& to = values.emplace_back(J.values, J.values + blocks * size);
      if (!S.on()) continue;
      for (std::ptrdiff_t b = 0; b < blocks; ++b) {
        float* block = to.data() + b * size;
        if (J.cols[b] < 0) {
          std::fill_n(block, size, 0.0F);
          continue;
        }
        const float* s = S.block(J.cols[b]);
        for (int c = B_ - 1; c >= 0; --c)
          for (int r = 0; r < J.R; ++r) {
            float sum = 0;
            for (int k = 0; k <= c; ++k) sum += block[k * J.R + r] * s[k * B_ + c];
            block[c * J.R + r] = sum;
          }
      }
    }
  }
  double largest = 0;
  for (const auto& v : values) largest = std::max(largest, largest_of<float>(v));
  // 8 bits of head-room: sums of 256 full products stay finite where they are kept in half.
  exponent_ = source_.use_range ? range_exponent(largest, 8) : 0;
  half_.resize(values.size());
  for (std::size_t b = 0; b < values.size(); ++b) {
    for (float& v : values[b]) v = std::ldexp(v, exponent_);
    half_[b].resize(values[b].size());
    convert<float, half>(values[b], half_[b], source_.counters);
  }
}

template <class V>
void Product<V>::load(const ProductSource& source, int n, int B) {
  source_ = source;
  n_ = n, B_ = B;
  const std::size_t size = static_cast<std::size_t>(n) * B;
  const BlockPattern* pattern = source.H64 != nullptr   ? &source.H64->pattern()
                                : source.H32 != nullptr ? &source.H32->pattern()
                                                        : nullptr;
  if (pattern != nullptr && static_cast<int>(rows_.begin.size()) != n + 1)
    rows_ = row_index_of(pattern->col_begin, pattern->row);
  if (pattern == nullptr && incidence_.empty()) {
    const auto add = [&](const auto& batches) {
      for (const auto& J : batches)
        incidence_.push_back(incidence_of({J.cols, static_cast<std::size_t>(J.num_rows) * J.K}, J.K, n));
    };
    add(source.J32), add(source.J64);
  }
  single_p_.resize(size), single_q_.resize(size);
  if (source.H64 != nullptr || !source.J64.empty()) double_p_.resize(size), double_q_.resize(size);
  if (format_ == Format::Half || kNaive) load_half();
}

// q += S D S^T p (or D p); *quadratic += p^T of that.
template <class V>
template <class W>
void Product<V>::add_damping(std::span<const W> p, std::span<W> q, double* quadratic) {
  if (source_.damping.empty()) return;
  auto& x = std::get<std::vector<W>>(damped_);
  x.assign(p.begin(), p.end());
  if (source_.scaling != nullptr) scale_vector_transposed<W>(*source_.scaling, p, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const W d = static_cast<W>(source_.damping[i]);
    if (quadratic != nullptr) *quadratic += static_cast<double>(d * x[i] * x[i]);
    x[i] = d * x[i];
  }
  if (source_.scaling != nullptr) scale_vector<W>(*source_.scaling, x, x);
  for (std::size_t i = 0; i < x.size(); ++i) q[i] += x[i];
}

template <class V>
template <class W>
double Product<V>::multiply_given(std::span<const W> p, std::span<W> q) {
  std::span<const W> x = p;
  if (source_.scaling != nullptr) {
    auto& unscaled = std::get<std::vector<W>>(unscaled_);
    unscaled.resize(p.size());
    scale_vector_transposed<W>(*source_.scaling, p, unscaled);
    x = unscaled;
  }
  double quadratic = 0;
  bool by_rows = false;
  if constexpr (std::is_same_v<W, float>) {
    if (source_.H32 != nullptr) multiply(*source_.H32, rows_, x, q, *workers_);
    by_rows = source_.H32 == nullptr;
  } else {
    if (source_.H64 != nullptr) multiply(*source_.H64, rows_, x, q, *workers_);
    by_rows = source_.H64 == nullptr;
  }
  if (by_rows) {
    std::fill(q.begin(), q.end(), W(0));
    const auto each = [&](const auto& batches) {
      for (std::size_t b = 0; b < batches.size(); ++b) {
        const auto& J = batches[b];
        std::vector<W> w(static_cast<std::size_t>(J.num_rows) * J.R), s(x.size());
        for_ranges(*workers_, J.num_rows, kGrain, [&](Range r) {
          jacobian_times(J.rows(static_cast<int>(r.begin), static_cast<int>(r.end)),
                         x,
                         std::span<W>(w).subspan(r.begin * J.R, (r.end - r.begin) * J.R));
        });
        for_ranges(*workers_, n_, kGrain, [&](Range r) {
          jacobian_transpose_times(J,
                                   incidence_[b],
                                   std::span<const W>(w),
                                   std::span<W>(s),
                                   ColumnRange{static_cast<int>(r.begin), static_cast<int>(r.end)});
        });
        quadratic += dot(std::span<const W>(w), std::span<const W>(w));
        for (std::size_t i = 0; i < s.size(); ++i) q[i] += s[i];
      }
    };
    if constexpr (std::is_same_v<W, float>)
      each(source_.J32);
    else
      each(source_.J64);
  }
  if (source_.scaling != nullptr) scale_vector<W>(*source_.scaling, q, q);
  if (!by_rows) quadratic = 0;
  add_damping<W>(p, q, &quadratic);
  return by_rows ? quadratic : dot(p, std::span<const W>(q));
}

template <class V>
double Product<V>::multiply_half(std::span<const float> p, std::span<float> q) {
  double quadratic = 0;
  const float down = std::ldexp(1.0F, -exponent_);
  if (source_.H32 != nullptr) {
    const BlockSymmetricView<half> view{
        n_, B_, source_.H32->pattern().col_begin.data(), source_.H32->pattern().row.data(), half_[0].data()};
    if (kNaive) {
      using N = std::conditional_t<kNaive, V, SeparateHalf>;
      std::vector<N> x(p.size()), y(q.size());
      std::transform(p.begin(), p.end(), x.begin(), [](float v) { return N(v); });
      symmetric_times_ref<N, half>(view, rows_, x.data(), y.data(), 0, n_);
      std::transform(y.begin(), y.end(), q.begin(), [](N v) { return static_cast<float>(v); });
    } else
      for_ranges(*workers_, n_, kGrain, [&](Range r) {
        symmetric_times(view, rows_, p, q, static_cast<int>(r.begin), static_cast<int>(r.end));
      });
    for (float& v : q) v *= down;
    add_damping<float>(p, q, nullptr);
    return dot(p, std::span<const float>(q));
  }
  std::fill(q.begin(), q.end(), 0.0F);
  std::vector<float> s(q.size());
  for (std::size_t b = 0; b < source_.J32.size(); ++b) {
    const BlockRows<float>& given = source_.J32[b];
    const BlockRows<half> J{given.num_rows, given.R, given.K, B_, given.cols, half_[b].data()};
    row_space_.resize(static_cast<std::size_t>(J.num_rows) * J.R);
    operand_.assign(p, source_.counters);
    for_ranges(*workers_, J.num_rows, kGrain, [&](Range r) {
      jacobian_times(J.rows(static_cast<int>(r.begin), static_cast<int>(r.end)),
                     operand_,
                     std::span<float>(row_space_).subspan(r.begin * J.R, (r.end - r.begin) * J.R),
                     accumulate_);
    });
    for (float& v : row_space_) v *= down;
    quadratic += dot(std::span<const float>(row_space_), std::span<const float>(row_space_));
    operand_.assign(row_space_, source_.counters);
    for_ranges(*workers_, n_, kGrain, [&](Range r) {
      jacobian_transpose_times(
          J, incidence_[b], operand_, s, accumulate_, ColumnRange{static_cast<int>(r.begin), static_cast<int>(r.end)});
    });
    for (std::size_t i = 0; i < q.size(); ++i) q[i] += s[i] * down;
  }
  add_damping<float>(p, q, &quadratic);
  return quadratic;
}

template <class V>
PcgScalar<V> Product<V>::operator()(std::span<const V> p, std::span<V> q) {
  const auto through = [&](auto& in, auto& out, const auto& multiply) {
    using W = typename std::remove_reference_t<decltype(in)>::value_type;
    std::transform(p.begin(), p.end(), in.begin(), [](V v) { return static_cast<W>(v); });
    const double quadratic = multiply(std::span<const W>(in), std::span<W>(out));
    std::transform(out.begin(), out.end(), q.begin(), [](W v) { return V(v); });
    return quadratic;
  };
  const auto as_half = [&](std::span<const float> x, std::span<float> y) { return multiply_half(x, y); };
  if constexpr (kNaive) {
    through(single_p_, single_q_, as_half);
    return dot(p, std::span<const V>(q));
  } else {
    if (format_ == Format::Half) {
      if constexpr (std::is_same_v<V, float>) return multiply_half(p, q);
      return through(single_p_, single_q_, as_half);
    }
    const bool given_double = source_.H64 != nullptr || !source_.J64.empty();
    if constexpr (std::is_same_v<V, float>) {
      if (!given_double) return multiply_given<float>(p, q);
    } else {
      if (given_double) return multiply_given<double>(p, q);
    }
    if (given_double)
      return through(double_p_, double_q_, [&](auto x, auto y) { return multiply_given<double>(x, y); });
    return through(single_p_, single_q_, [&](auto x, auto y) { return multiply_given<float>(x, y); });
  }
}

template <class V>
void Product<V>::replace(std::span<const double> b, std::span<const V> x, std::span<V> r) {
  const auto subtract = [&](auto& in, auto& out) {
    using W = typename std::remove_reference_t<decltype(in)>::value_type;
    std::transform(x.begin(), x.end(), in.begin(), [](V v) { return static_cast<W>(v); });
    multiply_given<W>(in, out);
    for (std::size_t i = 0; i < b.size(); ++i) r[i] = V(b[i] - static_cast<double>(out[i]));
  };
  if (source_.H64 != nullptr || !source_.J64.empty())
    subtract(double_p_, double_q_);
  else
    subtract(single_p_, single_q_);
}

template class Product<float>;
template class Product<double>;
template class Product<SeparateHalf>;
template class Product<FusedHalf>;
template void scale_vector(const BlockScaling&, std::span<const float>, std::span<float>);
template void scale_vector(const BlockScaling&, std::span<const double>, std::span<double>);
template void scale_vector_transposed(const BlockScaling&, std::span<const float>, std::span<float>);
template void scale_vector_transposed(const BlockScaling&, std::span<const double>, std::span<double>);

}  // namespace pipit
