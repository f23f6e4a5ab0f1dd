#include "reproject/linearise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/contract.h"
#include "solve/variable.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reproject/linearise.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

// No vector types here: loops over sixteen lanes of plain numbers, which the compiler turns into the instructions of
// each set. So the formulas of cameras/lens.h are the ones that run. `flatten` puts them into the loop.
#define PIPIT_LANES HWY_ATTR __attribute__((flatten))

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

inline constexpr int kN = kAbreast;

/// One group on its way.
template <class T>
struct Lanes {
  alignas(64) T d[3][kN];  // X - c
  alignas(64) T p[3][kN];  // in the camera's frame
  alignas(64) T part[kN];  // 1: takes part and stands before the camera, else 0
  alignas(64) T measured[3][kN];
  alignas(64) T r[3][kN];
  alignas(64) T by_point[3][3][kN];  // d seen / dp
  alignas(64) T by_lens[3][kNumLens][kN];
  alignas(64) T J[3][kMostColumns + 3][kN];  // pose, intrinsics, point
};

/// Points to the camera's frame. Yields whether all that take part stand before it.
template <class T>
PIPIT_LANES bool look(const LineariseJob& job, const ViewNumbers& view, int group, Lanes<T>& l) {
  const std::size_t slot = static_cast<std::size_t>(group) * kN;
  const std::int32_t* point = job.layout->point.data() + slot;
  for (int i = 0; i < kN; ++i) {
    const double* X = job.points[static_cast<std::size_t>(point[i])].data();
    for (int k = 0; k < 3; ++k) l.d[k][i] = static_cast<T>(X[k] - view.centre[k]);
    l.part[i] = static_cast<T>(job.taking[slot + static_cast<std::size_t>(i)]);
  }
  T R[9];
  for (int k = 0; k < 9; ++k) R[k] = static_cast<T>(view.R[k]);
  const T other_side = view.both_sides ? T(-1) : T(1);
  const int rows = job.layout->rows;
  const double* measured = job.layout->measured.data() + slot * static_cast<std::size_t>(rows);
  T missing = 0;
  for (int i = 0; i < kN; ++i) {
    const T x = R[0] * l.d[0][i] + R[1] * l.d[1][i] + R[2] * l.d[2][i];
    const T y = R[3] * l.d[0][i] + R[4] * l.d[1][i] + R[5] * l.d[2][i];
    const T z = R[6] * l.d[0][i] + R[7] * l.d[1][i] + R[8] * l.d[2][i];
    const T ahead = z > 0 ? z : other_side * z;
    const T aside = std::abs(x) + std::abs(y);
    // a fisheye sees everything but what is straight behind; NaN is before no camera
    const bool fine = view.fisheye ? ahead > 0 || aside > T(1e-6) * -ahead : ahead > T(1e-9) * aside;
    const bool seen = fine && l.part[i] != 0;
    missing += l.part[i] - (seen ? T(1) : T(0));
    l.part[i] = seen ? T(1) : T(0);
    l.p[0][i] = seen ? x : T(0), l.p[1][i] = seen ? y : T(0), l.p[2][i] = seen ? z : T(1);
  }
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < kN; ++i) l.measured[r][i] = static_cast<T>(measured[r * kN + i]);
  return missing == 0;
}

/// Pixels and (kSlopes) their derivatives by point and (kLens) by lens.
template <bool kSlopes, bool kLens, class T, class Lens>
PIPIT_LANES void see(const ViewNumbers& view, Lens through, Lanes<T>& l) {
  std::array<T, kNumLens> lens;
  for (std::size_t k = 0; k < kNumLens; ++k) lens[k] = static_cast<T>(view.lens[k]);
  for (int i = 0; i < kN; ++i) {
    const Sight<T> sight = through(lens, std::array<T, 3>{l.p[0][i], l.p[1][i], l.p[2][i]});
    for (std::size_t r = 0; r < 2; ++r) {
      l.r[r][i] = sight.pixel[r];
      if constexpr (kSlopes)
        for (std::size_t k = 0; k < 3; ++k) l.by_point[r][k][i] = sight.by_point[r][k];
      if constexpr (kLens)
        for (std::size_t k = 0; k < kNumLens; ++k) l.by_lens[r][k][i] = sight.by_lens[r][k];
    }
  }
}

