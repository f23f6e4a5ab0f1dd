#include "sparse/chain_lanes.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "bits/test_every_set.h"
#include "factor/aligned.h"

namespace pipit {
namespace {

// References are computed in long double, from what the kernel was given: every bound is about its own rounding.
using Matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
using Vector = Eigen::Matrix<long double, Eigen::Dynamic, 1>;
constexpr int kLanes = static_cast<int>(kChainGroup), kEnds = 3;

template <class T>
constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2;
template <class T>
constexpr T kMark = std::numeric_limits<T>::quiet_NaN();  // what must be written, or not be read

template <class T>
class ChainLanes : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ChainLanes, Scalars);

const std::vector<int> kSides{1, 2, 3, 5, 6, 7};

// Matrix `which` of a lane.
template <class T>
Matrix matrix_of(int B, const AlignedVector<T>& values, int which, int lane) {
  Matrix out(B, B);
  for (int c = 0; c < B; ++c)
    for (int r = 0; r < B; ++r) out(r, c) = values[static_cast<std::size_t>((which * B + c) * B + r) * kLanes + lane];
  return out;
}
template <class T>
Vector vector_of(int B, const AlignedVector<T>& values, int which, int lane) {
  Vector out(B);
  for (int r = 0; r < B; ++r) out(r) = values[static_cast<std::size_t>(which * B + r) * kLanes + lane];
  return out;
}

template <class T>
AlignedVector<T> random_values(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  AlignedVector<T> out(count);
  for (T& v : out) v = static_cast<T>(random.normal());
  return out;
}

// Positive definite blocks J'J of every size from 2^-12 to 2^12, another in every lane.
template <class T>
AlignedVector<T> random_blocks(int B, std::uint64_t seed) {
  Random random(seed);
  AlignedVector<T> out(static_cast<std::size_t>(B * B) * kLanes);
  for (int lane = 0; lane < kLanes; ++lane) {
    Matrix J(B, B);
    for (int c = 0; c < B; ++c)
      for (int r = 0; r < B; ++r) J(r, c) = 0.3 * random.normal() + (r == c);
    J *= std::ldexp(1.0L, static_cast<int>(random.below(13)) - 6);
    const Matrix D = J.transpose() * J;
    for (int c = 0; c < B; ++c)
      for (int r = 0; r < B; ++r)
        out[static_cast<std::size_t>(c * B + r) * kLanes + lane] = static_cast<T>(D(std::max(r, c), std::min(r, c)));
  }
  return out;
}

template <class T>
struct Group {
  AlignedVector<T> D, E, F, P;
  bool fine;

