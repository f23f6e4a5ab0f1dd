// sparse/linear_parts.h — what LinearSolver keeps between solves: the choice, a factor and its age, vectors of every
// arithmetic. Seen by linear_solver.cc alone.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "bits/convert.h"
#include "factor/block_scaling.h"
#include "sparse/border.h"
#include "sparse/choose.h"
#include "sparse/condensation.h"
#include "sparse/linear_solver.h"
#include "sparse/preconditioner.h"
#include "sparse/products.h"

namespace pipit {

// Share of what a new factor costs that is spent on iterations with an old one before it is given up. (Ski rental: 1
// would never cost more than twice the better choice; less, since a factor that does badly now does worse later.)
inline constexpr double kPatience = 0.7;
// A fresh low-precision factor that needs this many times the iterations an fp64 factor costs is given up for fp64.
inline constexpr double kPatienceFresh = 2;
// An fp32 factor with a smaller pivot than this is taken for useless in weak directions, and fp64 serves at once.
// Measured on 13 public graphs: those from 1.2e-4 on need at most 12 inner iterations with it, those up to 4e-5 from 20
// to hundreds.
inline constexpr double kWeakPivot = 7e-5;
// A complete factor of fewer blocks than this times those of H is that of a long and thin graph, whose weakest
// direction falls with the square of its length: fp32 is not even tried. Of the public and simulated graphs that keep
// their chains only parking-garage is below, at 1.55; the others are from 3.4 up.
inline constexpr double kThinFill = 2;
// Rounding of an fp64 factorisation, with room; weak directions of pose graphs reach 1e-9 and below.
inline constexpr double kShiftFp64 = 1e-13;
// Everything one arithmetic of the recurrences needs.
template <class V>
struct Recurrence {
  Product<V> product;
  PcgScratch<V> scratch;
  std::vector<V> b, x;
};

// Right-hand side and solution of a factor that is older than the structure.
template <class V>
struct OldVectors {
  std::vector<V> b, z;
};

struct LinearSolver::Parts {
  int B;
  LinearOptions options;
  Workers* workers;

  int n_whole = -1, n = -1;  // block columns of the system, and of what is left of it without chains
  bool condensed = false;
  std::tuple<Condensation<float>, Condensation<double>> condensations;
  std::vector<double> gradient, step;  // of what is left
  LinearChoice choice;
  Preconditioner factor;
  BlockScaling scaling;  // of the factor, or of the last system where there is none
  bool stale = true, escalated = false;
  bool grown = false;  // the factor is of an earlier structure: the choice, too
  Border border;       // of the factor, where grown
  bool border_built = false;
  std::vector<std::int32_t> place;  // block columns of the factor: their numbers now
  std::tuple<OldVectors<float>, OldVectors<double>> old_vectors;
  int allowance = 10;        // inner iterations with a kept factor
  int grown_allowance = 10;  // the same, where a new factor needs a new order first
  LinearReport report;
  std::vector<double> b;
  std::tuple<Recurrence<float>, Recurrence<double>, Recurrence<SeparateHalf>, Recurrence<FusedHalf>> recurrence;

  Parts(int side, const LinearOptions& o, Workers& w)
      : B(side),
        options(o),
        workers(&w),
        recurrence{make<float>(), make<double>(), make<SeparateHalf>(), make<FusedHalf>()} {}

  template <class V>
  Recurrence<V> make() const {
    return {Product<V>(options.matrix, options.accumulate, *workers), {}, {}, {}};
  }
  std::size_t size() const { return static_cast<std::size_t>(n) * B; }
  void drop_products() { recurrence = {make<float>(), make<double>(), make<SeparateHalf>(), make<FusedHalf>()}; }
  bool has_factor() const { return choice.factor != FactorKind::Jacobi; }
  bool direct() const { return choice.solver == SolverKind::Cholesky && choice.direct; }
  // The unknown of conjugate gradients: y with dx = S^T y where the matrix is rounded to half or is J; else dx itself.
  bool in_scaled_space() const {
    return choice.solver == SolverKind::Cgnr || options.matrix == Format::Half || options.vectors == Format::Half;
  }
  ScalingKind scaling_kind() const { return options.scaling ? ScalingKind::Block : ScalingKind::None; }

  bool may_condense() const {
    return options.condense && options.scaling && options.solver != SolverKind::Cgnr &&
           (options.solver == SolverKind::Cholesky || options.factor == FactorKind::Auto ||
            options.factor == FactorKind::Complete) &&
           options.matrix != Format::Half && options.vectors != Format::Half;
  }
  // Calls f(condensation, the matrix that it reads).
  template <class F>
  auto with_condensation(const LinearSystem& system, const F& f) {
    return options.matrix == Format::Double ? f(std::get<1>(condensations), system.H64, &LinearSystem::H64)
                                            : f(std::get<0>(condensations), system.H32, &LinearSystem::H32);
  }

