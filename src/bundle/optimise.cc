#include "bundle/optimise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/contract.h"
#include "bundle/cgnr_steps.h"
#include "bundle/implicit_steps.h"
#include "bundle/schur_steps.h"
#include "reproject/state.h"
#include "solve/variable.h"

namespace pipit {
namespace {

constexpr std::array<std::string_view, 5> kSolvers{"auto", "cgnr", "schur", "pcg", "implicit"};
constexpr std::array<std::string_view, 3> kPreconditioners{"jacobi", "schur-jacobi", "power-series"};
constexpr double kLeastDamping = 1e-12, kMostDamping = 1e16;

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

template <class E, std::size_t N>
std::optional<E> found(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return {};
  return static_cast<E>(at - names.begin());
}

void round_state(Format format, BundleState& state) {
  if (format == Format::Double) return;
  for (SE3<double>& pose : state.T_world_cam) round_to(format, pose);
  for (Eigen::Vector3d& p : state.points)
    for (double& x : p) x = rounded(format, x);
}

/// Levenberg and Marquardt's damping by Nielsen's rule.
struct Damping {
  double lambda, growth = 2;

  void accepted(double gain) {
    const double x = 2 * std::min(gain, 1.0) - 1;
    lambda = std::max(kLeastDamping, lambda * std::max(1.0 / 3, 1 - x * x * x));
    growth = 2;
  }
  void rejected() { lambda *= growth, growth *= 2; }
};

/// J in fp16 below which products are faster than an elimination: it stays in the second cache, and a window's points
/// are seen often, so that few iterations do. With intrinsics to find, or thousands of views in a chain, iterations are
/// many.
constexpr std::size_t kWindowBytes = std::size_t{512} << 10;
/// A reduced matrix above which none is formed, were all views of each point to see no others.
constexpr std::size_t kReducedBytes = std::size_t{2} << 30;
/// Unknowns above which a reduced matrix with shared intrinsics, which is dense, takes longer than products.
constexpr int kDense = 1200;

bool is_window(const BundleLayout& layout) {
  return layout.intrinsics == 0 &&
         layout.slots() * static_cast<std::size_t>(layout.rows * (layout.columns + 3)) * 2 <= kWindowBytes;
}

bool is_too_large(const BundleLayout& layout) {
  if (layout.shares && layout.views * kPoseColumns > kDense) return true;
  std::size_t pairs = 0;
  for (std::size_t p = 0; p < at(layout.points); ++p) {
    const auto seen = static_cast<std::size_t>(layout.point_begin[p + 1] - layout.point_begin[p]);
    pairs += seen * seen / 2;
  }
  const std::size_t most = std::min(pairs, at(layout.views) * at(layout.views) / 2);
  return most * at(layout.columns) * at(layout.columns) * sizeof(float) > kReducedBytes;
}

enum class Way : std::uint8_t { Cgnr, Implicit, Eliminate };

Way way_of(const BundleLayout& layout, const BundleOptions& options) {
  if (options.solver == BundleSolver::Cgnr) return Way::Cgnr;
  if (options.solver == BundleSolver::Implicit) return Way::Implicit;
  if (options.solver != BundleSolver::Auto) return Way::Eliminate;
  const Precision& p = options.precision;
  if (p.vectors == Format::Half) return Way::Cgnr;
  const bool in_half = p.matrix == Format::Half && (p.accumulate != Accumulate::Single || !p.scaling);
  if (is_window(layout)) return in_half ? Way::Cgnr : Way::Implicit;
  return is_too_large(layout) ? Way::Implicit : Way::Eliminate;
}

/// What an elimination makes of a precision: J and the reduced matrix are never in half.
Precision of_elimination(Precision p) {
  if (p.jacobian == Format::Half) p.jacobian = Format::Single;
  if (p.matrix == Format::Half) p.matrix = Format::Single;
  return p;
}

}  // namespace

std::unique_ptr<BundleSteps> make_steps(const BundleLayout& layout, const BundleOptions& options, Workers& workers) {
  const Way way = way_of(layout, options);
  const Format format = options.precision.matrix;
  if (way == Way::Implicit) {
    if (format == Format::Half) return std::make_unique<ImplicitSteps<half>>(layout, options, workers);
    if (format == Format::Single) return std::make_unique<ImplicitSteps<float>>(layout, options, workers);
    return std::make_unique<ImplicitSteps<double>>(layout, options, workers);
  }
  if (way == Way::Cgnr) {
    if (options.precision.vectors == Format::Half)
      return std::make_unique<CgnrSteps<half, SeparateHalf>>(layout, options, workers);
    if (format == Format::Half) return std::make_unique<CgnrSteps<half, float>>(layout, options, workers);
    if (format == Format::Single) return std::make_unique<CgnrSteps<float, float>>(layout, options, workers);
    return std::make_unique<CgnrSteps<double, double>>(layout, options, workers);
  }
  const Precision p = of_elimination(options.precision);
  LinearOptions linear;
  linear.solver = options.solver == BundleSolver::Schur ? SolverKind::Cholesky
                  : options.solver == BundleSolver::Pcg ? SolverKind::Iccg
                                                        : SolverKind::Auto;
  linear.matrix = p.matrix;
  linear.vectors = p.vectors;
  linear.factor_compute = p.factorisation;
  linear.factor_storage = p.preconditioner;
  linear.accumulate = p.accumulate;
  linear.scaling = p.scaling;
  linear.count_range = options.count_range;
  if (p.jacobian == Format::Double) return std::make_unique<SchurSteps<double>>(layout, linear, workers);
  return std::make_unique<SchurSteps<float>>(layout, linear, workers);
}

std::string_view name(BundleSolver solver) { return kSolvers[static_cast<std::size_t>(solver)]; }
std::optional<BundleSolver> bundle_solver(std::string_view name) { return found<BundleSolver>(kSolvers, name); }

std::string_view name(ViewPreconditioner preconditioner) {
  return kPreconditioners[static_cast<std::size_t>(preconditioner)];
}
std::optional<ViewPreconditioner> view_preconditioner(std::string_view name) {
  return found<ViewPreconditioner>(kPreconditioners, name);
}

std::optional<Precision> bundle_precision(std::string_view name) {
  auto precision = precision_preset(name);
  if (precision && name == "mixed") precision->matrix = Format::Half, precision->jacobian = Format::Single;
  return precision;
}

struct BundleOptimiser::Parts {
  explicit Parts(int threads) : workers(threads) {}
  Workers workers;
  BundleLayout layout;
  Placed placed;
  BundleState trial;
  std::unique_ptr<BundleSteps> steps;
  Way way = Way::Eliminate;  // what `steps` are
  BundleStep step;
  BundleSummary summary;
};

BundleOptimiser::BundleOptimiser(const BundleOptions& options)
    : options_(options), parts_(std::make_unique<Parts>(options.num_threads)) {}
BundleOptimiser::~BundleOptimiser() = default;

BundleSummary optimise(Scene& scene, const BundleOptions& options, const Observer& observer) {
  return BundleOptimiser(options).run(scene, observer);
}

const BundleSummary& BundleOptimiser::run(Scene& scene, const Observer& observer, const PosePrior* prior) {
  const Stopwatch watch;
  const BundleOptions& options = options_;
  auto& [workers, layout, placed, trial, steps, way, step, out] = *parts_;
  Summary& s = out.minimise;
  s.trace.clear();
  s.iterations = 0, s.seconds = {};
  out.before = error_of(scene);

  layout.build(scene, !options.fix_intrinsics);
  LineariseForm form = form_of(scene, options.loss);
  form.residual = options.precision.residual, form.landmarks = options.landmarks;
  placed.place(scene, layout, form, prior);
  BundleState& state = placed.state;
  const LineariseJob& job = placed.job;
  trial = state;
  out.taking_part = std::count(placed.taking.begin(), placed.taking.end(), 1);
  const Way takes = way_of(layout, options);
  expects(prior == nullptr || takes != Way::Eliminate, "BundleOptimiser: a prior needs conjugate gradients on J");
  const bool other_kind = std::exchange(way, takes) != takes;
  if (steps == nullptr || other_kind || !steps->prepare()) steps = make_steps(layout, options, workers);
  out.precision = way == Way::Eliminate ? of_elimination(options.precision) : options.precision;
  step.views.resize(at(layout.views * layout.columns));
  step.points.resize(at(layout.points) * 3);
  Damping damping{options.first_damping};
  double cost = steps->cost(job) + placed.prior_cost;
  s.cost_initial = s.cost_final = cost;
  s.stop = std::isfinite(cost) ? Stop::MaxIterations : Stop::Diverged;

  const auto late = [&] { return watch.seconds() > options.time_limit_s; };
  while (s.stop == Stop::MaxIterations && s.iterations < options.max_iterations) {
    Iteration iteration{.number = ++s.iterations, .cost = cost};
    Stopwatch clock;
    steps->linearise(job);
    s.seconds.linearize += clock.seconds();
    LinearGoal goal{.eta = 0.1};
    goal.give_up = late;
    bool done = false;
    for (iteration.attempts = 0; !iteration.accepted && !done;) {
      if (late()) {
        s.stop = Stop::TimeLimit;
        break;
      }
      ++iteration.attempts;
      iteration.damping = damping.lambda;
      clock = Stopwatch();
      step.inner_iterations = 0;
      steps->propose(job, damping.lambda, goal, step);
      s.seconds.solve += clock.seconds();
      iteration.inner_iterations += step.inner_iterations;
      double trial_cost = std::numeric_limits<double>::infinity();
      if (step.fine) {
        clock = Stopwatch();
        placed.move(step, trial);
        round_state(options.precision.update, trial);
        std::swap(state, trial);  // `trial` is what to go back to
        placed.refresh();
        s.seconds.update += clock.seconds();
        clock = Stopwatch();
        trial_cost = steps->cost(job) + placed.prior_cost;
        s.seconds.linearize += clock.seconds();
      }
      if (trial_cost < cost) {
        iteration.accepted = true;
        iteration.relative_decrease = (cost - trial_cost) / cost;
        damping.accepted(step.promised > 0 ? (cost - trial_cost) / step.promised : 1);
        cost = trial_cost;
      } else {
        if (step.fine) {
          std::swap(state, trial);
          placed.refresh();
        }
        // No step could lower the cost by more than this one was to: it is rounding.
        done = step.fine && step.promised <= options.tolerance * cost;
        if (done) s.stop = Stop::Converged;
        damping.rejected();
        if (!done && damping.lambda > kMostDamping) s.stop = Stop::NoProgress, done = true;
      }
    }
    iteration.cost = s.cost_final = cost;
    iteration.seconds = watch.seconds();
    s.trace.push_back(iteration);
    if (iteration.accepted && iteration.relative_decrease <= options.tolerance) s.stop = Stop::Converged;
    if (observer && !observer(iteration)) s.stop = Stop::Cancelled;
  }
  if (cost == 0 && s.stop == Stop::NoProgress) s.stop = Stop::Converged;

  for (std::size_t v = 0; v < scene.views.size(); ++v)
    if (!scene.views[v].fixed && s.cost_final < s.cost_initial)
      scene.views[v].T_cam_world = state.T_world_cam[v].inverse();
  for (std::size_t k = 0; k < scene.cameras.size(); ++k) scene.cameras[k].parameters = state.intrinsics[k];
  scene.points.assign(state.points.begin(), state.points.end() - 1);
  out.after = error_of(scene);
  s.linear = steps->report();
  s.seconds.total = watch.seconds();
  return out;
}

}  // namespace pipit
