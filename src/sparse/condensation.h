// sparse/condensation.h — a system without its chains: exact elimination of the blocks that add no fill.
// Source: static condensation, i.e. block Gaussian elimination; Golub and Van Loan, Matrix Computations (2013),
// sec. 3.2. Legend: c blocks in chains, k blocks kept; H + D = [C E'; E K], C = L L';
//         X = E L^-T, y = L^-1 g_c;   (K - X X') dx_k = -(g_k - X y),   dx_c = -L^-T (y + X' dx_k).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "factor/aligned.h"
#include "factor/block_matrix.h"
#include "factor/chains.h"
#include "factor/cholesky.h"

namespace pipit {

/// A robot mostly drives chains, which close no loop: of CSAIL (1,045 poses) 74 blocks stay, of kitti_05 (2,761) 43.
/// What is left is smaller and better conditioned, since the long way along a chain is summed up here, in T, and not in
/// the format of the factor.
///
/// T: float, double; every number is computed in T.  One thread.
template <class T>
class Condensation {
 public:
  void analyse(const BlockPattern& pattern, int B);
  /// Eliminates. False: a block in a chain was not positive definite. Needs the pattern given to analyse().
  bool build(const DampedMatrix<T>& A);

  int num_kept() const { return static_cast<int>(chains_.kept.size()); }
  int num_eliminated() const { return static_cast<int>(chains_.steps.size()); }
  /// K - X X'. Constant structure between calls of analyse().
  const BlockSymmetric<T>& matrix() const { return rest_; }

  /// gradient [n*B] -> kept [num_kept * B]. Yields y'y: twice what the chains alone bring down the energy.
  double reduce(std::span<const double> gradient, std::span<double> kept);
  /// dx_k [num_kept * B] -> dx [n*B], for the gradient given to reduce().
  void extend(std::span<const double> kept, std::span<double> dx);

 private:
  /// Places of blocks, in rest_ (>= 0) or in work_ (~place).
  struct Step {
    std::int32_t block = -1, diagonal = 0, num_ends = 0;  // block -1: nothing
    struct End {
      std::int32_t block, diagonal, edge;
      bool turned;  // the edge is stored as H(block of the step, end)
    };
    std::array<End, kMostEnds> end{};
    std::array<std::int32_t, kMostEnds*(kMostEnds - 1) / 2> joined{};
  };
  struct Group {
    std::size_t factors;  // where its numbers begin
    int num_ends;         // the most of its steps
  };
  T* at(std::int32_t place);
  void add_group(const BlockPattern& pattern, std::span<const ChainStep* const> steps);
  void gather(std::size_t group, T* D, T* E);
  void scatter(std::size_t group, const T* P);

  int n_ = 0, B_ = 0;
  Chains chains_;
  std::vector<Step> steps_;  // [groups, kChainGroup]: no two of a group touch
  std::vector<Group> groups_;
  std::vector<std::int32_t> place_;  // of every block of the pattern, then of edges that come
  BlockSymmetric<T> rest_;
  AlignedVector<T> work_, scratch_;
  AlignedVector<T> factors_;  // of every group [1 + num_ends, B, B, kChainGroup]
  AlignedVector<T> y_;        // [groups, B, kChainGroup]
  std::vector<T> gradient_;   // [n*B], on the way, divided by 2^exponent_
  int exponent_ = 0;
};

}  // namespace pipit
