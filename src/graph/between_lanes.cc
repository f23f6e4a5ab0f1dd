#include "graph/between_lanes.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/contract.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "graph/between_lanes.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr int kGroup = 16;
using Places = std::array<std::int32_t, 2>;

/// A vector that adds and multiplies like a number. Its operators are no members and no friends: g++ 12 gives those of
/// a class template the instruction set of the command line, and where it does not inline them (-O0) caller and callee
/// then disagree on how vectors are passed.
template <class D>
struct Lane {
  hn::Vec<D> v;
};
template <class D>
HWY_INLINE Lane<D> operator+(Lane<D> a, Lane<D> b) {
  return {hn::Add(a.v, b.v)};
}
template <class D>
HWY_INLINE Lane<D> operator-(Lane<D> a, Lane<D> b) {
  return {hn::Sub(a.v, b.v)};
}
template <class D>
HWY_INLINE Lane<D> operator*(Lane<D> a, Lane<D> b) {
  return {hn::Mul(a.v, b.v)};
}
template <class D>
HWY_INLINE Lane<D> operator-(Lane<D> a) {
  return {hn::Neg(a.v)};
}
template <class D>
HWY_INLINE Lane<D> fma(Lane<D> a, Lane<D> b, Lane<D> c) {
  return {hn::MulAdd(a.v, b.v, c.v)};
}

/// What the edges of one group read and write: poses gathered by lane, results still transposed.
template <class T, int kIn, int kOut>
struct Buffers {
  alignas(64) T in[kIn][kGroup] = {};
  alignas(64) T out[kOut][kGroup] = {};
};

template <class D, class T, std::size_t N>
HWY_INLINE Lane<D> at(D d, const T (&row)[N], size_t lane) {
  return {hn::Load(d, row + lane)};
}

// ---------------------------------------------------------------------------------------------------------- space

constexpr int kIn3 = 11;           // qi, qj, tj - ti
constexpr int kOut3 = 6 + 2 * 27;  // r, then per pose the three 3 x 3 blocks of J that are not zero, by columns

template <class T>
HWY_INLINE void gather_poses(const SE3<double>& i, const SE3<double>& j, const T*, int lane, T (&in)[kIn3][kGroup]) {
  for (int k = 0; k < 4; ++k) {
    in[k][lane] = static_cast<T>(i.q.coeffs()[k]);
    in[4 + k][lane] = static_cast<T>(j.q.coeffs()[k]);
  }
  for (int k = 0; k < 3; ++k) in[8 + k][lane] = static_cast<T>(j.t[k] - i.t[k]);
}

/// a* b, quaternions x y z w.
template <class L>
HWY_INLINE void conjugate_times(const L (&a)[4], const L (&b)[4], L (&out)[4]) {
  out[3] = fma(a[3], b[3], fma(a[0], b[0], fma(a[1], b[1], a[2] * b[2])));
  for (int k = 0; k < 3; ++k) {
    const int m = (k + 1) % 3, n = (k + 2) % 3;
    // -a x b: component k is a_n b_m - a_m b_n
    out[k] = fma(a[3], b[k], a[n] * b[m]) - fma(a[k], b[3], a[m] * b[n]);
  }
}

/// The rotation matrix of q, R[row][col].
template <class D, class L>
HWY_INLINE void rotation(D d, const L (&q)[4], L (&R)[3][3]) {
  const L one{hn::Set(d, 1)}, two{hn::Set(d, 2)};
  const L x = two * q[0], y = two * q[1], z = two * q[2];
  const L xx = x * q[0], yy = y * q[1], zz = z * q[2], xy = x * q[1], xz = x * q[2], yz = y * q[2];
  const L wx = x * q[3], wy = y * q[3], wz = z * q[3];
  R[0][0] = one - (yy + zz), R[0][1] = xy - wz, R[0][2] = xz + wy;
  R[1][0] = xy + wz, R[1][1] = one - (xx + zz), R[1][2] = yz - wx;
  R[2][0] = xz - wy, R[2][1] = yz + wx, R[2][2] = one - (xx + yy);
}

