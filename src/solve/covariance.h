// solve/covariance.h — how sure the answer is: blocks of the inverse of J^T J.
// Source: Triggs et al., Bundle Adjustment: A Modern Synthesis (2000), sec. 9; noise of unit variance after whitening.
#pragma once
#include <Eigen/Core>
#include <vector>

#include "base/result.h"
#include "solve/problem.h"

namespace pipit {

namespace detail {
/// Diagonal blocks (column-major, width x width each) of H^-1 for the given block columns; zeros for -1.
Result<std::vector<double>> inverse_diagonal_blocks(Problem& problem, const std::vector<std::int32_t>& blocks);
}  // namespace detail

/// Marginal covariance of each variable in its own tangent space, at the problem's current values, in fp64.
/// Zeros for fixed variables. Robust losses count with their weights.
/// Fails   Unsupported: H is not positive definite (free gauge, or a variable without factors).
/// Cost    one factorisation and kDim pairs of triangular solves per variable.
template <Manifold M>
Result<std::vector<Eigen::Matrix<double, M::kDim, M::kDim>>> covariances(Problem& problem,
                                                                         std::span<const Var<M>> vars) {
  problem.number_blocks();
  std::vector<std::int32_t> blocks;
  for (const Var<M> var : vars) {
    expects(var.index >= 0 && var.index < problem.set<M>().size(), "covariances: no such variable");
    blocks.push_back(problem.set<M>().block[static_cast<std::size_t>(var.index)]);
  }
  auto inverse = detail::inverse_diagonal_blocks(problem, blocks);
  if (!inverse) return inverse.error();
  const int width = problem.block_width();
  std::vector<Eigen::Matrix<double, M::kDim, M::kDim>> out;
  for (std::size_t i = 0; i < blocks.size(); ++i)
    out.push_back(
        Eigen::Map<const Eigen::MatrixXd>(inverse->data() + i * static_cast<std::size_t>(width * width), width, width)
            .template topLeftCorner<M::kDim, M::kDim>());
  return out;
}

template <Manifold M>
Result<std::vector<Eigen::Matrix<double, M::kDim, M::kDim>>> covariances(Problem& problem,
                                                                         const std::vector<Var<M>>& vars) {
  return covariances<M>(problem, std::span<const Var<M>>(vars));
}

}  // namespace pipit