  // Chooses, orders and plans, for what chains leave.
  void plan(const BlockPattern& whole) {
    const Timed timed(report.seconds_symbolic);
    n_whole = whole.n;
    condensed = may_condense() && has_chains(whole);
    if (!condensed) return plan_rest(whole);
    with_condensation({}, [&](auto& condensation, auto*, auto) {
      condensation.analyse(whole, B);
      plan_rest(condensation.matrix().pattern());
      report.reason += "; " + std::to_string(condensation.num_eliminated()) + " of " + std::to_string(whole.n) +
                       " blocks are chains and go first";
    });
    gradient.resize(size()), step.resize(size());
  }
  void plan_rest(const BlockPattern& pattern) {
    n = pattern.n;
    choice = choose(pattern, B, options);
    const auto affordable = [&](double iterations) {
      return options.refresh_after > 0 ? options.refresh_after
                                       : static_cast<int>(std::clamp(kPatience * iterations, 3.0, 60.0));
    };
    allowance = affordable(choice.iterations_per_factor);
    grown_allowance = affordable(choice.iterations_per_factor + choice.iterations_per_choice);
    if (has_factor()) factor.analyse(pattern, choice.layout, choice.factor == FactorKind::Complete, B);
    report.chosen = describe(choice, storage());
    report.reason = choice.reason;
    report.fill = choice.fill;
    if (!condensed && may_escalate() &&
        static_cast<double>(choice.layout->num_nonzero) < kThinFill * pattern.num_blocks()) {
      escalate("the graph is long and thin");
      report.chosen = describe(choice, storage());
    }
    grown = false;
    stale = true;
  }
  // The old factor may go on only where conjugate gradients use it in the space of the unknowns themselves.
  bool may_grow() const {
    return choice.solver == SolverKind::Iccg && !condensed && has_factor() && factor.ready() && !stale &&
           !in_scaled_space();
  }

  void rescale(const LinearSystem& system, std::span<const double> damping) {
    scaling = system.H64 != nullptr   ? make_scaling(*system.H64, damping, scaling_kind())
              : system.H32 != nullptr ? make_scaling(*system.H32, damping, scaling_kind())
              : !system.J64.empty()   ? make_scaling(system.J64, n, B, damping, scaling_kind())
                                      : make_scaling(system.J32, n, B, damping, scaling_kind());
  }

  // A factor in low precision serves weak directions badly; where it leaves conjugate gradients with too much to do,
  // the solver goes over to fp64 for good: factors are computed in it, and so are the recurrences. The factor is kept
  // in fp32, which costs no iterations (parking-garage, KITTI_00_vo) and half the bytes. Only where the choice was left
  // to it.
  bool may_escalate() const {
    return options.solver == SolverKind::Auto && choice.solver == SolverKind::Iccg &&
           choice.factor == FactorKind::Complete && options.matrix == Format::Double &&
           options.vectors != Format::Half && options.factor_compute != Format::Double && options.scaling && !escalated;
  }
  void escalate(const std::string& why) {
    escalated = true;
    report.chosen += ", then in fp32";
    report.reason += "; computed in fp64 and kept in fp32 since " + why;
  }
  Format storage() const { return escalated ? Format::Single : options.factor_storage; }
  // Inner iterations before the factor is renewed or given up; the solver's limit where neither can happen.
  int patience(bool fresh) const {
    const bool reused = choice.solver == SolverKind::Iccg && has_factor() && options.vectors != Format::Half;
    if (!fresh && reused) return grown ? grown_allowance : allowance;
    if (fresh && may_escalate()) return static_cast<int>(std::max(10.0, kPatienceFresh * allowance / kPatience));
    return options.max_iterations;
  }

  bool refactor(const LinearSystem& system, std::span<const double> damping) {
    if (grown) {
      const Timed planning(report.seconds_symbolic);
      plan_rest(system.H64 != nullptr ? system.H64->pattern() : system.H32->pattern());
    }
    const Timed timed(report.seconds_factor);
    rescale(system, damping);
    const bool fine = build(system, damping);
    if (!may_escalate() || (fine && factor.smallest_pivot() >= kWeakPivot)) return fine;
    escalate("the factor in fp32 has a pivot of 7e-5 or less");
    return build(system, damping);
  }
  double shift() const { return options.shift > 0 ? options.shift : options.matrix == Format::Double ? 1e-7 : 1e-6; }
  bool build(const LinearSystem& system, std::span<const double> damping) {
    const bool twice = escalated || options.factor_compute == Format::Double;
    const PreconditionerOptions how{.compute = twice ? Format::Double : options.factor_compute,
                                    .storage = storage(),
                                    .accumulate = options.accumulate,
                                    .shift = choice.direct ? 0.0
                                             : twice       ? kShiftFp64
                                                           : shift(),
                                    .retry = !choice.direct && !may_escalate(),
                                    .count_range = options.count_range};
    const bool ok =
        system.H64 != nullptr
            ? factor.build(DampedMatrix<double>{system.H64, damping}, scaling, in_scaled_space(), how, *workers)
            : factor.build(DampedMatrix<float>{system.H32, damping}, scaling, in_scaled_space(), how, *workers);
    ++report.factorisations;
    report.factor_bytes = factor.bytes();
    report.shift = factor.shift();
    report.range += factor.range();
    return ok;
  }