/// One vector of edges. U(r, c) of an upper triangle by columns: field c (c + 1) / 2 + r.
template <bool kJacobian, class D, class T>
HWY_INLINE void between_in_space(D d, const T* fields, Buffers<T, kIn3, kOut3>& b, size_t lane) {
  using L = Lane<D>;
  const auto field = [&](int k) HWY_ATTR { return L{hn::LoadU(d, fields + k * kGroup + lane)}; };
  const auto U = [&](int r, int c) HWY_ATTR { return field(7 + c * (c + 1) / 2 + r); };
  const auto put = [&](int k, L value) HWY_ATTR { hn::Store(value.v, d, b.out[k] + lane); };
  L qi[4], qj[4], qz[4], between[4], q[4], tz[3], dt[3];
  for (int k = 0; k < 4; ++k) qi[k] = at(d, b.in[k], lane), qj[k] = at(d, b.in[4 + k], lane), qz[k] = field(k);
  for (int k = 0; k < 3; ++k) dt[k] = at(d, b.in[8 + k], lane), tz[k] = field(4 + k);
  conjugate_times(qi, qj, between);
  conjugate_times(qz, between, q);
  const auto negative = hn::Lt(q[3].v, hn::Zero(d));
  for (auto& component : q) component.v = hn::IfThenElse(negative, hn::Neg(component.v), component.v);

  L Ri[3][3], Rz[3][3], p[3], e[6];
  rotation(d, qi, Ri);
  rotation(d, qz, Rz);
  for (int k = 0; k < 3; ++k) p[k] = fma(Ri[0][k], dt[0], fma(Ri[1][k], dt[1], Ri[2][k] * dt[2]));
  const L off[3] = {p[0] - tz[0], p[1] - tz[1], p[2] - tz[2]};
  for (int k = 0; k < 3; ++k) e[k] = fma(Rz[0][k], off[0], fma(Rz[1][k], off[1], Rz[2][k] * off[2]));
  for (int k = 0; k < 3; ++k) e[3 + k] = q[k];
  for (int r = 0; r < 6; ++r) {
    L sum = U(r, r) * e[r];
    for (int c = r + 1; c < 6; ++c) sum = fma(U(r, c), e[c], sum);
    put(r, sum);
  }
  if constexpr (!kJacobian) return;

  const L half{hn::Set(d, static_cast<T>(0.5))};
  const L h[4] = {half * q[0], half * q[1], half * q[2], half * q[3]};
  // turn_j = (w + hat v) / 2;  turn_i = -(w - hat v) Rz' / 2
  const L turn_j[3][3] = {{h[3], -h[2], h[1]}, {h[2], h[3], -h[0]}, {-h[1], h[0], h[3]}};
  L turn_i[3][3], URz[3][3], Rij[3][3];
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 3; ++c)  // (w - hat v)(r, k) = turn_j(k, r)
      turn_i[r][c] = -fma(turn_j[0][r], Rz[c][0], fma(turn_j[1][r], Rz[c][1], turn_j[2][r] * Rz[c][2]));
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 3; ++c) {
      L sum = U(r, r) * Rz[c][r];
      for (int k = r + 1; k < 3; ++k) sum = fma(U(r, k), Rz[c][k], sum);
      URz[r][c] = sum;
    }
  rotation(d, between, Rij);
  constexpr int kI = 6, kJ = 6 + 27;
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 3; ++c) {
      const int place = c * 3 + r, m = (c + 1) % 3, n = (c + 2) % 3;
      put(kI + place, -URz[r][c]);
      put(kJ + place, fma(URz[r][0], Rij[0][c], fma(URz[r][1], Rij[1][c], URz[r][2] * Rij[2][c])));
      // URz hat(p): column c of hat(p) holds p_n at row m and -p_m at row n
      L of_i = URz[r][m] * p[n] - URz[r][n] * p[m], of_j = U(r, 3) * turn_j[0][c];
      for (int k = 0; k < 3; ++k) of_i = fma(U(r, 3 + k), turn_i[k][c], of_i);
      for (int k = 1; k < 3; ++k) of_j = fma(U(r, 3 + k), turn_j[k][c], of_j);
      put(kI + 9 + place, of_i);
      put(kJ + 9 + place, of_j);
      L low_i = U(3 + r, 3 + r) * turn_i[r][c], low_j = U(3 + r, 3 + r) * turn_j[r][c];
      for (int k = r + 1; k < 3; ++k) {
        low_i = fma(U(3 + r, 3 + k), turn_i[k][c], low_i);
        low_j = fma(U(3 + r, 3 + k), turn_j[k][c], low_j);
      }
      put(kI + 18 + place, low_i);
      put(kJ + 18 + place, low_j);
    }
}

