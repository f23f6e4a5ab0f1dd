// geom/series.h — the scalar functions inside exp, log and the Jacobians, right for every angle.
//
// Legend   theta >= 0 angle in rad; s = theta^2. All are entire in s, so they and their derivatives exist at zero.
//   sinc     sin(theta)/theta                           = sum (-s)^k / (2k+1)!
//   cosc     (1 - cos(theta))/theta^2                   = sum (-s)^k / (2k+2)!
//   sinc3    (theta - sin(theta))/theta^3               = sum (-s)^k / (2k+3)!
//   cosc4    (theta^2/2 - 1 + cos(theta))/theta^4       = sum (-s)^k / (2k+4)!
//   sinc5    (2 theta - 3 sin(theta) + theta cos(theta))/(2 theta^5) = sum (-s)^k (k+1) / (2k+5)!
//   cotc     (1 - (theta/2) cot(theta/2))/theta^2       = sum (-s)^k 2(k+1) / (2k+4)!  divided by 2 cosc
// Source   Barfoot, State Estimation for Robotics (2017), eqs. 7.37, 7.77, 7.86.
// Switch   Series for s < 4, closed form above. Series: the first term left out is below half an eps of the sum at s =
// 4
//          (7 terms for 24 bits, 12 for 53, 13 for 64; sinc, the slowest, decides: 4^N/(2N+1)!/sinc), and terms fall
//          by a factor of 1.5 or more, so the alternating sum loses no bits. Closed form: the worst cancellation at
//          theta = 2 is sinc5, 4/0.44 = 9, and falls with theta. Measured worst: 6.3 eps; held to 8 (series_test.cc).
#pragma once
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace pipit {

/// Bits of the mantissa of T; a Jet counts as double.
template <class T>
inline constexpr int kMantissaBits = std::numeric_limits<T>::is_specialized ? std::numeric_limits<T>::digits : 53;

template <class T>
inline constexpr std::size_t kSeriesTerms = kMantissaBits<T> <= 24   ? 7
                                            : kMantissaBits<T> <= 53 ? 12
                                                                     : 13;

/// Coefficients (-1)^k * weight / (2k + first)!, where weight is 1 or, if `weighted`, k + 1.
template <std::size_t N>
constexpr std::array<long double, N> series_coefficients(int first, bool weighted) {
  std::array<long double, N> c{};
  long double factorial = 1;
  for (int i = 2; i <= first; ++i) factorial *= i;
  long double sign = 1;
  for (std::size_t k = 0; k < N; ++k) {
    c[k] = sign * (weighted ? static_cast<long double>(k + 1) : 1.0L) / factorial;
    sign = -sign;
    const long double next = static_cast<long double>(2 * k) + first + 1;
    factorial *= next * (next + 1);
  }
  return c;
}

template <class T, int First, bool Weighted = false>
T entire_series(const T& s) {
  using Number = std::conditional_t<std::numeric_limits<T>::is_specialized, T, double>;
  constexpr auto c = series_coefficients<kSeriesTerms<T>>(First, Weighted);
  T sum = T(static_cast<Number>(c.back()));
  for (std::size_t k = c.size() - 1; k-- > 0;) sum = sum * s + T(static_cast<Number>(c[k]));
  return sum;
}

template <class T>
bool takes_series(const T& s) {
  return s < T(4);
}

template <class T>
T sinc(const T& s) {
  using std::sin;
  using std::sqrt;
  if (takes_series(s)) return entire_series<T, 1>(s);
  const T theta = sqrt(s);
  return sin(theta) / theta;
}

template <class T>
T cosc(const T& s) {
  using std::sin;
  using std::sqrt;
  if (takes_series(s)) return entire_series<T, 2>(s);
  const T half = sin(T(sqrt(s) / T(2)));
  return T(2) * half * half / s;
}

template <class T>
T sinc3(const T& s) {
  using std::sin;
  using std::sqrt;
  if (takes_series(s)) return entire_series<T, 3>(s);
  const T theta = sqrt(s);
  return (theta - sin(theta)) / (s * theta);
}

template <class T>
T cosc4(const T& s) {
  using std::cos;
  using std::sqrt;
  if (takes_series(s)) return entire_series<T, 4>(s);
  return (s / T(2) - T(1) + cos(T(sqrt(s)))) / (s * s);
}

template <class T>
T sinc5(const T& s) {
  using std::cos;
  using std::sin;
  using std::sqrt;
  if (takes_series(s)) return entire_series<T, 5, true>(s);
  const T theta = sqrt(s);
  return (T(2) * theta - T(3) * sin(theta) + theta * cos(theta)) / (T(2) * s * s * theta);
}

/// Grows without bound towards theta = 2 pi, where the inverse of the Jacobian does not exist.
template <class T>
T cotc(const T& s) {
  using std::cos;
  using std::sin;
  using std::sqrt;
  if (takes_series(s)) return entire_series<T, 4, true>(s) / entire_series<T, 2>(s);
  const T half = sqrt(s) / T(2);
  return (T(1) - half * cos(half) / sin(half)) / s;
}

}  // namespace pipit
