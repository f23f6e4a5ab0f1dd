#include "bundle/elimination.h"

#include <algorithm>
#include <cmath>

#include "base/contract.h"

#ifndef PIPIT_ELIMINATION_PADDED
#define PIPIT_ELIMINATION_PADDED
namespace pipit {
/// Rows of a block of sums: full vectors.
constexpr int padded_rows(int columns) { return columns == 6 ? 8 : 16; }
}  // namespace pipit
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bundle/elimination.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

/// sum[c] += sum over k of a[k] * b[k][c], columns of 8 or 16 rows; rows from C on are nobody's.
template <int C, class T>
HWY_ATTR inline void add_outer(const T* HWY_RESTRICT a, const T* HWY_RESTRICT b, T* HWY_RESTRICT sum) {
  constexpr int kPadded = padded_rows(C);
  T a0[kPadded], a1[kPadded], a2[kPadded];
  for (int r = 0; r < kPadded; ++r) a0[r] = a[r], a1[r] = a[C + r], a2[r] = a[2 * C + r];
  for (int c = 0; c < C; ++c) {
    const T b0 = b[c], b1 = b[C + c], b2 = b[2 * C + c];
    for (int r = 0; r < kPadded; ++r) sum[c * kPadded + r] += a0[r] * b0 + a1[r] * b1 + a2[r] * b2;
  }
}

/// Sums of Y Y' over the points of view v: one block for each view before it that sees one of them, the last for
/// itself; place[view] says which. And Y z, taken off the gradient.
template <int C, class T>
HWY_ATTR void sum_row(const BundleLayout& layout,
                      std::size_t v,
                      const T* records,
                      const double* z,
                      const std::int32_t* place,
                      T* sums,
                      double* gradient) {
  constexpr std::size_t kSize = static_cast<std::size_t>(RecordShape{C}.size()), kBlock = C * padded_rows(C);
  const std::int32_t *slots = layout.point_slots.data(), *begin = layout.point_begin.data();
  for (auto slot = static_cast<std::size_t>(layout.group_begin[v]) * kAbreast;
       slot < static_cast<std::size_t>(layout.group_begin[v + 1]) * kAbreast;
       ++slot) {
    const auto p = static_cast<std::size_t>(layout.point[slot]);
    if (p == static_cast<std::size_t>(layout.points)) continue;
    const T* Y = records + slot * kSize;
    for (int c = 0; c < C; ++c)
      gradient[c] -= static_cast<double>(Y[c]) * z[3 * p] + static_cast<double>(Y[C + c]) * z[3 * p + 1] +
                     static_cast<double>(Y[2 * C + c]) * z[3 * p + 2];
    for (std::int32_t k = begin[p]; k < begin[p + 1]; ++k) {
      const auto other = static_cast<std::size_t>(slots[k]);
      const auto view = static_cast<std::size_t>(layout.view_of[other / kAbreast]);
      if (view > v) break;
      add_outer<C>(Y, records + other * kSize, sums + static_cast<std::size_t>(place[view]) * kBlock);
    }
  }
}

template <class T>
void sum_any_row(const BundleLayout& layout,
                 std::size_t v,
                 const T* records,
                 const double* z,
                 const std::int32_t* place,
                 T* sums,
                 double* gradient) {
  const auto run = [&](auto columns) {
    sum_row<decltype(columns)::value>(layout, v, records, z, place, sums, gradient);
  };
  with_columns(layout.columns, run);
}

/// W -> Y = W L^-T, columns of C.
template <class T>
HWY_ATTR void divide_by_factor(int C, const double* L, T* W) {
  const T l00 = static_cast<T>(1 / L[0]), l10 = static_cast<T>(L[1]), l20 = static_cast<T>(L[2]);
  const T l11 = static_cast<T>(1 / L[3]), l21 = static_cast<T>(L[4]), l22 = static_cast<T>(1 / L[5]);
  for (int r = 0; r < C; ++r) {
    const T y0 = W[r] * l00, y1 = (W[C + r] - l10 * y0) * l11;
    W[r] = y0, W[C + r] = y1, W[2 * C + r] = (W[2 * C + r] - l20 * y0 - l21 * y1) * l22;
  }
}

void sum_row_f(const BundleLayout& layout,
               std::size_t v,
               const float* records,
               const double* z,
               const std::int32_t* place,
               float* sums,
               double* gradient) {
  sum_any_row(layout, v, records, z, place, sums, gradient);
}
void sum_row_d(const BundleLayout& layout,
               std::size_t v,
               const double* records,
               const double* z,
               const std::int32_t* place,
               double* sums,
               double* gradient) {
  sum_any_row(layout, v, records, z, place, sums, gradient);
}
void divide_f(int C, const double* L, float* W) { divide_by_factor(C, L, W); }
void divide_d(int C, const double* L, double* W) { divide_by_factor(C, L, W); }

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(sum_row_f);
HWY_EXPORT(sum_row_d);
HWY_EXPORT(divide_f);
HWY_EXPORT(divide_d);

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

