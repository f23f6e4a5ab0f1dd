// cameras/lens.h — the two lenses behind all camera models: where a point is seen, and how that moves.
// Source: Brown, Decentering Distortion of Lenses (1966), as OpenCV names the coefficients; Kannala and Brandt, A
// Generic Camera Model (2006), eq. 6 with odd powers up to nine. Legend: p = (x, y, z) in the camera's frame, m; (a, b)
// image point at focal length one, undistorted; (u, v) pixel.
#pragma once
#include <array>
#include <cmath>
#include <cstddef>

namespace pipit {

/// What a lens is made of. Radial-tangential: d = k1, k2, p1, p2. Fisheye: d = k1, k2, k3, k4.
enum LensNumber { kFx, kFy, kCx, kCy, kD1, kD2, kD3, kD4, kNumLens };

/// A pixel and its derivatives, T any number: float, double, a lane of a vector, a jet.
template <class T>
struct Sight {
  std::array<T, 2> pixel;
  std::array<std::array<T, 3>, 2> by_point;        ///< d pixel / d p
  std::array<std::array<T, kNumLens>, 2> by_lens;  ///< d pixel / d lens
};

/// (a, b) = (x, y) / z;  r2 = a^2 + b^2;  s = 1 + k1 r2 + k2 r2^2
/// u = fx (a s + 2 p1 a b + p2 (r2 + 2 a^2)) + cx,   v = fy (b s + p1 (r2 + 2 b^2) + 2 p2 a b) + cy.
/// Needs z != 0: who is seen stands before the camera, z > 0.
template <class T>
Sight<T> through_radial_tangential(const std::array<T, kNumLens>& lens, const std::array<T, 3>& p) {
  const T near = T(1) / p[2], a = p[0] * near, b = p[1] * near;
  const T aa = a * a, ab = a * b, bb = b * b, r2 = aa + bb;
  const T &fx = lens[kFx], &fy = lens[kFy], &k1 = lens[kD1], &k2 = lens[kD2], &p1 = lens[kD3], &p2 = lens[kD4];
  const T s = T(1) + r2 * (k1 + r2 * k2), slope = T(2) * (k1 + T(2) * r2 * k2);  // slope: ds / d(r2) times two
  const T bent_a = a * s + T(2) * p1 * ab + p2 * (r2 + T(2) * aa);
  const T bent_b = b * s + p1 * (r2 + T(2) * bb) + T(2) * p2 * ab;
  // d bent / d(a, b): symmetric
  const T bend_aa = s + aa * slope + T(2) * p1 * b + T(6) * p2 * a;
  const T bend_ab = ab * slope + T(2) * (p1 * a + p2 * b);
  const T bend_bb = s + bb * slope + T(6) * p1 * b + T(2) * p2 * a;
  const T ua = fx * near * bend_aa, ub = fx * near * bend_ab, va = fy * near * bend_ab, vb = fy * near * bend_bb;
  const T zero(0), one(1);
  return {{fx * bent_a + lens[kCx], fy * bent_b + lens[kCy]},
          {{{ua, ub, -(ua * a + ub * b)}, {va, vb, -(va * a + vb * b)}}},
          {{{bent_a, zero, one, zero, fx * a * r2, fx * a * r2 * r2, T(2) * fx * ab, fx * (r2 + T(2) * aa)},
            {zero, bent_b, zero, one, fy * b * r2, fy * b * r2 * r2, fy * (r2 + T(2) * bb), T(2) * fy * ab}}}};
}

/// rho = |(x, y)|;  t = atan2(rho, z);  w = t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8);  s = w / rho
/// u = fx x s + cx,   v = fy y s + cy.   Seen over more than half of space: z may be negative.
/// Needs p not behind on the axis (rho = 0, z <= 0). Near the axis s and its derivatives are taken from their series.
template <class T>
Sight<T> through_fisheye(const std::array<T, kNumLens>& lens, const std::array<T, 3>& p) {
  using std::atan2, std::sqrt;
  const T &x = p[0], &y = p[1], &z = p[2];
  const T rho2 = x * x + y * y, d2 = rho2 + z * z;
  const T &k1 = lens[kD1], &k2 = lens[kD2], &k3 = lens[kD3], &k4 = lens[kD4];
  T s, spread, by_z, t2, straight;  // spread: (ds / d rho) / rho;  by_z: ds / dz;  straight: t / rho
  if (z > T(0) && rho2 < T(1e-6) * z * z) {
    // t = q - q^3 / 3, q = rho / z: s = (1 + (k1 - 1/3) q^2) / z, the next term below 1e-12 of it
    const T near = T(1) / z, near2 = near * near, bend = k1 - T(1) / T(3);
    s = near * (T(1) + bend * rho2 * near2);
    spread = T(2) * bend * near2 * near;
    by_z = -near2 * (T(1) + T(3) * bend * rho2 * near2);
    t2 = rho2 * near2 * (T(1) - T(2) / T(3) * rho2 * near2);
    straight = near * (T(1) - rho2 * near2 / T(3));
  } else {
    const T rho = sqrt(rho2), t = atan2(rho, z);
    t2 = t * t;
    straight = t / rho;
    s = straight * (T(1) + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))));
    const T slope = T(1) + t2 * (T(3) * k1 + t2 * (T(5) * k2 + t2 * (T(7) * k3 + T(9) * t2 * k4)));  // dw / dt
    spread = (slope * z / d2 - s) / rho2;
    by_z = -slope / d2;
  }
  const T zero(0), one(1);
  const T xs = x * spread, ys = y * spread;
  const std::array<T, 4> power{
      straight * t2, straight * t2 * t2, straight * t2 * t2 * t2, straight * t2 * t2 * t2 * t2};
  Sight<T> out{{lens[kFx] * x * s + lens[kCx], lens[kFy] * y * s + lens[kCy]},
               {{{lens[kFx] * (s + x * xs), lens[kFx] * x * ys, lens[kFx] * x * by_z},
                 {lens[kFy] * y * xs, lens[kFy] * (s + y * ys), lens[kFy] * y * by_z}}},
               {{{x * s, zero, one, zero}, {zero, y * s, zero, one}}}};
  for (std::size_t k = 0; k < 4; ++k) {
    out.by_lens[0][kD1 + k] = lens[kFx] * x * power[k];
    out.by_lens[1][kD1 + k] = lens[kFy] * y * power[k];
  }
  return out;
}

}  // namespace pipit
