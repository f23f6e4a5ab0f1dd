#include "factor/triangular_factor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bits/half_number.h"
#include "bits/test_every_set.h"
#include "bits/vector_ops.h"
#include "factor/cholesky.h"
#include "factor/incomplete.h"
#include "factor/ordering.h"
#include "factor/test_systems.h"

namespace pipit {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using testing::System;

template <class S>
double value_of(S x) {
  return to_double(x);
}

// L as a dense matrix, in the order of the layout.
template <class S>
MatrixXd dense_factor(const TriangularFactor<S>& factor) {
  const PanelLayout& l = factor.layout();
  const int B = factor.B();
  MatrixXd L = MatrixXd::Zero(factor.size(), factor.size());
  for (int s = 0; s < l.num_panels(); ++s) {
    const FrontShape shape = factor.shape(s);
    for (int c = 0; c < shape.w; ++c)
      for (int r = c; r < shape.m; ++r) {
        const int row =
            r < shape.w ? l.first[s] * B + r : l.rows[l.row_begin[s] + (r - shape.w) / B] * B + (r - shape.w) % B;
        const double x = value_of(factor.panel(s)[static_cast<std::ptrdiff_t>(c) * factor.ld(s) + r]);
        L(row, l.first[s] * B + c) = r == c ? 1 / x : x;
      }
  }
  return L;
}

// P S H S^T P^T + shift I, with the S that the factor uses, and |S| |H| |S|^T: what its rounding errors are measured
// by.
struct Target {
  MatrixXd A, size;
};
template <class S, class From>
Target dense_target(const TriangularFactor<S>& factor, const BlockSymmetric<From>& H, double shift) {
  const int B = factor.B(), n = factor.layout().n;
  MatrixXd scaling = MatrixXd::Identity(n * B, n * B), permutation = MatrixXd::Zero(n * B, n * B);
  for (int k = 0; k < n; ++k)
    for (int c = 0; c < B; ++c) {
      permutation(k * B + c, factor.layout().permutation[k] * B + c) = 1;
      if (factor.scaling().on())
        for (int r = 0; r < B; ++r) scaling(k * B + r, k * B + c) = factor.scaling().block(k)[c * B + r];
    }
  const MatrixXd PS = permutation * scaling, dense = testing::dense(H);
  return {PS * dense * PS.transpose() + shift * MatrixXd::Identity(n * B, n * B),
          PS.cwiseAbs() * dense.cwiseAbs() * PS.cwiseAbs().transpose()};
}

struct Case {
  const char* what;
  int n;
  testing::Edges edges;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {{"one", 1, {}},
                                        {"pair", 2, {{0, 1}}},
                                        {"apart", 2, {}},
                                        {"chain", 40, testing::chain(40)},
                                        {"floor", 49, testing::grid(7)},
                                        {"loops", 50, testing::random_loops(50, 30, 2)}};
  return all;
}

System damped_system(const Case& c, int B) { return testing::make_damped_system(c.n, B, c.edges, 7); }

template <class S, class T, class From>
TriangularFactor<S> complete(const BlockSymmetric<From>& H,
                             ScalingKind kind,
                             double shift,
                             int threads = 1,
                             OrderingKind by = OrderingKind::Amd) {
  const auto layout = std::make_shared<const PanelLayout>(complete_layout(H.pattern(), order(H.pattern(), by), H.B()));
  const CholeskyPlan plan = plan_cholesky(H.pattern(), layout, H.B());
  TriangularFactor<S> factor(layout, H.B(), true);
  factor.set_scaling(make_scaling(H, {}, kind));
  CholeskyWorkspace<T> work;
  Workers workers(threads);
  const auto bad =
      factorise<T>(plan,
                   DampedMatrix<From>{&H, {}},
                   factor.scaling(),
                   shift,
                   work,
                   workers,
                   [&](int s, const T* panel, FrontShape shape) { factor.store(s, panel, shape, nullptr); });
  EXPECT_EQ(bad, -1);
  return factor;
}

template <class S, class T, class From>
TriangularFactor<S> incomplete(const BlockSymmetric<From>& H,
                               int level,
                               double shift,
                               OrderingKind by = OrderingKind::Natural) {
  const auto layout =
      std::make_shared<const PanelLayout>(incomplete_layout(H.pattern(), order(H.pattern(), by), level));
  const IncompletePlan plan = plan_incomplete(H.pattern(), layout, H.B());
  TriangularFactor<S> factor(layout, H.B(), false);
  factor.set_scaling(make_scaling(H, {}, ScalingKind::Block));
  IncompleteWorkspace<T> work;
  const auto bad = factorise<T>(
      plan, DampedMatrix<From>{&H, {}}, factor.scaling(), shift, work, [&](int s, const T* panel, FrontShape shape) {
        factor.store(s, panel, shape, nullptr);
      });
  EXPECT_EQ(bad, -1);
  return factor;
}

// |L L^T - A| <= (n + 8) u |L| |L|^T + (2 B + 3) u |S| |H| |S|^T: theorem 10.3 of Higham 2002 for sums in any order,
// and two products of length B with S in front.
template <class S>
void expect_factors(const TriangularFactor<S>& factor, const Target& target, double u) {
  const MatrixXd L = dense_factor(factor), size = L.cwiseAbs() * L.cwiseAbs().transpose();
  const double n = static_cast<double>(L.rows()), B = factor.B();
  const MatrixXd error = (L * L.transpose() - target.A).cwiseAbs();
  for (Eigen::Index c = 0; c < L.cols(); ++c)
    for (Eigen::Index r = c; r < L.rows(); ++r)
      ASSERT_LE(error(r, c), u * ((n + 8) * size(r, c) + (2 * B + 3) * target.size(r, c))) << r << "," << c;
}

TEST(Cholesky, MultipliesBackToTheMatrix) {
  for (const Case& c : cases())
    for (const int B : {1, 2, 3, 4, 6})
      for (const ScalingKind kind : {ScalingKind::None, ScalingKind::Diagonal, ScalingKind::Block})
        for (const OrderingKind by : {OrderingKind::Natural, OrderingKind::Amd}) {
          SCOPED_TRACE(std::string(c.what) + " B " + std::to_string(B));
          const System s = damped_system(c, B);
          const auto f64 = complete<double, double>(s.H64, kind, 1e-6, 1, by);
          expect_factors(f64, dense_target(f64, s.H64, 1e-6), 0x1p-53);
          const auto f32 = complete<float, float>(s.H32, kind, 1e-6, 1, by);
          expect_factors(f32, dense_target(f32, s.H32, 1e-6), 0x1p-24);
        }
}

TEST(Cholesky, EveryInstructionSetFactorsAndSolves) {
  const System s = damped_system(cases()[4], 6);
  const MatrixXd H = testing::dense(s.H64);
  on_every_set([&] {
    const auto f64 = complete<double, double>(s.H64, ScalingKind::Block, 0);
    expect_factors(f64, dense_target(f64, s.H64, 0), 0x1p-53);
    const auto f16 = complete<half, float>(s.H32, ScalingKind::Block, 0);
    VectorXd x(s.gradient.size());
    FactorScratch scratch;
    Workers one(1);
    f64.solve(std::span<const double>(s.gradient), std::span<double>(x.data(), s.gradient.size()), scratch, one);
    const Eigen::Map<const VectorXd> g(s.gradient.data(), x.size());
    // Backward stable: residual below n u (|H| |x| + |g|) by a modest factor (Higham 2002, theorem 10.4).
    EXPECT_LE((H * x - g).norm(), 4 * H.rows() * 0x1p-53 * (H.norm() * x.norm() + g.norm()));
    std::vector<float> r(s.gradient.begin(), s.gradient.end()), z(r.size());
    f16.solve(std::span<const float>(r), std::span<float>(z), scratch, one);
    double rz = 0;
    for (std::size_t i = 0; i < r.size(); ++i) rz += static_cast<double>(r[i]) * z[i];
    EXPECT_GT(rz, 0);
  });
}

// The sweeps (diagonal blocks inverted, one loop) against the panel solves of bits, which keep to substitution.
template <class S>
void expect_sweeps_equal_panels(const TriangularFactor<S>& factor, double u) {
  using V = PanelVector<S>;
  const double u_vector = std::numeric_limits<V>::epsilon() / 2;
  const PanelLayout& l = factor.layout();
  const int n = l.n * factor.B();
  std::vector<std::int64_t> begin;
  for (int s = 0; s < l.num_panels(); ++s) begin.push_back(factor.panel(s) - factor.panel(0));
  const PanelFactorView<S> view{
      l.num_panels(), factor.B(), l.first.data(), l.row_begin.data(), l.rows.data(), begin.data(), factor.panel(0)};
  Random random(3);
  std::vector<V> r(n), z(n), x(n), scratch_rows(n);
  for (V& v : r) v = static_cast<V>(random.normal());
  FactorScratch scratch;
  Workers one(1);
  TriangularFactor<S> bare = factor;  // without scaling: L alone
  bare.set_scaling({factor.B(), {}});
  bare.solve(std::span<const V>(r), std::span<V>(z), scratch, one);
  for (int k = 0; k < l.n; ++k)
    for (int c = 0; c < factor.B(); ++c) x[k * factor.B() + c] = r[l.permutation[k] * factor.B() + c];
  factor_forward(view, std::span<V>(x), std::span<V>(scratch_rows));
  factor_backward(view, std::span<V>(x), std::span<V>(scratch_rows));
  const MatrixXd L = dense_factor(factor);
  const VectorXd inverse_norms =
      L.triangularView<Eigen::Lower>().solve(MatrixXd::Identity(n, n)).cwiseAbs().rowwise().sum();
  double error = 0, size = 0;
  for (int k = 0; k < l.n; ++k)
    for (int c = 0; c < factor.B(); ++c) {
      error =
          std::max(error, std::fabs(static_cast<double>(x[k * factor.B() + c]) - z[l.permutation[k] * factor.B() + c]));
      size = std::max(size, std::fabs(static_cast<double>(x[k * factor.B() + c])));
    }
  // Two solves of condition kappa(L) each, n terms a row: n u kappa |x|; diagonal blocks are kept in the vectors'
  // format here and in S there, so that S's round-off enters once per block of 6.
  const double kappa = L.norm() * inverse_norms.maxCoeff();
  EXPECT_LE(error, 2 * (6 * u + n * u_vector) * kappa * size);
}

TEST(TriangularFactor, SweepsEqualThePanelSolves) {
  for (const Case& c : cases())
    for (const int B : {1, 3, 4, 6}) {
      const System s = damped_system(c, B);
      on_every_set([&] {
        expect_sweeps_equal_panels(complete<double, double>(s.H64, ScalingKind::Block, 1e-6), 0x1p-53);
        expect_sweeps_equal_panels(complete<float, float>(s.H32, ScalingKind::Block, 1e-6), 0x1p-24);
        expect_sweeps_equal_panels(complete<half, float>(s.H32, ScalingKind::Block, 1e-6), 0x1p-11);
        expect_sweeps_equal_panels(complete<bfloat16, float>(s.H32, ScalingKind::Block, 1e-6), 0x1p-8);
        expect_sweeps_equal_panels(incomplete<float, float>(s.H32, 0, 1e-1), 0x1p-24);
      });
    }
}

// Storing in S changes each entry of L by at most u_S relatively (half: or half its smallest subnormal absolutely).
TEST(TriangularFactor, StorageRoundsOnce) {
  const System s = damped_system(cases()[5], 6);
  const MatrixXd exact = dense_factor(complete<float, float>(s.H32, ScalingKind::Block, 1e-6));
  const auto compare = [&](const auto& factor, double u, double tiny) {
    const MatrixXd stored = dense_factor(factor);
    for (Eigen::Index c = 0; c < exact.cols(); ++c)
      for (Eigen::Index r = c; r < exact.rows(); ++r)
        // 1.01: the diagonal is rounded as its reciprocal, whose own reciprocal is compared here
        ASSERT_NEAR(stored(r, c), exact(r, c), 1.01 * u * std::fabs(exact(r, c)) + tiny);
  };
  compare(complete<half, float>(s.H32, ScalingKind::Block, 1e-6), 0x1p-11, 0x1p-25);
  compare(complete<bfloat16, float>(s.H32, ScalingKind::Block, 1e-6), 0x1p-8, 0);
}

TEST(Incomplete, EqualsCompleteWhereNothingIsLost) {
  // A chain from its end, any graph with all levels: then the pattern holds all fill.
  for (const int B : {3, 6}) {
    const System chain = damped_system(cases()[3], B), loops = damped_system(cases()[5], B);
    const auto tree = incomplete<double, double>(chain.H64, 0, 1e-6);
    expect_factors(tree, dense_target(tree, chain.H64, 1e-6), 0x1p-53);
    const auto all = incomplete<double, double>(loops.H64, 1000, 1e-6);
    expect_factors(all, dense_target(all, loops.H64, 1e-6), 0x1p-53);
    const auto single = incomplete<float, float>(loops.H32, 1000, 1e-6, OrderingKind::Amd);
    expect_factors(single, dense_target(single, loops.H32, 1e-6), 0x1p-24);
  }
}

// Meijerink and van der Vorst: on its pattern, L L^T agrees with the matrix; the error lies outside it.
TEST(Incomplete, AgreesWithTheMatrixOnItsPattern) {
  for (const int level : {0, 1, 2}) {
    const System s = damped_system(cases()[4], 6);
    const auto factor = incomplete<double, double>(s.H64, level, 0.5);
    const MatrixXd L = dense_factor(factor), A = dense_target(factor, s.H64, 0.5).A;
    const MatrixXd E = L * L.transpose() - A;
    double outside = 0;
    for (int j = 0; j < s.n; ++j)
      for (int i = j; i < s.n; ++i) {
        const double error = E.block(i * 6, j * 6, 6, 6).norm();
        if (i == j || L.block(i * 6, j * 6, 6, 6).norm() > 0)
          EXPECT_LE(error, 100 * 0x1p-53 * A.norm()) << level << ": " << i << "," << j;
        else
          outside += error;
      }
    EXPECT_GT(outside, 1e-6) << "a floor graph loses fill";
  }
}

TEST(Cholesky, SameBitsForAnyNumberOfThreads) {
  // Large enough to be cut into tasks (symbolic_test: Plan).
  const System s = testing::make_system(2500, 6, testing::grid(50), 4);
  const auto bits = [&](int threads) {
    const auto factor = complete<float, float>(s.H32, ScalingKind::Block, 1e-6, threads);
    std::vector<float> all;
    for (int p = 0; p < factor.layout().num_panels(); ++p)
      all.insert(
          all.end(), factor.panel(p), factor.panel(p) + static_cast<std::ptrdiff_t>(factor.ld(p)) * factor.shape(p).w);
    return all;
  };
  const auto one = bits(1);
  EXPECT_EQ(one, bits(2));
  EXPECT_EQ(one, bits(3));
}

TEST(Cholesky, IndefiniteMatrixIsAValue) {
  for (const Case& c : cases())
    for (const int B : {3, 6}) {
      System s = damped_system(c, B);
      // Break the block that is eliminated last: every panel before it succeeds.
      const auto layout =
          std::make_shared<const PanelLayout>(complete_layout(*s.pattern, order(*s.pattern, OrderingKind::Amd), B));
      const int last = layout->permutation.back();
      s.H64.block(s.pattern->col_begin[last])[B * B - 1] -= 1e6;
      const CholeskyPlan plan = plan_cholesky(*s.pattern, layout, B);
      CholeskyWorkspace<double> work;
      Workers workers(2);
      const auto bad = factorise<double>(plan,
                                         DampedMatrix<double>{&s.H64, {}},
                                         BlockScaling{B, {}},
                                         0,
                                         work,
                                         workers,
                                         [](int, const double*, FrontShape) {});
      EXPECT_EQ(bad, static_cast<std::int64_t>(c.n) * B - 1) << c.what;
    }
}

// Every operation in half: the result is a half factor of about the right matrix, in both accumulations.
TEST(Cholesky, RunsInHalfArithmetic) {
  const System s = damped_system(cases()[3], 3);
  const auto separate = complete<half, SeparateHalf>(s.H32, ScalingKind::Block, 1e-2);
  const auto fused = complete<half, FusedHalf>(s.H32, ScalingKind::Block, 1e-2);
  const auto narrow = incomplete<half, SeparateHalf>(s.H32, 0, 1e-2);
  expect_factors(separate, dense_target(separate, s.H32, 1e-2), 0x1p-11);
  expect_factors(fused, dense_target(fused, s.H32, 1e-2), 0x1p-11);
  expect_factors(narrow, dense_target(narrow, s.H32, 1e-2), 0x1p-11);
  EXPECT_NE(dense_factor(separate), dense_factor(fused));
}

// Large enough to be cut: what subtrees and top solve side by side is what one sweep after the other solves.
TEST(TriangularFactor, SubtreesSolveAsTheWholeOnAnyNumberOfThreads) {
  const System s = testing::make_system(4900, 3, testing::grid(70), 3);
  const auto layout = std::make_shared<const PanelLayout>(
      complete_layout(s.H32.pattern(), order(s.H32.pattern(), OrderingKind::Amd), 3));
  ASSERT_GT(cut_tree(*layout, 3).tasks.size(), 1U);
  const CholeskyPlan plan = plan_cholesky(s.H32.pattern(), layout, 3);
  const BlockScaling scaling = make_scaling(s.H32, {}, ScalingKind::Block);
  std::vector<float> r(s.gradient.begin(), s.gradient.end());
  std::vector<std::vector<float>> z;
  for (const auto& [cut, threads] : std::vector<std::pair<bool, int>>{{false, 1}, {true, 1}, {true, 2}, {true, 3}}) {
    Workers workers(threads);
    TriangularFactor<half> factor(layout, 3, cut);
    factor.set_scaling(scaling);
    CholeskyWorkspace<float> work;
    ASSERT_EQ(
        -1,
        factorise<float>(plan,
                         DampedMatrix<float>{&s.H32, {}},
                         scaling,
                         1e-3,
                         work,
                         workers,
                         [&](int p, const float* panel, FrontShape shape) { factor.store(p, panel, shape, nullptr); }));
    FactorScratch room;
    for (int again = 0; again < 2; ++again) {  // the scratch of one solve must not show in the next
      z.emplace_back(r.size());
      factor.solve(std::span<const float>(r), std::span<float>(z.back()), room, workers);
    }
  }
  for (std::size_t k = 3; k < z.size(); ++k) EXPECT_EQ(z[2], z[k]);
  EXPECT_EQ(z[0], z[1]);
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    difference += std::pow(static_cast<double>(z[0][i]) - z[2][i], 2);
    size += std::pow(static_cast<double>(z[0][i]), 2);
  }
  // Another order of summation in fp32, with kappa(L)^2 below 1e3 by the shift.
  EXPECT_LE(std::sqrt(difference / size), 1e3 * 6e-8);
  EXPECT_GT(size, 0);
}

}  // namespace
}  // namespace pipit