std::shared_ptr<const BlockPattern> pattern_of(const BundleLayout& layout) {
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  std::vector<std::int32_t> stamp(at(layout.views), -1);
  for (int v = 0; v < layout.views; ++v)
    for (int slot = layout.group_begin[at(v)] * kAbreast; slot < layout.group_begin[at(v) + 1] * kAbreast; ++slot) {
      const std::int32_t p = layout.point[at(slot)];
      if (p == layout.points) continue;
      for (int k = layout.point_begin[at(p)]; k < layout.point_begin[at(p) + 1]; ++k) {
        const std::int32_t other = layout.view_of[at(layout.point_slots[at(k)] / kAbreast)];
        if (other >= v) break;  // ascending
        if (std::exchange(stamp[at(other)], v) != v) pairs.emplace_back(v, other);
      }
    }
  return std::make_shared<const BlockPattern>(make_pattern(layout.views, pairs));
}

/// Of a symmetric 3 x 3 by columns of its lower triangle; false where a pivot is not positive and finite.
bool factor3(const double* V, double* L) {
  const auto fine = [](double x) { return x > 0 && std::isfinite(x); };
  if (!fine(V[0])) return false;
  L[0] = std::sqrt(V[0]), L[1] = V[1] / L[0], L[2] = V[2] / L[0];
  const double d1 = V[3] - L[1] * L[1];
  if (!fine(d1)) return false;
  L[3] = std::sqrt(d1), L[4] = (V[4] - L[1] * L[2]) / L[3];
  const double d2 = V[5] - L[2] * L[2] - L[4] * L[4];
  if (!fine(d2)) return false;
  L[5] = std::sqrt(d2);
  return true;
}

constexpr std::size_t kPointGrain = 256;  // points: about 0.1 ms
constexpr std::size_t kViewGrain = 8;

}  // namespace

template <class T>
Elimination<T>::Elimination(const BundleLayout& layout, Workers& workers)
    : layout_(layout),
      workers_(workers),
      shape_{layout.columns},
      S_(pattern_of(layout), layout.columns),
      rows_(row_index_of(S_.pattern().col_begin, S_.pattern().row)) {
  const std::size_t unknowns = at(layout.views * layout.columns), coordinates = at(layout.points) * 3;
  gradient_.resize(unknowns), view_diagonal_.resize(unknowns);
  point_diagonal_.resize(coordinates), point_gradient_.resize(coordinates), z_.resize(coordinates);
  factors_.resize(coordinates * 2);
  benches_.resize(std::max<std::size_t>(1, num_parts(at(layout.views), kViewGrain)));
  std::int32_t longest = 0;
  for (int v = 0; v < layout.views; ++v) longest = std::max(longest, rows_.begin[at(v) + 1] - rows_.begin[at(v)]);
  const std::size_t block = at(layout.columns * padded_rows(layout.columns));
  for (Bench& bench : benches_) {
    bench.place.assign(at(layout.views), -1);
    bench.sums.resize((at(longest) + 1) * block);
  }
}

