// graph/block_system.h — the linear systems behind the initial guess: symmetric, positive definite, a block row per
// pose. Private to graph/.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "sparse/pattern.h"

namespace pipit {

/// Normal equations A X = Y with blocks of B x B and K right-hand sides. Some nodes are held: their X is given, and
/// their terms move to the right-hand side. (B, K) is (2, 1), (3, 3) or (3, 1).
template <int B, int K>
class BlockSystem {
 public:
  using Block = Eigen::Matrix<double, B, B>;
  using Part = Eigen::Matrix<double, B, K>;

  /// One node for each entry of `X` [n]; held[i] != 0 says that X[i] is given. `pairs` are the off-diagonal blocks to
  /// come.
  BlockSystem(std::vector<Part> X,
              std::span<const char> held,
              std::span<const std::pair<std::int32_t, std::int32_t>> pairs);

  void add(std::int32_t i, const Block& block);                  ///< A(i, i) += block
  void add(std::int32_t i, std::int32_t j, const Block& block);  ///< A(i, j) += block, A(j, i) += block'; needs i != j
  void add_right(std::int32_t i, const Part& part);              ///< Y(i) += part

  /// Solves for the nodes that are not held; false, and X as it was, when A is not positive definite.
  bool solve(Workers& workers);

  const std::vector<Part>& X() const { return X_; }

 private:
  Eigen::Map<Block> block(int k) { return Eigen::Map<Block>(values_.data() + static_cast<std::size_t>(k) * B * B); }

  std::vector<Part> X_, Y_;
  std::vector<std::int32_t> row_;  // [n] row in A; -1 for held nodes
  BlockPattern pattern_;
  std::vector<double> values_;  // blocks of the lower triangle in the order of pattern_, column-major
};

}  // namespace pipit
