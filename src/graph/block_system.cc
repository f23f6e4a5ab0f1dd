#include "graph/block_system.h"

#include <Eigen/SparseCholesky>

#include "base/contract.h"

namespace pipit {

template <int B, int K>
BlockSystem<B, K>::BlockSystem(std::vector<Part> X,
                               std::span<const char> held,
                               std::span<const std::pair<std::int32_t, std::int32_t>> pairs)
    : X_(std::move(X)), Y_(X_.size(), Part::Zero()), row_(X_.size(), -1) {
  expects(held.size() == X_.size(), "BlockSystem: lengths differ");
  std::int32_t num_rows = 0;
  for (std::size_t i = 0; i < X_.size(); ++i)
    if (!held[i]) row_[i] = num_rows++;
  std::vector<std::pair<std::int32_t, std::int32_t>> places;
  places.reserve(pairs.size());
  for (const auto& [i, j] : pairs)
    if (row_[i] >= 0 && row_[j] >= 0) places.emplace_back(row_[i], row_[j]);
  pattern_ = make_pattern(num_rows, places);
  values_.assign(static_cast<std::size_t>(pattern_.num_blocks()) * B * B, 0.0);
}

template <int B, int K>
void BlockSystem<B, K>::add(std::int32_t i, const Block& part) {
  if (row_[i] >= 0) block(pattern_.col_begin[row_[i]]) += part;
}

template <int B, int K>
void BlockSystem<B, K>::add(std::int32_t i, std::int32_t j, const Block& part) {
  const std::int32_t r = row_[i], c = row_[j];
  if (r >= 0 && c >= 0) {
    const int k = pattern_.find(r, c);
    if (r > c) {
      block(k) += part;
    } else {
      block(k) += part.transpose();
    }
  } else if (r >= 0) {
    Y_[i] -= part * X_[j];
  } else if (c >= 0) {
    Y_[j] -= part.transpose() * X_[i];
  }
}

template <int B, int K>
void BlockSystem<B, K>::add_right(std::int32_t i, const Part& part) {
  Y_[i] += part;
}

template <int B, int K>
bool BlockSystem<B, K>::solve(Workers&) {
  const int size = pattern_.n * B;
  std::vector<Eigen::Triplet<double>> entries;
  entries.reserve(values_.size());
  for (int c = 0; c < pattern_.n; ++c)
    for (int k = pattern_.col_begin[c]; k < pattern_.col_begin[c + 1]; ++k)
      for (int b = 0; b < B; ++b)
        for (int a = 0; a < B; ++a) {
          const int row = pattern_.row[k] * B + a, column = c * B + b;
          if (row >= column) entries.emplace_back(row, column, block(k)(a, b));
        }
  Eigen::SparseMatrix<double> A(size, size);
  A.setFromTriplets(entries.begin(), entries.end());
  const Eigen::SimplicialLLT<Eigen::SparseMatrix<double>> factor(A);
  if (factor.info() != Eigen::Success) return false;
  Eigen::Matrix<double, Eigen::Dynamic, K> Y(size, K);
  for (std::size_t i = 0; i < X_.size(); ++i)
    if (row_[i] >= 0) Y.template middleRows<B>(row_[i] * B) = Y_[i];
  const Eigen::Matrix<double, Eigen::Dynamic, K> X = factor.solve(Y);
  if (!X.allFinite()) return false;
  for (std::size_t i = 0; i < X_.size(); ++i)
    if (row_[i] >= 0) X_[i] = X.template middleRows<B>(row_[i] * B);
  return true;
}

template class BlockSystem<2, 1>;
template class BlockSystem<3, 1>;
template class BlockSystem<3, 3>;

}  // namespace pipit