  Group(int B, AlignedVector<T> blocks, AlignedVector<T> of_ends) : D(std::move(blocks)), E(std::move(of_ends)) {
    const std::size_t ends = E.size() / D.size();
    F.assign((1 + ends) * D.size(), kMark<T>), P.assign(ends * (ends + 1) / 2 * D.size(), kMark<T>);
    fine = factor_chains(B, static_cast<int>(ends), D.data(), E.data(), F.data(), P.data());
  }
};

// The lower triangle of the first matrix of F.
template <class T>
Matrix lower(int B, const AlignedVector<T>& F, int lane) {
  return Matrix(matrix_of(B, F, 0, lane).template triangularView<Eigen::Lower>());
}

TYPED_TEST(ChainLanes, FactorsInvertAndMultiply) {
  using T = TypeParam;
  on_every_set([] {
    for (const int B : kSides)
      for (const std::uint64_t seed : {1, 2, 3, 4}) {
        const int num_ends = static_cast<int>(seed) - 1;
        const std::size_t area = static_cast<std::size_t>(B * B) * kLanes;
        AlignedVector<T> ends = random_values<T>(static_cast<std::size_t>(num_ends) * area, seed + 10);
        for (std::size_t k = 0; k < ends.size(); ++k)  // lane 3 has no end, lane 4 one
          if (k % kChainGroup == 3 || (k % kChainGroup == 4 && k >= area)) ends[k] = 0;
        const Group<T> group(B, random_blocks<T>(B, seed), std::move(ends));
        ASSERT_TRUE(group.fine);
        for (int lane = 0; lane < kLanes; ++lane) {
          const Matrix D = matrix_of(B, group.D, 0, lane), W = lower(B, group.F, lane);
          const Matrix L = D.llt().matrixL();
          // L L' = D + dD, |dD| <= (B + 3) u |L||L'|, two units more for the reciprocal pivots (Higham 2002, theorem
          // 10.3); W = L^-1 + dW, |dW| <= (B + 2) u |L^-1||L||L^-1| (sec. 14.2.1). Both at once: W D W' = I +
          // (3 B + 7) u M M', M = |W||L|.
          const Matrix M = W.cwiseAbs() * L.cwiseAbs();
          const Matrix off = W * D * W.transpose() - Matrix::Identity(B, B);
          EXPECT_LE(off.norm(), (3 * B + 7) * kUnit<T> * (M * M.transpose()).norm()) << B << " lane " << lane;
          std::vector<Matrix> X(static_cast<std::size_t>(num_ends));
          for (int e = 0; e < num_ends; ++e) {
            const Matrix E = matrix_of(B, group.E, e, lane);
            X[e] = matrix_of(B, group.F, 1 + e, lane);
            const Matrix size = E.cwiseAbs() * W.cwiseAbs().transpose(), error = X[e] - E * W.transpose();
            // gamma_B of an inner product (Higham 2002, sec. 3.1)
            EXPECT_TRUE((error.array().abs() <= (B + 1) * kUnit<T> * size.array()).all()) << B << " lane " << lane;
          }
          for (int product = 0, i = 0, j = 0; product < num_ends * (num_ends + 1) / 2; ++product) {
            const Matrix &left = X[i], &right = X[j];
            i == j ? (i = 0, ++j) : ++i;
            const Matrix size = left.cwiseAbs() * right.cwiseAbs().transpose();
            const Matrix error = matrix_of(B, group.P, product, lane) - left * right.transpose();
            EXPECT_TRUE((error.array().abs() <= (B + 1) * kUnit<T> * size.array()).all()) << B << " lane " << lane;
          }
        }
      }
  });
}

// Vectors through any factor, with a mark above the diagonal of L^-1, which is not stored.
TYPED_TEST(ChainLanes, VectorsGoThroughTheFactors) {
  using T = TypeParam;
  on_every_set([] {
    for (const int B : kSides) {
      const std::size_t length = static_cast<std::size_t>(B) * kLanes, area = length * static_cast<std::size_t>(B);
      AlignedVector<T> F = random_values<T>((1 + kEnds) * area, 1);
      for (int c = 0; c < B; ++c)
        for (int r = 0; r < c; ++r) std::fill_n(F.begin() + static_cast<long>(c * B + r) * kLanes, kLanes, kMark<T>);
      const AlignedVector<T> g = random_values<T>(length, 2), z = random_values<T>(kEnds * length, 3);
      AlignedVector<T> y(length, kMark<T>), pull(kEnds * length, kMark<T>), dx(length, kMark<T>);
      reduce_chains(B, kEnds, F.data(), g.data(), y.data(), pull.data());
      extend_chains(B, kEnds, F.data(), y.data(), z.data(), dx.data());
      for (int lane = 0; lane < kLanes; ++lane) {
        const Matrix W = lower(B, F, lane);
        const Vector gradient = vector_of(B, g, 0, lane), own = vector_of(B, y, 0, lane);
        const auto near = [&](const Vector& got, const Vector& exact, const Vector& size, int terms) {
          for (int k = 0; k < B; ++k)  // gamma of as many terms (Higham 2002, sec. 3.1)
            EXPECT_NEAR(got(k), exact(k), (terms + 1) * kUnit<T> * size(k)) << B << " lane " << lane << " row " << k;
        };
        near(own, W * gradient, W.cwiseAbs() * gradient.cwiseAbs(), B);
        Vector sum = own, size = own.cwiseAbs();
        for (int e = 0; e < kEnds; ++e) {
          const Matrix X = matrix_of(B, F, 1 + e, lane);
          near(vector_of(B, pull, e, lane), X * own, X.cwiseAbs() * own.cwiseAbs(), B);
          sum += X.transpose() * vector_of(B, z, e, lane);
          size += X.transpose().cwiseAbs() * vector_of(B, z, e, lane).cwiseAbs();
        }
        near(vector_of(B, dx, 0, lane), -W.transpose() * sum, W.transpose().cwiseAbs() * size, (1 + kEnds) * B + 1);
      }
    }
  });
}

TYPED_TEST(ChainLanes, OneBadPivotSpoilsTheGroup) {
  using T = TypeParam;
  on_every_set([] {
    for (const int B : kSides) {
      const AlignedVector<T> blocks = random_blocks<T>(B, 4), ends(2 * blocks.size(), T(0));
      for (int lane = 0; lane < kLanes; ++lane)
        for (int row = 0; row < B; ++row)
          for (const T value : {T(0), T(-1), kMark<T>, std::numeric_limits<T>::infinity()}) {
            AlignedVector<T> bad = blocks;
            bad[static_cast<std::size_t>(row * B + row) * kLanes + static_cast<std::size_t>(lane)] = value;
            EXPECT_FALSE((Group<T>(B, bad, ends).fine)) << B << " lane " << lane << " row " << row << ": " << value;
          }
      EXPECT_TRUE((Group<T>(B, blocks, ends).fine));
    }
  });
}

}  // namespace
}  // namespace pipit