  // The border of a factor that is kept, or a new factor after all.
  void prepare_border(const LinearSystem& system, std::span<const double> damping) {
    if (!grown || stale || border_built) return;
    const Timed timed(report.seconds_factor);
    border_built = system.H64 != nullptr ? border.build(DampedMatrix<double>{system.H64, damping}, *workers)
                                         : border.build(DampedMatrix<float>{system.H32, damping}, *workers);
    stale = !border_built;
  }

  template <class V>
  void precondition(std::span<const V> r, std::span<V> z) {
    if constexpr (std::is_floating_point_v<V>) {
      if (grown) {
        OldVectors<V>& old = std::get<OldVectors<V>>(old_vectors);
        old.b.resize(place.size() * static_cast<std::size_t>(B)), old.z.resize(old.b.size());
        border.reduce<V>(r, old.b);
        factor.apply<V>(old.b, old.z);
        return border.extend<V>(old.z, z);
      }
    }
    if (has_factor()) return factor.apply(r, z);
    if constexpr (std::is_floating_point_v<V>) {
      if (!in_scaled_space()) {
        scale_vector<V>(scaling, r, z);
        return scale_vector_transposed<V>(scaling, z, z);
      }
    }
    std::copy(r.begin(), r.end(), z.begin());
  }

  template <class V>
  LinearOutcome solve_in(const LinearSystem& system,
                         std::span<const double> damping,
                         const LinearGoal& goal,
                         int max_iterations,
                         double before,
                         bool go_on,
                         bool doubt,
                         std::span<double> dx) {
    const bool scaled = in_scaled_space();
    Recurrence<V>& with = std::get<Recurrence<V>>(recurrence);
    ProductSource source{.damping = damping,
                         .scaling = scaled && scaling.on() ? &scaling : nullptr,
                         .counters = options.count_range ? &report.range : nullptr,
                         .use_range = options.scaling};
    if (choice.solver == SolverKind::Cgnr)
      source.J32 = system.J32, source.J64 = system.J64;
    else
      source.H32 = system.H32, source.H64 = system.H64;
    with.product.load(source, n, B);

    b.assign(system.gradient.begin(), system.gradient.end());
    double largest = 0;
    for (double& v : b) v = -v, largest = std::max(largest, std::fabs(v));
    const int exponent = options.scaling && largest > 0 ? std::clamp(-std::ilogb(largest), -1000, 1000) : 0;
    const double up = std::ldexp(1.0, exponent), down = std::ldexp(1.0, -exponent);  // exact but for subnormal numbers
    for (double& v : b) v *= up;
    if (scaled) scale_vector<double>(scaling, b, b);
    with.b.resize(size()), with.x.resize(size());
    std::transform(b.begin(), b.end(), with.b.begin(), [](double v) { return V(v); });
    if (options.count_range && !std::is_floating_point_v<V>) {
      std::vector<half> rounded(size());
      convert<double, half>(b, rounded, &report.range);
    }
    // The right-hand side is scaled by 2^exponent, energies by its square.
    const PcgOptions how{.eta = goal.eta,
                         .enough = std::ldexp(2 * goal.enough, 2 * exponent),
                         .relax = std::ldexp(goal.relax / 2, -2 * exponent),
                         .max_iterations = max_iterations,
                         .replace_every = choice.solver == SolverKind::Cgnr && std::is_floating_point_v<V> ? 10 : 0,
                         .doubt = doubt,
                         .give_up = &goal.give_up,
                         .go_on = go_on,
                         .energy = std::ldexp(2 * before, 2 * exponent)};
    LinearOutcome out{.decrease = how.energy / 2};
    if (choice.direct) {
      precondition<V>(with.b, with.x);
      for (std::size_t i = 0; i < b.size(); ++i) out.decrease += 0.5 * b[i] * static_cast<double>(with.x[i]);
      out.relative_residual = residual_after<V>(with);
      if (!std::isfinite(out.relative_residual)) out.stop = LinearOutcome::Stop::NotFinite;
    } else {
      out = pcg<V>([&](std::span<const V> p, std::span<V> q) { return with.product(p, q); },
                   [&](std::span<const V> r, std::span<V> z) { precondition<V>(r, z); },
                   [&](std::span<const V> x, std::span<V> r) { with.product.replace(b, x, r); },
                   std::span<const V>(with.b),
                   std::span<V>(with.x),
                   how,
                   with.scratch);
    }
    std::transform(with.x.begin(), with.x.end(), dx.begin(), [](V v) { return static_cast<double>(v); });
    if (scaled) scale_vector_transposed<double>(scaling, dx, dx);
    for (double& v : dx) v *= down;
    out.decrease = std::ldexp(out.decrease, -2 * exponent);
    return out;
  }