template <bool kSlopes, bool kLens, class T>
PIPIT_LANES void see_third(const LineariseForm& form, const ViewNumbers& view, Lanes<T>& l) {
  if constexpr (kLens) std::copy_n(&l.by_lens[0][0][0], kNumLens * kN, &l.by_lens[2][0][0]);
  if (form.third == Third::RightU) {
    const T baseline = static_cast<T>(form.baseline_m), fb = static_cast<T>(view.lens[kFx]) * baseline;
    for (int i = 0; i < kN; ++i) {
      const T near = T(1) / l.p[2][i];
      l.r[2][i] = l.r[0][i] - fb * near;
      if constexpr (kSlopes) {
        for (int k = 0; k < 3; ++k) l.by_point[2][k][i] = l.by_point[0][k][i];
        l.by_point[2][2][i] += fb * near * near;
      }
      if constexpr (kLens) l.by_lens[2][kFx][i] -= baseline * near;
    }
    return;
  }
  // A measured depth gives its own weight: both sides of the difference are in units of its error.
  const T sigma = static_cast<T>(form.depth_sigma);
  for (int i = 0; i < kN; ++i) {
    const T depth = l.part[i] != 0 ? l.measured[2][i] : T(1), weight = T(1) / (sigma * depth * depth);
    l.r[2][i] = l.p[2][i] * weight;
    l.measured[2][i] = depth * weight;
    if constexpr (kSlopes) l.by_point[2][0][i] = l.by_point[2][1][i] = 0, l.by_point[2][2][i] = weight;
    if constexpr (kLens)
      for (int k = 0; k < kNumLens; ++k) l.by_lens[2][k][i] = 0;
  }
}

template <class T>
void round_residuals(Format format, int rows, Lanes<T>& l) {
  const auto rounded = [format](T x) { return static_cast<T>(pipit::rounded(format, static_cast<double>(x))); };
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < kN; ++i) {
      const T seen = rounded(l.r[r][i]), measured = rounded(l.measured[r][i]);
      l.r[r][i] = rounded(seen - measured);
      l.measured[r][i] = 0;
    }
}

/// r = seen - measured, times the root of its weight; half the sum of rho. Leaves the roots in l.part.
template <class T>
PIPIT_LANES double weigh(const LineariseForm& form, int rows, Lanes<T>& l) {
  if (form.residual == Format::Half || (form.residual == Format::Single && sizeof(T) == 8))
    round_residuals(form.residual, rows, l);
  alignas(64) T square[kN] = {};
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < kN; ++i) {
      const T off = (l.r[r][i] - l.measured[r][i]) * l.part[i];
      l.r[r][i] = off;
      square[i] += off * off;
    }
  double cost = 0;
  if (form.loss.kind == RobustLoss::Kind::None) {
    T sum = 0;
    for (int i = 0; i < kN; ++i) sum += square[i];
    return 0.5 * static_cast<double>(sum);
  }
  for (int i = 0; i < kN; ++i) {
    const auto s = static_cast<double>(square[i]);
    cost += 0.5 * form.loss.value(s);
    l.part[i] *= static_cast<T>(std::sqrt(form.loss.weight(s)));
  }
  if (!std::isfinite(cost)) return cost;
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < kN; ++i) l.r[r][i] *= l.part[i];
  return cost;
}

