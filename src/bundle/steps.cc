#include "bundle/steps.h"

#include "bundle/cgnr_steps.h"
#include "bundle/schur_steps.h"

namespace pipit {

std::unique_ptr<BundleSteps> make_steps(const BundleLayout& layout, const BundleOptions& options, Workers& workers) {
  const Precision& p = options.precision;
  if (options.solver == BundleSolver::Cgnr) {
    if (p.vectors == Format::Half) return std::make_unique<CgnrSteps<half, SeparateHalf>>(layout, options, workers);
    if (p.matrix == Format::Half) return std::make_unique<CgnrSteps<half, float>>(layout, options, workers);
    if (p.matrix == Format::Single) return std::make_unique<CgnrSteps<float, float>>(layout, options, workers);
    return std::make_unique<CgnrSteps<double, double>>(layout, options, workers);
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