/// J of one edge from its lane: of each block 6 x 6 the parts top left, top right, bottom right; bottom left is zero.
template <BlockOrder kOrder, class T, class S>
HWY_INLINE void scatter_jacobian(const T (&out)[kOut3][kGroup], int lane, S* J) {
  constexpr int kRow = kOrder == BlockOrder::Rows ? 6 : 1, kCol = kOrder == BlockOrder::Rows ? 1 : 6;
  for (int k = 0; k < 2; ++k, J += 36) {
    const int first = 6 + 27 * k;
    for (int c = 0; c < 3; ++c)
      for (int r = 0; r < 3; ++r) {
        J[c * kCol + r * kRow] = static_cast<S>(out[first + c * 3 + r][lane]);
        J[c * kCol + (3 + r) * kRow] = S(0);
        J[(3 + c) * kCol + r * kRow] = static_cast<S>(out[first + 9 + c * 3 + r][lane]);
        J[(3 + c) * kCol + (3 + r) * kRow] = static_cast<S>(out[first + 18 + c * 3 + r][lane]);
      }
  }
}

// ---------------------------------------------------------------------------------------------------------- plane

constexpr int kIn2 = 5;           // angle of i, angle between, tj - ti, error of the angle
constexpr int kOut2 = 3 + 9 + 9;  // r, J_i, J_j by columns

template <class T>
HWY_INLINE void gather_poses(
    const SE2<double>& i, const SE2<double>& j, const T* angle, int lane, T (&in)[kIn2][kGroup]) {
  constexpr double kPi = 3.14159265358979323846;
  const double between = j.theta - i.theta;
  double error = between - static_cast<double>(*angle);
  if (error > kPi || error <= -kPi) error = wrap_angle(error);
  in[0][lane] = static_cast<T>(i.theta);
  in[1][lane] = static_cast<T>(between);
  in[2][lane] = static_cast<T>(j.t[0] - i.t[0]);
  in[3][lane] = static_cast<T>(j.t[1] - i.t[1]);
  in[4][lane] = static_cast<T>(error);
}

template <bool kJacobian, class D, class T>
HWY_INLINE void between_in_plane(D d, const T* fields, Buffers<T, kIn2, kOut2>& b, size_t lane) {
  using L = Lane<D>;
  const auto field = [&](int k) HWY_ATTR { return L{hn::LoadU(d, fields + k * kGroup + lane)}; };
  const auto U = [&](int r, int c) HWY_ATTR { return field(5 + c * (c + 1) / 2 + r); };
  const auto put = [&](int k, L value) HWY_ATTR { hn::Store(value.v, d, b.out[k] + lane); };
  const auto angle = hn::Load(d, b.in[0] + lane);
  const L ci{hn::Cos(d, angle)}, si{hn::Sin(d, angle)}, cz = field(0), sz = field(1);
  const L dx = at(d, b.in[2], lane), dy = at(d, b.in[3], lane);
  const L px = fma(ci, dx, si * dy), py = ci * dy - si * dx;
  const L ox = px - field(2), oy = py - field(3);
  const L e[3] = {fma(cz, ox, sz * oy), cz * oy - sz * ox, at(d, b.in[4], lane)};
  put(0, fma(U(0, 0), e[0], fma(U(0, 1), e[1], U(0, 2) * e[2])));
  put(1, fma(U(1, 1), e[1], U(1, 2) * e[2]));
  put(2, U(2, 2) * e[2]);
  if constexpr (!kJacobian) return;

  const auto turn = hn::Load(d, b.in[1] + lane);
  const L cb{hn::Cos(d, turn)}, sb{hn::Sin(d, turn)};
  // Rz' [py; -px] and Rz' R_ij: rotation by (between - z)
  const L ax = fma(cz, py, -(sz * px)), ay = -fma(sz, py, cz * px);
  const L c = fma(cz, cb, sz * sb), s = cz * sb - sz * cb;
  const L Di[2][2] = {{-cz, -sz}, {sz, -cz}}, Dj[2][2] = {{c, -s}, {s, c}};
  const L zero{hn::Zero(d)};
  for (int col = 0; col < 2; ++col) {
    put(3 + col * 3, fma(U(0, 0), Di[0][col], U(0, 1) * Di[1][col]));
    put(3 + col * 3 + 1, U(1, 1) * Di[1][col]);
    put(3 + col * 3 + 2, zero);
    put(12 + col * 3, fma(U(0, 0), Dj[0][col], U(0, 1) * Dj[1][col]));
    put(12 + col * 3 + 1, U(1, 1) * Dj[1][col]);
    put(12 + col * 3 + 2, zero);
  }
  put(9, fma(U(0, 0), ax, U(0, 1) * ay) - U(0, 2));
  put(10, U(1, 1) * ay - U(1, 2));
  put(11, -U(2, 2));
  put(18, U(0, 2));
  put(19, U(1, 2));
  put(20, U(2, 2));
}