/// From derivatives by p to those by pose, intrinsics and point, weighted.
template <class T>
PIPIT_LANES void slopes(const BundleLayout& layout, const ViewNumbers& view, Lanes<T>& l) {
  const int C = layout.columns;
  T R[9];
  for (int k = 0; k < 9; ++k) R[k] = static_cast<T>(view.R[k]);
  const T moves = view.fixed ? T(0) : T(1);
  for (int r = 0; r < layout.rows; ++r) {
    for (int i = 0; i < kN; ++i) {
      const T a0 = l.by_point[r][0][i] * l.part[i], a1 = l.by_point[r][1][i] * l.part[i],
              a2 = l.by_point[r][2][i] * l.part[i];
      const T x = l.p[0][i], y = l.p[1][i], z = l.p[2][i];
      l.J[r][0][i] = -a0 * moves, l.J[r][1][i] = -a1 * moves, l.J[r][2][i] = -a2 * moves;
      l.J[r][3][i] = (a1 * z - a2 * y) * moves;
      l.J[r][4][i] = (a2 * x - a0 * z) * moves;
      l.J[r][5][i] = (a0 * y - a1 * x) * moves;
      l.J[r][C][i] = a0 * R[0] + a1 * R[3] + a2 * R[6];
      l.J[r][C + 1][i] = a0 * R[1] + a1 * R[4] + a2 * R[7];
      l.J[r][C + 2][i] = a0 * R[2] + a1 * R[5] + a2 * R[8];
    }
    for (int k = 0; k < layout.intrinsics; ++k) {
      T* column = l.J[r][kPoseColumns + k];
      std::fill_n(column, kN, T(0));
      for (int n = 0; n < kNumLens; ++n) {
        const T times = static_cast<T>(view.spread[n][k]);
        if (times == 0) continue;
        for (int i = 0; i < kN; ++i) column[i] += times * l.by_lens[r][n][i] * l.part[i];
      }
    }
  }
}

/// From derivatives by X to those by what stands for it.
template <class T>
PIPIT_LANES void by_landmark(const LineariseJob& job, int group, Lanes<T>& l) {
  alignas(64) T S[9][kN];
  const std::int32_t* point = job.layout->point.data() + static_cast<std::size_t>(group) * kN;
  for (int i = 0; i < kN; ++i) {
    const double* slope = job.slopes[static_cast<std::size_t>(point[i])].data();  // by columns
    for (int k = 0; k < 9; ++k) S[k][i] = static_cast<T>(slope[k]);
  }
  for (int r = 0; r < job.layout->rows; ++r)
    for (int i = 0; i < kN; ++i) {
      T(*J)[kN] = &l.J[r][job.layout->columns];
      const T x = J[0][i], y = J[1][i], z = J[2][i];
      for (int k = 0; k < 3; ++k) J[k][i] = x * S[3 * k][i] + y * S[3 * k + 1][i] + z * S[3 * k + 2][i];
    }
}

template <bool kSlopes, bool kLens, class T>
double run_group(const LineariseJob& job, const ViewNumbers& view, int group, Lanes<T>& l) {
  const bool before = look(job, view, group, l);
  if (view.fisheye)
    see<kSlopes, kLens>(
        view, [](const auto& lens, const auto& p) { return through_fisheye<T>(lens, p); }, l);
  else
    see<kSlopes, kLens>(
        view, [](const auto& lens, const auto& p) { return through_radial_tangential<T>(lens, p); }, l);
  if (job.layout->rows == 3) see_third<kSlopes, kLens>(job.form, view, l);
  const double cost = weigh(job.form, job.layout->rows, l);
  if constexpr (kSlopes) {
    slopes(*job.layout, view, l);
    if (!job.slopes.empty()) by_landmark(job, group, l);
  }
  return before ? cost : std::numeric_limits<double>::infinity();
}

/// U and g of a view: sums by lane, added up at its end.
template <class T>
struct ViewSums {
  alignas(64) T U[kMostColumns * (kMostColumns + 1) / 2][kN];
  alignas(64) T g[kMostColumns][kN];
};

