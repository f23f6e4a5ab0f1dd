#include "bundle/steps.h"

#include "bundle/cgnr_steps.h"
#include "bundle/schur_steps.h"

namespace pipit {

namespace {

/// J in fp16 below which products are faster than an elimination: it stays in the second cache, and a window's points
/// are seen often, so that few iterations do. (50 key-frames: 3.4 ms against 5.1 by elimination and 17 by a peer.) With
/// intrinsics to find, or thousands of views in a chain, iterations are many.
constexpr std::size_t kWindowBytes = std::size_t{512} << 10;

bool is_window(const BundleLayout& layout) {
  return layout.intrinsics == 0 &&
         layout.slots() * static_cast<std::size_t>(layout.rows * (layout.columns + 3)) * 2 <= kWindowBytes;
}

template <class S, class N>
std::unique_ptr<BundleSteps> cgnr(const BundleLayout& layout, const BundleOptions& options, Workers& workers) {
  return std::make_unique<CgnrSteps<S, N>>(layout, options, workers);
}

}  // namespace

std::unique_ptr<BundleSteps> make_steps(const BundleLayout& layout, const BundleOptions& options, Workers& workers) {
  const Precision& p = options.precision;
  if (options.solver == BundleSolver::Cgnr || (options.solver == BundleSolver::Auto && is_window(layout))) {
    if (p.vectors == Format::Half) return cgnr<half, SeparateHalf>(layout, options, workers);
    if (p.matrix == Format::Half) return cgnr<half, float>(layout, options, workers);
    if (p.matrix == Format::Single) return cgnr<float, float>(layout, options, workers);
    return cgnr<double, double>(layout, options, workers);
  }
  LinearOptions linear;
  linear.solver = options.solver == BundleSolver::Schur ? SolverKind::Cholesky
                  : options.solver == BundleSolver::Pcg ? SolverKind::Iccg
                                                        : SolverKind::Auto;
  linear.matrix = p.matrix == Format::Half ? Format::Single : p.matrix;
  linear.vectors = p.vectors;
  linear.factor_compute = p.factorisation;
  linear.factor_storage = p.preconditioner;
  linear.accumulate = p.accumulate;
  linear.scaling = p.scaling;
  linear.count_range = options.count_range;
  if (p.jacobian == Format::Double) return std::make_unique<SchurSteps<double>>(layout, linear, workers);
  return std::make_unique<SchurSteps<float>>(layout, linear, workers);
}

}  // namespace pipit
