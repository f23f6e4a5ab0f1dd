// sparse/pcg.h — preconditioned conjugate gradients, in fp32, fp64 or (naively) in half.
// Source: Hestenes and Stiefel, Methods of conjugate gradients (1952); Golub and Ye, Inexact preconditioned conjugate
// gradient
//         method with inner-outer iteration (1999): the Polak-Ribiere beta, which bears a slightly unsymmetric M.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <type_traits>
#include <vector>

#include "bits/half_number.h"
#include "bits/vector_ops.h"

namespace pipit {

struct LinearOutcome {
  enum class Stop : std::uint8_t {
    Converged,
    MaxIterations,
    Breakdown,            ///< p^T A p <= 0 or r^T M^-1 r <= 0: A or M is not positive definite in this arithmetic
    NotPositiveDefinite,  ///< no shift up to 1 made the factorisation succeed
    NotFinite,            ///< NaN or infinity in the input or in the recurrences
  };
  Stop stop = Stop::Converged;
  int iterations = 0;  ///< of conjugate gradients or of refinement; 0 for a direct solve
  /// ||(H + D) dx + g|| / ||g||, plain 2-norm, of what chains leave, as the method knew it at its end.
  double relative_residual = 0;
  bool refactored = false;  ///< this solve computed a new factor
  double decrease = 0;      ///< of 1/2 x'(H + D)x + g'x, from zero to dx: what the linear model promises
};

struct PcgOptions {
  /// Stop when k dE <= eta^2 E: dE the decrease of 1/2 x'Ax - b'x in iteration k, E the decrease of all k together. An
  /// error in the energy norm of about eta. Source: Nash and Sofer, Assessing a search direction within a
  /// truncated-Newton method (1990). (Residual norms hide weak directions: with them parking-garage and INTEL1228 stop
  /// 0.03 and 0.1 % above the optimum.) Legal (0, 1).
  double eta = 1e-6;
  double enough = 0;  ///< stop as well when k dE <= enough: the caller has no use for more
  double relax = 0;   ///< stop as well when k dE <= relax E^2: a long step is worth less accuracy than a short one
  int max_iterations = 500;
  int replace_every = 0;  ///< residual replacement, 0: never
  /// M is not made of this A: that k dE is enough is not believed before r'M^-1 r is as small. (With a factor of an
  /// earlier system the first step may gain a hundredth of what there is: sphere2500 then stopped 1.2e-5 too early.)
  bool doubt = false;
  const std::function<bool()>* give_up =
      nullptr;         ///< asked before every iteration but the first: true is MaxIterations
  bool go_on = false;  ///< start from the x given instead of zero
  double energy = 0;   ///< twice what has lowered the energy before: that x, and unknowns eliminated from the system
};

template <class V>
struct PcgScratch {
  std::vector<V> r, z, p, q;
};

/// Scalars of the recurrences: fp64 beside fp32 and fp64 vectors, half in the all-half solver.
template <class V>
using PcgScalar = std::conditional_t<std::is_floating_point_v<V>, double, V>;

// The vector operations of the naive solver: element after element, every result a half.
template <Accumulate A>
HalfNumber<A> dot(std::span<const HalfNumber<A>> x, std::span<const HalfNumber<A>> y) {
  HalfNumber<A> sum(0);
  for (std::size_t i = 0; i < x.size(); ++i) sum = mul_add(x[i], y[i], sum);
  return sum;
}
template <Accumulate A>
void axpy(HalfNumber<A> a, std::span<const HalfNumber<A>> x, std::span<HalfNumber<A>> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = mul_add(a, x[i], y[i]);
}
template <Accumulate A>
void xpby(std::span<const HalfNumber<A>> x, HalfNumber<A> b, std::span<HalfNumber<A>> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = mul_add(b, y[i], x[i]);
}

/// Solves A x = b from x = 0, or goes on from x with another preconditioner.
///
/// V          float, double, HalfNumber.
/// product(p, q)       q = A p, yields p^T A p.        precondition(r, z)   z = M^-1 r.        All on spans of V.
/// replace(x, r)       r = b - A x, as exactly as the caller can; called every options.replace_every iterations and
///                     before the end, which is then confirmed by one more iteration.
/// Out        x [n]: the last iterate; never worse informed than "last finite" (a bad step is not taken).
/// Stop       Converged (PcgOptions::eta), MaxIterations, Breakdown, NotFinite.
/// Threads    those of product and precondition.   Cost: one product, one precondition, about 5 vector passes a step.
template <class V, class Product, class Precondition, class Replace>
LinearOutcome pcg(const Product& product,
                  const Precondition& precondition,
                  const Replace& replace,
                  std::span<const V> b,
                  std::span<V> x,
                  const PcgOptions& options,
                  PcgScratch<V>& s) {
  using Scalar = PcgScalar<V>;
  using Stop = LinearOutcome::Stop;
  const std::size_t n = b.size();
  const auto inner = [](const std::vector<V>& u, const std::vector<V>& v) {
    return Scalar(dot(std::span<const V>(u), std::span<const V>(v)));
  };
  const auto finite = [](Scalar a) { return std::isfinite(static_cast<double>(a)); };
  const auto root = [](Scalar a) { return std::sqrt(static_cast<double>(a)); };
  for (auto* v : {&s.r, &s.z, &s.p, &s.q}) v->resize(n);
  if (!options.go_on) std::fill(x.begin(), x.end(), V(0));
  std::copy(b.begin(), b.end(), s.r.begin());

  LinearOutcome out;
  double energy = options.energy;  // twice the decrease so far
  out.decrease = 0.5 * energy;
  const Scalar bb = inner(s.r, s.r);
  if (!finite(bb)) return {Stop::NotFinite, 0, 1.0, false};
  const double norm_b = root(bb);
  if (norm_b == 0) {
    // The squares of a half or float vector may vanish though the vector does not.
    for (const V v : b)
      if (static_cast<double>(v) != 0) return {Stop::Breakdown, 0, 1.0, false};
    return out;
  }
  out.relative_residual = 1;
  if (options.go_on) replace(std::span<const V>(x), std::span<V>(s.r));
  int replaced_at = -1;
  precondition(std::span<const V>(s.r), std::span<V>(s.z));
  std::copy(s.z.begin(), s.z.end(), s.p.begin());
  Scalar rz = inner(s.r, s.z);
  while (true) {
    if (!finite(rz)) return out.stop = Stop::NotFinite, out;
    if (!(rz > Scalar(0))) return out.stop = Stop::Breakdown, out;
    const bool given_up = out.iterations > 0 && options.give_up != nullptr && *options.give_up && (*options.give_up)();
    if (given_up || out.iterations >= options.max_iterations) return out.stop = Stop::MaxIterations, out;
    const Scalar pq = product(std::span<const V>(s.p), std::span<V>(s.q));
    if (!finite(pq)) return out.stop = Stop::NotFinite, out;
    if (!(pq > Scalar(0))) return out.stop = Stop::Breakdown, out;
    const Scalar alpha = rz / pq;
    if (!finite(alpha)) return out.stop = Stop::NotFinite, out;
    axpy(V(alpha), std::span<const V>(s.p), x);
    axpy(V(-alpha), std::span<const V>(s.q), std::span<V>(s.r));
    ++out.iterations;
    if (options.replace_every > 0 && out.iterations % options.replace_every == 0) {
      replace(std::span<const V>(x), std::span<V>(s.r));
      replaced_at = out.iterations;
    }
    const Scalar rr = inner(s.r, s.r);
    if (!finite(rr)) {
      axpy(V(-alpha), std::span<const V>(s.p), x);
      return out.stop = Stop::NotFinite, out;
    }
    out.relative_residual = root(rr) / norm_b;
    const double gained = static_cast<double>(alpha) * static_cast<double>(rz);
    energy += gained;
    out.decrease = 0.5 * energy;
    const double relative = std::max(options.eta * options.eta * energy, options.relax * energy * energy);
    const double left = static_cast<double>(out.iterations) * gained;
    bool enough = left <= relative || rr == Scalar(0), preconditioned = false;
    if (!enough && left <= options.enough) {
      enough = true;
      if (options.doubt) {
        precondition(std::span<const V>(s.r), std::span<V>(s.z));
        preconditioned = true;
        enough = static_cast<double>(inner(s.r, s.z)) <= options.enough;
      }
    }
    if (enough) {
      if (options.replace_every == 0 || replaced_at + 1 >= out.iterations) return out.stop = Stop::Converged, out;
      // Not believed before the true residual has been seen: start again from it.
      replace(std::span<const V>(x), std::span<V>(s.r));
      replaced_at = out.iterations;
      precondition(std::span<const V>(s.r), std::span<V>(s.z));
      std::copy(s.z.begin(), s.z.end(), s.p.begin());
      rz = inner(s.r, s.z);
      if (rz == Scalar(0)) return out.stop = Stop::Converged, out;
      continue;
    }
    if (!preconditioned) precondition(std::span<const V>(s.r), std::span<V>(s.z));
    // Polak-Ribiere: z^T (r_new - r_old) / rz, and r_new - r_old = -alpha q; held in [0, Fletcher-Reeves], since at the
    // level of rounding z^T r_old, which ought to be zero, would turn p anywhere (Gilbert and Nocedal 1992).
    const Scalar rz_new = inner(s.r, s.z);
    Scalar beta = -(alpha * inner(s.z, s.q)) / rz;
    const Scalar most = rz_new / rz;
    if (!finite(beta) || beta < Scalar(0)) beta = Scalar(0);
    if (beta > most) beta = most;
    xpby(std::span<const V>(s.z), V(beta), std::span<V>(s.p));
    rz = rz_new;
  }
}

}  // namespace pipit