template <BlockOrder kOrder, class T, class S>
HWY_INLINE void scatter_jacobian(const T (&out)[kOut2][kGroup], int lane, S* J) {
  for (int k = 0; k < 2; ++k)
    for (int c = 0; c < 3; ++c)
      for (int r = 0; r < 3; ++r)
        J[9 * k + (kOrder == BlockOrder::Rows ? r * 3 + c : c * 3 + r)] =
            static_cast<S>(out[3 + 9 * k + c * 3 + r][lane]);
}

// ----------------------------------------------------------------------------------------------------------- both

/// Groups that `range` touches, one after the other; of the first and the last only the edges of the range are written.
template <class Pose, class T, class S>
HWY_INLINE void run_groups(
    const T* fields, BlockOrder order, Range range, const Pose* poses, const Places* places, double* r, S* J) {
  constexpr int D = Pose::kDim, kFields = D == 6 ? 28 : 11;
  const hn::CappedTag<T, kGroup> d;
  Buffers<T, D == 6 ? kIn3 : kIn2, D == 6 ? kOut3 : kOut2> b;
  for (std::size_t first = range.begin / kGroup * kGroup; first < range.end; first += kGroup) {
    const T* group = fields + first * kFields;
    const int begin = first < range.begin ? static_cast<int>(range.begin - first) : 0;
    const int end = static_cast<int>(std::min<std::size_t>(range.end - first, kGroup));
    for (int lane = begin; lane < end; ++lane) {
      const auto& [i, j] = places[first + lane];
      gather_poses(poses[i], poses[j], D == 3 ? group + 4 * kGroup + lane : group, lane, b.in);
    }
    for (size_t lane = 0; lane < static_cast<size_t>(end); lane += hn::Lanes(d)) {
      if constexpr (D == 6)
        between_in_space<!std::is_void_v<S>>(d, group, b, lane);
      else
        between_in_plane<!std::is_void_v<S>>(d, group, b, lane);
    }
    for (int lane = begin; lane < end; ++lane) {
      for (int k = 0; k < D; ++k) r[(first + lane) * D + k] = static_cast<double>(b.out[k][lane]);
      if constexpr (!std::is_void_v<S>) {
        S* to = J + (first + lane) * 2 * D * D;
        if (order == BlockOrder::Rows)
          scatter_jacobian<BlockOrder::Rows>(b.out, lane, to);
        else
          scatter_jacobian<BlockOrder::Columns>(b.out, lane, to);
      }
    }
  }
}

#define PIPIT_NAMED_BETWEEN(D, Pose)                                                                                   \
  void residuals_f##D(const float* fields, Range range, const Pose* x, const Places* places, double* r) {              \
    run_groups<Pose, float, void>(fields, BlockOrder::Rows, range, x, places, r, nullptr);                             \
  }                                                                                                                    \
  void residuals_d##D(const double* fields, Range range, const Pose* x, const Places* places, double* r) {             \
    run_groups<Pose, double, void>(fields, BlockOrder::Rows, range, x, places, r, nullptr);                            \
  }                                                                                                                    \
  void linearise_ff##D(                                                                                                \
      const float* fields, BlockOrder order, Range range, const Pose* x, const Places* places, double* r, float* J) {  \
    run_groups<Pose>(fields, order, range, x, places, r, J);                                                           \
  }                                                                                                                    \
  void linearise_fd##D(                                                                                                \
      const float* fields, BlockOrder order, Range range, const Pose* x, const Places* places, double* r, double* J) { \
    run_groups<Pose>(fields, order, range, x, places, r, J);                                                           \
  }                                                                                                                    \
  void linearise_df##D(                                                                                                \
      const double* fields, BlockOrder order, Range range, const Pose* x, const Places* places, double* r, float* J) { \
    run_groups<Pose>(fields, order, range, x, places, r, J);                                                           \
  }                                                                                                                    \
  void linearise_dd##D(const double* fields,                                                                           \
                       BlockOrder order,                                                                               \
                       Range range,                                                                                    \
                       const Pose* x,                                                                                  \
                       const Places* places,                                                                           \
                       double* r,                                                                                      \
                       double* J) {                                                                                    \
    run_groups<Pose>(fields, order, range, x, places, r, J);                                                           \
  }
