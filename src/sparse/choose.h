// sparse/choose.h — which solver, which factor, which order: decided once per structure, with the reason in words.
#pragma once
#include <memory>
#include <string>

#include "factor/ordering.h"
#include "factor/symbolic.h"
#include "sparse/linear_solver.h"

namespace pipit {

struct LinearChoice {
  SolverKind solver = SolverKind::Iccg;      ///< never Auto
  FactorKind factor = FactorKind::Complete;  ///< never Auto
  bool direct = false;                       ///< Cholesky alone is exact enough: fp64 throughout, or the naive all-half
  std::shared_ptr<const PanelLayout> layout;  ///< null for Jacobi
  double fill = 0;
  double iterations_per_factor = 25;  ///< inner iterations that take as long as one factorisation, predicted
  double iterations_per_choice = 25;  ///< that take as long as all this: order, layout and plan
  std::string reason;
};

/// The options, with every Auto replaced by what is predicted to be fastest (docs/decisions/ has the measurements).
LinearChoice choose(const BlockPattern& pattern, int B, const LinearOptions& options);
/// The choice in a few words, for LinearReport::chosen.
std::string describe(const LinearChoice& choice, Format factor_storage);

struct CompleteLayout {
  std::shared_ptr<const PanelLayout> layout;
  OrderingKind ordering = OrderingKind::Amd;
};

/// Minimum degree, found in a tenth of the time of one factorisation; where that predicts much work, nested dissection
/// is tried as well (it takes about as long as a factorisation, and saves up to half of one), and the cheaper one
/// stays. Large graphs go straight to nested dissection.
CompleteLayout best_layout(const BlockPattern& pattern, int B);

}  // namespace pipit