template <class T>
bool Elimination<T>::reduce(Linearised<T>& parts, double lambda) {
  const int C = layout_.columns;
  const std::size_t size = at(shape_.size());
  constexpr bool kDouble = sizeof(T) == 8;
  std::array<bool, 16> failed{};
  const std::size_t ranges = std::max<std::size_t>(1, num_parts(at(layout_.points), kPointGrain));
  workers_.run(ranges, [&](std::size_t part) {
    const Range range = part_of(at(layout_.points), ranges, part);
    for (std::size_t p = range.begin; p < range.end; ++p) {
      double V[6] = {}, g[3] = {};
      const std::span slots(layout_.point_slots.data() + layout_.point_begin[p],
                            layout_.point_slots.data() + layout_.point_begin[p + 1]);
      for (const std::int32_t slot : slots) {
        const T* record = parts.records.data() + at(slot) * size;
        for (int k = 0; k < 6; ++k) V[k] += static_cast<double>(record[shape_.v() + k]);
        for (int k = 0; k < 3; ++k) g[k] += static_cast<double>(record[shape_.g() + k]);
      }
      constexpr int kDiagonal[] = {0, 3, 5};
      for (int k = 0; k < 3; ++k) {
        double& d = V[kDiagonal[k]];
        if (!(d > 0)) d = 0;
        const double scale = d > 0 ? d : 1;
        point_diagonal_[3 * p + at(k)] = scale;
        point_gradient_[3 * p + at(k)] = g[k];
        d += d > 0 ? lambda * scale : 1;
      }
      double *L = &factors_[6 * p], *z = &z_[3 * p];
      if (!factor3(V, L)) {
        failed[part] = true;
        std::fill_n(L, 6, 0.0), L[0] = L[3] = L[5] = 1;
      }
      z[0] = g[0] / L[0];
      z[1] = (g[1] - L[1] * z[0]) / L[3];
      z[2] = (g[2] - L[2] * z[0] - L[4] * z[1]) / L[5];
      for (const std::int32_t slot : slots) {
        T* record = parts.records.data() + at(slot) * size;
        if constexpr (kDouble)
          HWY_DYNAMIC_DISPATCH(divide_d)(C, L, record);
        else
          HWY_DYNAMIC_DISPATCH(divide_f)(C, L, record);
      }
    }
  });
  if (std::any_of(failed.begin(), failed.end(), [](bool f) { return f; })) return false;

  const int padded = padded_rows(C);
  const std::size_t block = at(C * padded);
  workers_.run(benches_.size(), [&](std::size_t part) {
    Bench& bench = benches_[part];
    const Range range = part_of(at(layout_.views), benches_.size(), part);
    for (std::size_t v = range.begin; v < range.end; ++v) {
      const std::span row(rows_.entries.data() + rows_.begin[v], rows_.entries.data() + rows_.begin[v + 1]);
      for (std::size_t k = 0; k < row.size(); ++k) bench.place[at(row[k].col)] = static_cast<std::int32_t>(k);
      bench.place[v] = static_cast<std::int32_t>(row.size());
      std::fill_n(bench.sums.begin(), (row.size() + 1) * block, T(0));
      const double* U = parts.U.data() + v * at(C) * at(C);
      double* gradient = &gradient_[v * at(C)];
      std::copy_n(parts.g.data() + v * at(C), C, gradient);
      if constexpr (kDouble) HWY_DYNAMIC_DISPATCH(sum_row_d)
      (layout_, v, parts.records.data(), z_.data(), bench.place.data(), bench.sums.data(), gradient);
      else HWY_DYNAMIC_DISPATCH(sum_row_f)(
          layout_, v, parts.records.data(), z_.data(), bench.place.data(), bench.sums.data(), gradient);
      for (std::size_t k = 0; k < row.size(); ++k) {
        T* to = S_.block(row[k].block);  // row v of column col: S(v, col)
        const T* sum = bench.sums.data() + k * block;
        for (int c = 0; c < C; ++c)
          for (int r = 0; r < C; ++r) to[c * C + r] = -sum[c * padded + r];
      }
      T* to = S_.block(S_.pattern().col_begin[v]);
      const T* sum = bench.sums.data() + row.size() * block;
      for (int c = 0; c < C; ++c) {
        for (int r = 0; r < C; ++r)
          to[c * C + r] = static_cast<T>(U[c * C + r] - static_cast<double>(sum[c * padded + r]));
        const double d = U[c * C + c];
        view_diagonal_[v * at(C) + at(c)] = d > 0 ? d : 1;
        to[c * C + c] = static_cast<T>(d > 0 ? d + lambda * d - static_cast<double>(sum[c * padded + c]) : 1);
      }
    }
  });
  return true;
}

template <class T>
void Elimination<T>::substitute(const Linearised<T>& parts, std::span<const double> dc, std::span<double> dp) {
  const std::size_t size = at(shape_.size()), C = at(layout_.columns);
  for_ranges(workers_, at(layout_.points), kPointGrain, [&](Range range) {
    for (std::size_t p = range.begin; p < range.end; ++p) {
      double s[3] = {z_[3 * p], z_[3 * p + 1], z_[3 * p + 2]};
      for (int k = layout_.point_begin[p]; k < layout_.point_begin[p + 1]; ++k) {
        const std::int32_t slot = layout_.point_slots[at(k)];
        const T* Y = parts.records.data() + at(slot) * size;
        const double* d = dc.data() + at(layout_.view_of[at(slot / kAbreast)]) * C;
        for (std::size_t c = 0; c < C; ++c)
          for (std::size_t b = 0; b < 3; ++b) s[b] += static_cast<double>(Y[b * C + c]) * d[c];
      }
      const double* L = &factors_[6 * p];
      double* out = &dp[3 * p];
      out[2] = -s[2] / L[5];
      out[1] = -(s[1] + L[4] * out[2]) / L[3];
      out[0] = -(s[0] + L[1] * out[1] + L[2] * out[2]) / L[0];
    }
  });
}

template class Elimination<float>;
template class Elimination<double>;

}  // namespace pipit
#endif  // HWY_ONCE