PIPIT_NAMED_BETWEEN(2, SE2<double>)
PIPIT_NAMED_BETWEEN(3, SE3<double>)
#undef PIPIT_NAMED_BETWEEN

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

/// The measured numbers of one edge, in the order of the fields; yields how many there are.
int measurement(const SE3<double>& z, double* out) {
  for (int k = 0; k < 4; ++k) out[k] = z.q.coeffs()[k];
  for (int k = 0; k < 3; ++k) out[4 + k] = z.t[k];
  return 7;
}
int measurement(const SE2<double>& z, double* out) {
  const double numbers[] = {std::cos(z.theta), std::sin(z.theta), z.t[0], z.t[1], z.theta};
  std::copy(std::begin(numbers), std::end(numbers), out);
  return 5;
}

}  // namespace

template <class Pose>
void BetweenLanes<Pose>::add(const Pose& T_from_to, const Root<double>& root) {
  double numbers[kFields];
  int count = measurement(T_from_to, numbers);
  for (int c = 0; c < kDim; ++c)
    for (int r = 0; r <= c; ++r) numbers[count++] = root(r, c);
  const std::size_t lane = size_ % kGroup, first = size_ / kGroup * kGroup * kFields;
  if (lane == 0) {
    single_.resize(first + kGroup * kFields);
    double_.resize(first + kGroup * kFields);
  }
  for (std::size_t k = 0; k < kFields; ++k) {
    double_[first + k * kGroup + lane] = numbers[k];
    single_[first + k * kGroup + lane] = static_cast<float>(numbers[k]);
  }
  ++size_;
}

#define PIPIT_DEFINE_BETWEEN(D, Pose)                                                                                  \
  HWY_EXPORT(residuals_f##D);                                                                                          \
  HWY_EXPORT(residuals_d##D);                                                                                          \
  HWY_EXPORT(linearise_ff##D);                                                                                         \
  HWY_EXPORT(linearise_fd##D);                                                                                         \
  HWY_EXPORT(linearise_df##D);                                                                                         \
  HWY_EXPORT(linearise_dd##D);                                                                                         \
  template <>                                                                                                          \
  void BetweenLanes<Pose>::residuals(Format format, Range range, const Pose* x, const Places* places, double* r)       \
      const {                                                                                                          \
    expects(range.end <= size_, "BetweenLanes: no such edge");                                                         \
    format == Format::Double ? HWY_DYNAMIC_DISPATCH(residuals_d##D)(double_.data(), range, x, places, r)               \
                             : HWY_DYNAMIC_DISPATCH(residuals_f##D)(single_.data(), range, x, places, r);              \
  }                                                                                                                    \
  template <>                                                                                                          \
  void BetweenLanes<Pose>::linearise(                                                                                  \
      Format format, BlockOrder order, Range range, const Pose* x, const Places* places, double* r, float* J) const {  \
    expects(range.end <= size_, "BetweenLanes: no such edge");                                                         \
    format == Format::Double ? HWY_DYNAMIC_DISPATCH(linearise_df##D)(double_.data(), order, range, x, places, r, J)    \
                             : HWY_DYNAMIC_DISPATCH(linearise_ff##D)(single_.data(), order, range, x, places, r, J);   \
  }                                                                                                                    \
  template <>                                                                                                          \
  void BetweenLanes<Pose>::linearise(                                                                                  \
      Format format, BlockOrder order, Range range, const Pose* x, const Places* places, double* r, double* J) const { \
    expects(range.end <= size_, "BetweenLanes: no such edge");                                                         \
    format == Format::Double ? HWY_DYNAMIC_DISPATCH(linearise_dd##D)(double_.data(), order, range, x, places, r, J)    \
                             : HWY_DYNAMIC_DISPATCH(linearise_fd##D)(single_.data(), order, range, x, places, r, J);   \
  }
PIPIT_DEFINE_BETWEEN(2, SE2<double>)
PIPIT_DEFINE_BETWEEN(3, SE3<double>)
#undef PIPIT_DEFINE_BETWEEN

template class BetweenLanes<SE2<double>>;
template class BetweenLanes<SE3<double>>;

}  // namespace pipit
#endif  // HWY_ONCE
