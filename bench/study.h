// bench/study.h — what the parts of bench_solvers share: graphs at their chordal guess, their linear systems with the
// exact answer, factors, clocks, and where results go.
#pragma once
#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "apps/json.h"
#include "base/clock.h"
#include "base/parallel.h"
#include "base/result.h"
#include "graph/graph_problem.h"
#include "poses/generate.h"
#include "solve/linearise.h"
#include "sparse/condensation.h"
#include "sparse/preconditioner.h"
#include "view/plot.h"

namespace pipit {

/// A pose graph as a least-squares problem.
class StudyGraph {
 public:
  std::string name;
  std::int32_t num_poses = 0, num_edges = 0;

  /// Back to the chordal guess.
  void reset() { problem().restore(1); }
  Problem& problem();

 private:
  friend Result<StudyGraph> study_graph(const std::string& name, AnyPoseGraph graph);
  std::variant<std::unique_ptr<GraphProblem<SE2<double>>>, std::unique_ptr<GraphProblem<SE3<double>>>> made_;
};

/// At its chordal guess. Fails where there is none.
Result<StudyGraph> study_graph(const std::string& name, AnyPoseGraph graph);
/// "home 5000": simulated, seed 1.
Result<StudyGraph> simulated_graph(GraphKind kind, std::int32_t num_poses);

/// H x = -gradient without its chains, as LinearSolver has it before it, and the answer by a direct solve in fp64.
struct StudySystem {
  BlockSymmetric<double> H;
  std::vector<double> gradient, exact;
  double energy = 0;             ///< exact' H exact
  double relative_residual = 0;  ///< of `exact`, in fp64
  bool solved() const { return relative_residual < 1e-6; }

  int n() const { return H.n(); }
  int B() const { return H.B(); }
};

/// Linearises a graph where it stands, takes the chains out, and takes exact Gauss-Newton steps.
class StudySteps {
 public:
  StudySteps(StudyGraph& graph, Workers& workers);
  /// Of the system at the current values.
  double linearise();
  const StudySystem& system() const { return system_; }
  void step();
  /// Block columns with chains.
  int num_blocks() const { return linearisation_.num_blocks(); }

 private:
  StudyGraph& graph_;
  Workers& workers_;
  Linearisation linearisation_;
  bool condensed_ = false;
  Condensation<double> condensation_;
  StudySystem system_;
};

/// A preconditioner of one structure: complete, incomplete or block-Jacobi.
class StudyFactor {
 public:
  StudyFactor(const BlockPattern& pattern, int B, FactorKind kind, Workers& workers);
  /// Scaling and numbers. False where no shift helped.
  bool build(const BlockSymmetric<double>& H, const PreconditionerOptions& options);
  template <class V>
  void apply(std::span<const V> r, std::span<V> z);

  const PanelLayout* layout() const { return layout_.get(); }
  const Preconditioner& factor() const { return factor_; }

 private:
  FactorKind kind_;
  Workers& workers_;
  std::shared_ptr<const PanelLayout> layout_;
  Preconditioner factor_;
  BlockScaling scaling_;
};

/// Energy-norm error against the exact answer, relative, after 0, 1, 2, .. iterations of conjugate gradients in V.
/// Ends at `target`, after `max_iterations` or `limit_s`.
template <class V>
std::vector<double> errors_of(const StudySystem& system,
                              StudyFactor& factor,
                              double target,
                              int max_iterations,
                              double limit_s,
                              Workers& workers);
/// Iterations until the error is at most `target`; -1: not reached.
int iterations_to(const std::vector<double>& errors, double target);
/// Seconds of so many iterations, best of `repeat` (fewer of what takes long).
template <class V>
double seconds_of_iterations(
    const StudySystem& system, StudyFactor& factor, int iterations, int repeat, Workers& workers);

/// Best of `repeat` runs, fewer when they have taken two seconds.
template <class Run>
double best_seconds(int repeat, const Run& run) {
  constexpr double kPatience = 2;
  const Stopwatch all;
  double best = std::numeric_limits<double>::infinity();
  for (int k = 0; k < repeat && (k == 0 || all.seconds() < kPatience); ++k) {
    const Stopwatch watch;
    run();
    best = std::min(best, watch.seconds());
  }
  return best;
}

/// What the parts read, and where they put what they find.
struct Study {
  int repeat = 5;
  std::int32_t max_poses = 50'000;
  double limit_s = 5;  ///< of one solve
  Workers workers{1};
  std::vector<StudyGraph> graphs;  ///< public ones first
  Json json;
  std::vector<std::pair<std::string, Figure>> figures;  ///< file name, picture
};

void study_factors(Study& study);    ///< complete against incomplete, by graph and by size
void study_formats(Study& study);    ///< the stored factor in fp64, fp32, fp16, bf16; weak pivots
void study_ordering(Study& study);   ///< minimum degree against nested dissection
void study_stale(Study& study);      ///< the factor of an earlier iterate
void study_refresh(Study& study);    ///< whole solves against the age that a factor may reach
void study_tolerance(Study& study);  ///< whole solves against the tolerance of the linear systems
void study_chains(Study& study);     ///< whole solves with chains eliminated first, and without

/// An ink of its own for each of eight lines.
inline Ink ink_of(std::size_t k) { return static_cast<Ink>(k % 8); }

}  // namespace pipit
