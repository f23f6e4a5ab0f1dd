// sparse/choose.h — which solver, which factor, which order: decided once per structure, with the reason in words.
#pragma once
#include <memory>
#include <string>

#include "sparse/linear_solver.h"
#include "sparse/ordering.h"
#include "sparse/symbolic.h"

namespace pipit {

struct LinearChoice {
  SolverKind solver = SolverKind::Iccg;      ///< never Auto
  FactorKind factor = FactorKind::Complete;  ///< never Auto
  bool direct = false;                       ///< Cholesky alone is exact enough: fp64 throughout, or the naive all-half
  std::shared_ptr<const PanelLayout> layout;  ///< null for Jacobi
  double fill = 0;
  std::string chosen, reason;
};

/// The options, with every Auto replaced by what is predicted to be fastest (docs/decisions/ has the measurements).
LinearChoice choose(const BlockPattern& pattern, int B, const LinearOptions& options);

/// The elimination order that complete factors use.
OrderingKind default_ordering(const BlockPattern& pattern);

}  // namespace pipit