  // ||b - A x|| / ||b|| with the given matrix.
  template <class V>
  double residual_after(Recurrence<V>& with) {
    double rr = 0, bb = 0;
    if constexpr (std::is_floating_point_v<V>) {
      std::vector<V> r(size());
      with.product.replace(b, with.x, r);
      for (const V v : r) rr += static_cast<double>(v) * static_cast<double>(v);
    } else {
      std::vector<V> q(size());
      with.product(with.x, q);
      for (std::size_t i = 0; i < q.size(); ++i) {
        const double d = b[i] - static_cast<double>(q[i]);
        rr += d * d;
      }
    }
    for (const double v : b) bb += v * v;
    return bb > 0 ? std::sqrt(rr / bb) : 0.0;
  }

  // Solves what is left without chains, from zero; `before` is what their elimination has lowered the energy by.
  LinearOutcome solve_rest(const LinearSystem& used,
                           std::span<const double> damping,
                           const LinearGoal& goal,
                           double before,
                           std::span<double> dx) {
    using Stop = LinearOutcome::Stop;
    if (!has_factor()) rescale(used, damping);
    prepare_border(used, damping);
    bool refactored = false;
    int iterations = 0;
    LinearOutcome out{.decrease = before};
    for (bool again = false;;) {
      if (has_factor() && (stale || !factor.ready() || choice.solver == SolverKind::Cholesky)) {
        refactored = true;
        if (!refactor(used, damping)) {
          if (again) break;  // what the factor before it brought is not lost
          return {Stop::NotPositiveDefinite, 0, 1.0, true};
        }
        stale = false;
      }
      const Timed timed(report.seconds_solve);
      const double so_far = out.decrease;
      const auto in = [&]<class V>(V) {
        return solve_in<V>(used,
                           damping,
                           goal,
                           std::min(patience(refactored), options.max_iterations - iterations),
                           so_far,
                           again,
                           has_factor() && !refactored,
                           dx);
      };
      out = options.vectors == Format::Double || escalated ? in(double{})
            : options.vectors != Format::Half              ? in(float{})
            : options.accumulate == Accumulate::HalfFused  ? in(FusedHalf(0))
                                                           : in(SeparateHalf(0));
      iterations += out.iterations;
      if (out.stop == Stop::Converged || out.stop == Stop::NotFinite || options.vectors == Format::Half) break;
      // The factor is not good enough: a new one, or a better one, goes on from where this one got.
      if (!refactored && choice.solver == SolverKind::Iccg && has_factor())
        stale = true;
      else if (may_escalate())
        escalate("a fresh factor took more than " + std::to_string(out.iterations) + " inner iterations"), stale = true;
      else
        break;
      again = out.decrease > before;
      if (iterations >= options.max_iterations || (goal.give_up && goal.give_up())) break;
    }
    if (out.stop != Stop::Converged) stale = true;
    out.refactored = refactored;
    out.iterations = iterations;
    report.inner_iterations += iterations;
    return out;
  }

  // The same for a system with chains. False: a chain is not positive definite; the system is then taken whole.
  bool solve_condensed(const LinearSystem& whole,
                       std::span<const double> damping,
                       const LinearGoal& goal,
                       std::span<double> dx,
                       LinearOutcome& out) {
    return with_condensation(whole, [&](auto& condensation, const auto* H, auto rest_of) {
      double square = 0;
      {
        const Timed timed(report.seconds_factor);
        if (!condensation.build({H, damping})) return false;
        square = condensation.reduce(whole.gradient, gradient);
      }
      LinearSystem rest{.gradient = gradient};
      rest.*rest_of = &condensation.matrix();
      std::fill(step.begin(), step.end(), 0.0);
      out = n > 0 ? solve_rest(rest, {}, goal, square / 2, step) : LinearOutcome{.decrease = square / 2};
      if (out.stop == LinearOutcome::Stop::NotPositiveDefinite || out.stop == LinearOutcome::Stop::NotFinite)
        return true;
      const Timed timed(report.seconds_solve);
      condensation.extend(step, dx);
      return true;
    });
  }
};

}  // namespace pipit
