// bundle/optimise.h — the door of the room: what cameras have seen in; poses, points and intrinsics that fit it best
// out. Source: papers.md A1 to A4; damping as in Madsen, Nielsen, Tingleff, Methods for Non-Linear Least Squares
// Problems (2004), sec. 3.2.
#pragma once
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bits/counters.h"
#include "reproject/inverse_depth.h"
#include "reproject/prior.h"
#include "scene/scene.h"
#include "solve/minimise.h"
#include "solve/precision.h"
#include "solve/robust.h"

namespace pipit {

enum class BundleSolver : std::uint8_t {
  Auto,      ///< by size and precision (all in half: Cgnr); the summary says which and why
  Cgnr,      ///< conjugate gradients on the damped problem; J'J is never formed
  Schur,     ///< points eliminated, the views' system factored: dense for a window, sparse for hundreds
  Pcg,       ///< points eliminated, the views' system solved by preconditioned conjugate gradients
  Implicit,  ///< the same without forming it
};
/// "auto", "cgnr", "schur", "pcg", "implicit".
std::string_view name(BundleSolver solver);
std::optional<BundleSolver> bundle_solver(std::string_view name);

/// What comes before conjugate gradients where the reduced system is Implicit. (Pcg takes an incomplete factor.)
enum class ViewPreconditioner : std::uint8_t {
  Jacobi,       ///< blocks of the views before points were eliminated: free
  SchurJacobi,  ///< blocks of the reduced system
  PowerSeries,  ///< three terms of (1 - N)^-1 = 1 + N + N N + ..; Weber, Demmel, Chan, Cremers, Power bundle
                ///< adjustment (2023)
};
/// "jacobi", "schur-jacobi", "power-series".
std::string_view name(ViewPreconditioner preconditioner);
std::optional<ViewPreconditioner> view_preconditioner(std::string_view name);

/// How `double`, `single`, `mixed` and `half` are meant here: residual and J in fp32 or better, products in fp16
/// (mixed) between blocks of unit columns, recurrences in fp32, update in fp64. `half`: all of the linear solve in
/// fp16.
std::optional<Precision> bundle_precision(std::string_view name);

struct BundleOptions {
  Precision precision = *bundle_precision("mixed");
  BundleSolver solver = BundleSolver::Auto;
  ViewPreconditioner preconditioner = ViewPreconditioner::Jacobi;
  Landmarks landmarks = Landmarks::Points;  ///< what a step adds to; scenes hold points
  RobustLoss loss;
  bool fix_intrinsics = false;  ///< else estimated, once for all views of a camera
  int max_iterations = 100;     ///< linearisations, >= 0
  double tolerance = 1e-6;      ///< stop when (cost - new cost) <= tolerance * cost
  double first_damping = 1e-4;  ///< lambda: times the diagonal of J'J
  double time_limit_s = std::numeric_limits<double>::infinity();
  int num_threads = 1;       ///< same bits for any number
  bool count_range = false;  ///< count overflow, underflow and subnormals of conversions to fp16
};

struct BundleSummary {
  SceneError before, after;  ///< in fp64, no loss
  Precision precision;       ///< as spent: where points are eliminated, what `mixed` has in fp16 is the factor alone
  Summary minimise;          ///< costs: half the sum of rho, in the residual's format
  std::int64_t taking_part = 0;  ///< observations of points that stood before their cameras
};

/// Runs over scenes that grow, shrink and change. After a while of scenes no larger than before, conjugate gradients on
/// one thread ask for no memory.
class BundleOptimiser {
 public:
  explicit BundleOptimiser(const BundleOptions& options);
  ~BundleOptimiser();

  /// Better poses, points and (unless fixed) intrinsics in `scene`; views that are `fixed` keep their poses. Every
  /// accepted step lowers the cost, so the scene is the best so far whatever the reason to stop.
  ///
  /// Needs   indices of the scene in range, numbers finite, cameras sound. With a prior: intrinsics fixed, and a solver
  ///         Implicit or Cgnr that is not all in half; its views in range. Implicit: not all in half.
  /// Yields  an outcome for degenerate scenes too: what nothing is known of stays where it is. Good until the next run.
  /// Threads same bits for any num_threads.
  const BundleSummary& run(Scene& scene, const Observer& observer = {}, const PosePrior* prior = nullptr);

  /// For the runs to come.
  void set_time_limit(double seconds) { options_.time_limit_s = seconds; }

 private:
  struct Parts;
  BundleOptions options_;
  std::unique_ptr<Parts> parts_;
};

/// One run.
BundleSummary optimise(Scene& scene, const BundleOptions& options, const Observer& observer = {});

}  // namespace pipit
