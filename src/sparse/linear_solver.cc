#include "sparse/linear_solver.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sparse/linear_parts.h"

namespace pipit {
namespace {

using Stop = LinearOutcome::Stop;

// A factor is no longer kept when more than this share of the columns came after it: border and factor together would
// take longer to plan than a new order.
constexpr double kMaxBorder = 0.25;

template <class T>
bool all_finite(std::span<const T> values) {
  return std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); });
}

}  // namespace

LinearSolver::LinearSolver(int B, LinearOptions options, Workers& workers) {
  expects(B >= 1, "LinearSolver: needs B >= 1");
  expects(options.shift >= 0 && options.max_iterations >= 0, "LinearSolver: negative shift or max_iterations");
  parts_ = std::make_unique<Parts>(B, options, workers);
}
LinearSolver::~LinearSolver() = default;
LinearSolver::LinearSolver(LinearSolver&&) noexcept = default;
LinearSolver& LinearSolver::operator=(LinearSolver&&) noexcept = default;

void LinearSolver::analyse(const BlockPattern& pattern) {
  parts_ = std::make_unique<Parts>(parts_->B, parts_->options, *parts_->workers);
  parts_->plan(pattern);
}

void LinearSolver::grow(const BlockPattern& pattern, std::span<const std::int32_t> place) {
  Parts& p = *parts_;
  expects(p.n >= 0, "LinearSolver::grow before analyse");
  expects(place.size() == static_cast<std::size_t>(p.n_whole), "LinearSolver::grow: one place for every column so far");
  std::vector<char> taken(static_cast<std::size_t>(pattern.n), 0);
  for (const std::int32_t column : place)
    expects(column >= 0 && column < pattern.n && std::exchange(taken[static_cast<std::size_t>(column)], 1) == 0,
            "LinearSolver::grow: every column needs a place of its own");
  p.drop_products();
  if (!p.may_grow()) return p.plan(pattern);
  const Timed timed(p.report.seconds_symbolic);
  if (!p.grown)
    p.place.assign(place.begin(), place.end());
  else
    for (std::int32_t& column : p.place) column = place[static_cast<std::size_t>(column)];
  p.n = p.n_whole = pattern.n;
  p.grown = true;
  p.border_built = false;
  p.stale = static_cast<double>(pattern.n) - static_cast<double>(p.place.size()) > kMaxBorder * pattern.n;
  if (!p.stale) p.border.analyse(pattern, p.place, p.B);
}

LinearNeeds LinearSolver::needs() const {
  const Parts& p = *parts_;
  const bool rows = p.choice.solver == SolverKind::Cgnr;
  return {.H = !rows || p.has_factor(),
          .J = rows,
          .format = p.options.matrix == Format::Double ? Format::Double : Format::Single};
}

LinearOutcome LinearSolver::solve(const LinearSystem& system,
                                  std::span<const double> damping,
                                  const LinearGoal& goal,
                                  std::span<double> dx) {
  Parts& p = *parts_;
  expects(p.n >= 0, "LinearSolver::solve before analyse");
  const std::size_t size = static_cast<std::size_t>(p.n_whole) * p.B;
  expects(system.gradient.size() == size && dx.size() == size,
          "LinearSolver::solve: gradient or dx has a wrong length");
  expects(damping.empty() || damping.size() == size, "LinearSolver::solve: damping has a wrong length");
  expects(goal.eta > 0, "LinearSolver::solve: eta must be positive");
  expects(goal.enough >= 0 && goal.relax >= 0, "LinearSolver::solve: a negative goal");
  const LinearNeeds needs = this->needs();
  const bool twice = needs.format == Format::Double;
  expects(!needs.H || (twice ? system.H64 != nullptr : system.H32 != nullptr),
          "LinearSolver::solve: H is missing, see needs()");
  expects(!needs.J || (twice ? !system.J64.empty() : !system.J32.empty()) || size == 0,
          "LinearSolver::solve: J is missing, see needs()");

  std::fill(dx.begin(), dx.end(), 0.0);
  if (size == 0) return {};
  if (!all_finite(system.gradient) || !all_finite(damping)) return {Stop::NotFinite, 0, 1.0, false};
  // Only what is needed is looked at.
  LinearSystem used{.gradient = system.gradient};
  if (needs.H) (twice ? void(used.H64 = system.H64) : void(used.H32 = system.H32));
  if (needs.J) (twice ? void(used.J64 = system.J64) : void(used.J32 = system.J32));

  LinearOutcome out;
  if (p.condensed && !p.solve_condensed(used, damping, goal, dx, out)) {
    p.condensed = false;
    const Timed timed(p.report.seconds_symbolic);
    p.plan_rest(twice ? used.H64->pattern() : used.H32->pattern());
    p.report.reason += "; chains do not go first: one was not positive definite";
  }
  if (!p.condensed) out = p.solve_rest(used, damping, goal, 0, dx);
  if (!all_finite(std::span<const double>(dx))) {
    std::fill(dx.begin(), dx.end(), 0.0);
    out.stop = Stop::NotFinite;
  }
  return out;
}

void LinearSolver::refresh() { parts_->stale = true; }
bool LinearSolver::in_double() const { return parts_->escalated; }
const LinearReport& LinearSolver::report() const { return parts_->report; }

std::vector<double> LinearSolver::inverse_blocks(const BlockSymmetric<double>& H,
                                                 std::span<const double> damping,
                                                 std::span<const std::int32_t> blocks) {
  const int B = parts_->B, n = H.n();
  const std::size_t size = static_cast<std::size_t>(n) * B;
  expects(H.B() == B, "inverse_blocks: block size differs from the solver's");
  const auto layout = best_layout(H.pattern(), B).layout;
  Preconditioner factor;
  factor.analyse(H.pattern(), layout, true, B);
  const BlockScaling scaling = make_scaling(H, damping, ScalingKind::Block);
  const PreconditionerOptions how{.compute = Format::Double, .storage = Format::Double, .shift = 0, .retry = false};
  if (!factor.build(DampedMatrix<double>{&H, damping}, scaling, false, how, *parts_->workers)) return {};
  std::vector<double> out, unit(size, 0.0), column(size);
  out.reserve(blocks.size() * B * B);
  for (const std::int32_t block : blocks) {
    expects(block >= 0 && block < n, "inverse_blocks: block out of range");
    const std::size_t first = static_cast<std::size_t>(block) * B;
    for (std::size_t c = first; c < first + B; ++c) {
      unit[c] = 1;
      factor.apply(std::span<const double>(unit), std::span<double>(column));
      unit[c] = 0;
      for (std::size_t r = first; r < first + B; ++r) out.push_back(column[r]);
    }
  }
  return out;
}

}  // namespace pipit