template <class T>
PIPIT_LANES void add_to_view(int C, int rows, const Lanes<T>& l, ViewSums<T>& sums) {
  int k = 0;
  for (int a = 0; a < C; ++a) {
    for (int r = 0; r < rows; ++r)
      for (int i = 0; i < kN; ++i) sums.g[a][i] += l.J[r][a][i] * l.r[r][i];
    for (int b = 0; b <= a; ++b, ++k)
      for (int r = 0; r < rows; ++r)
        for (int i = 0; i < kN; ++i) sums.U[k][i] += l.J[r][a][i] * l.J[r][b][i];
  }
}

template <class T>
PIPIT_LANES void write_records(const RecordShape& shape, int C, int rows, const Lanes<T>& l, T* to) {
  constexpr int kMost = 3 * kMostColumns + 12;
  alignas(64) T fields[kMost][kN];
  int k = 0;
  const auto product = [&](const T(*a)[kN], const T(*b)[kN], std::ptrdiff_t step) HWY_ATTR {
    for (int i = 0; i < kN; ++i) fields[k][i] = a[0][i] * b[0][i] + a[step][i] * b[step][i];
    if (rows == 3)
      for (int i = 0; i < kN; ++i) fields[k][i] += a[2 * step][i] * b[2 * step][i];
    ++k;
  };
  constexpr std::ptrdiff_t kRow = kMostColumns + 3;
  for (int b = 0; b < 3 && shape.columns > 0; ++b)
    for (int a = 0; a < C; ++a) product(&l.J[0][a], &l.J[0][C + b], kRow);
  for (int b = 0; b < 3; ++b)
    for (int a = b; a < 3; ++a) product(&l.J[0][C + a], &l.J[0][C + b], kRow);
  for (int b = 0; b < 3; ++b, ++k) {
    for (int i = 0; i < kN; ++i) fields[k][i] = l.J[0][C + b][i] * l.r[0][i] + l.J[1][C + b][i] * l.r[1][i];
    if (rows == 3)
      for (int i = 0; i < kN; ++i) fields[k][i] += l.J[2][C + b][i] * l.r[2][i];
  }
  const int size = shape.size();
  for (int i = 0; i < kN; ++i)
    for (int f = 0; f < k; ++f) to[i * size + f] = fields[f][i];
}

template <class T>
double linearise_views(const LineariseJob& job, Range range, bool keep, const RecordShape& shape, Linearised<T>& out) {
  const BundleLayout& layout = *job.layout;
  const int C = layout.columns, R = layout.rows;
  const auto c = static_cast<std::size_t>(C);
  Lanes<T> l;
  ViewSums<T> sums;
  double cost = 0;
  for (std::size_t v = range.begin; v < range.end; ++v) {
    std::fill_n(&sums.U[0][0], C * (C + 1) / 2 * kN, T(0));
    std::fill_n(&sums.g[0][0], C * kN, T(0));
    for (int group = layout.group_begin[v]; group < layout.group_begin[v + 1]; ++group) {
      cost += layout.intrinsics > 0 ? run_group<true, true>(job, job.views[v], group, l)
                                    : run_group<true, false>(job, job.views[v], group, l);
      const auto g = static_cast<std::size_t>(group);
      for (int r = 0; r < R; ++r) {
        std::copy_n(l.r[r], kN, out.r.data() + (g * static_cast<std::size_t>(R) + static_cast<std::size_t>(r)) * kN);
        if (keep)
          std::copy_n(l.J[r][0],
                      (C + 3) * kN,
                      out.J.data() + (g * static_cast<std::size_t>(R) + static_cast<std::size_t>(r)) *
                                         static_cast<std::size_t>((C + 3) * kN));
      }
      add_to_view(C, R, l, sums);
      write_records(shape, C, R, l, out.records.data() + g * kN * static_cast<std::size_t>(shape.size()));
    }
    double *U = out.U.data() + v * c * c, *gradient = out.g.data() + v * c;
    int k = 0;
    const auto total = [](const T(&lanes)[kN]) {
      double sum = 0;
      for (const T x : lanes) sum += static_cast<double>(x);
      return sum;
    };
    for (int a = 0; a < C; ++a) {
      gradient[a] = total(sums.g[a]);
      for (int b = 0; b <= a; ++b, ++k) U[a * C + b] = U[b * C + a] = total(sums.U[k]);
    }
  }
  return cost;
}

