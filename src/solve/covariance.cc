#include "solve/covariance.h"

#include <algorithm>

#include "solve/linearise.h"

namespace pipit::detail {

Result<std::vector<double>> inverse_diagonal_blocks(Problem& problem, const std::vector<std::int32_t>& blocks) {
  Workers workers(1);
  Linearisation linearisation(problem, double_precision(), workers);
  linearisation.prepare({.H = true, .J = false, .format = Format::Double});
  linearisation.linearise();
  const int width = linearisation.width();
  LinearSolver solver(width,
                      {.solver = SolverKind::Cholesky,
                       .matrix = Format::Double,
                       .vectors = Format::Double,
                       .factor_compute = Format::Double,
                       .factor_storage = Format::Double},
                      workers);
  solver.analyse(linearisation.pattern());

  std::vector<std::int32_t> free;
  std::copy_if(blocks.begin(), blocks.end(), std::back_inserter(free), [](std::int32_t b) { return b >= 0; });
  const std::vector<double> inverse = solver.inverse_blocks(linearisation.H64(), {}, free);
  if (inverse.empty() && !free.empty())
    return Error{Code::Unsupported,
                 "covariance: the problem does not determine every variable (H is not positive definite)"};

  const std::size_t area = static_cast<std::size_t>(width) * width;
  std::vector<double> out(blocks.size() * area, 0);
  auto next = inverse.begin();
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (blocks[i] >= 0) {
      std::copy_n(next, area, out.begin() + static_cast<std::ptrdiff_t>(i * area));
      next += static_cast<std::ptrdiff_t>(area);
    }
  return out;
}

}  // namespace pipit::detail