template <class T>
double cost_of_views(const LineariseJob& job, Range range) {
  Lanes<T> l;
  double cost = 0;
  for (std::size_t v = range.begin; v < range.end && cost < std::numeric_limits<double>::infinity(); ++v)
    for (int group = job.layout->group_begin[v]; group < job.layout->group_begin[v + 1]; ++group)
      cost += run_group<false, false>(job, job.views[v], group, l);
  return cost;
}

double linearise_f(const LineariseJob& job, Range range, bool keep, const RecordShape& shape, Linearised<float>& out) {
  return linearise_views<float>(job, range, keep, shape, out);
}
double linearise_d(const LineariseJob& job, Range range, bool keep, const RecordShape& shape, Linearised<double>& out) {
  return linearise_views<double>(job, range, keep, shape, out);
}
double cost_f(const LineariseJob& job, Range range) { return cost_of_views<float>(job, range); }
double cost_d(const LineariseJob& job, Range range) { return cost_of_views<double>(job, range); }

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(linearise_f);
HWY_EXPORT(linearise_d);
HWY_EXPORT(cost_f);
HWY_EXPORT(cost_d);

double linearise_some(
    const LineariseJob& job, Range range, bool keep, const RecordShape& shape, Linearised<float>& out) {
  return HWY_DYNAMIC_DISPATCH(linearise_f)(job, range, keep, shape, out);
}
double linearise_some(
    const LineariseJob& job, Range range, bool keep, const RecordShape& shape, Linearised<double>& out) {
  return HWY_DYNAMIC_DISPATCH(linearise_d)(job, range, keep, shape, out);
}
template <class T>
double cost_some(const LineariseJob& job, Range range) {
  return sizeof(T) == 4 ? HWY_DYNAMIC_DISPATCH(cost_f)(job, range) : HWY_DYNAMIC_DISPATCH(cost_d)(job, range);
}

/// Sum of body(range) over ranges of views, in order of the ranges.
template <class Body>
double sum_over_views(const BundleLayout& layout, Workers& workers, const Body& body) {
  constexpr std::size_t kGrain = 64;  // views: about 0.1 ms
  const auto n = static_cast<std::size_t>(layout.views);
  const std::size_t parts = num_parts(n, kGrain);
  std::array<double, 16> sums{};
  if (parts <= 1) return body(Range{0, n});
  workers.run(parts, [&](std::size_t part) { sums[part] = body(part_of(n, parts, part)); });
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

}  // namespace

template <class T>
double cost_of(const LineariseJob& job, Workers& workers) {
  return sum_over_views(*job.layout, workers, [&](Range range) { return cost_some<T>(job, range); });
}

template <class T>
double linearise(const LineariseJob& job, bool keep, bool with_w, Linearised<T>& out, Workers& workers) {
  const BundleLayout& layout = *job.layout;
  const auto C = static_cast<std::size_t>(layout.columns), V = static_cast<std::size_t>(layout.views);
  const RecordShape shape{with_w ? layout.columns : 0};
  if (keep) out.J.resize(layout.slots() * static_cast<std::size_t>(layout.rows) * (C + 3));
  out.r.resize(layout.slots() * static_cast<std::size_t>(layout.rows));
  out.records.resize(layout.slots() * static_cast<std::size_t>(shape.size()));
  out.U.resize(V * C * C);
  out.g.resize(V * C);
  return sum_over_views(layout, workers, [&](Range range) { return linearise_some(job, range, keep, shape, out); });
}

template double cost_of<float>(const LineariseJob&, Workers&);
template double cost_of<double>(const LineariseJob&, Workers&);
template double linearise<float>(const LineariseJob&, bool, bool, Linearised<float>&, Workers&);
template double linearise<double>(const LineariseJob&, bool, bool, Linearised<double>&, Workers&);

}  // namespace pipit
#endif  // HWY_ONCE
