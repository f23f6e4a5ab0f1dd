// Derivatives: automatic = finite differences = analytic; batches put them where the linear system expects them.
#include <gtest/gtest.h>

#include <cmath>

#include "solve/factor_batch.h"
#include "solve/jet.h"
#include "solve/linearise.h"
#include "solve/prior.h"
#include "solve/testing.h"

namespace pipit {
namespace {

using Dual = Jet<double, 2>;

// f(x, y) and its derivatives by central differences; step (3 eps)^(1/3) balances truncation h^2 against rounding
// eps/h.
template <class F>
void expect_derivatives(F f, double x, double y) {
  const Dual value = f(Dual::variable(x, 0), Dual::variable(y, 1));
  const double h = 6e-6;
  const auto at = [&](double a, double b) { return f(Dual(a), Dual(b)).a; };
  EXPECT_DOUBLE_EQ(value.a, at(x, y));
  // third derivatives of all functions below are under 600 there: h^2 * 600 / 6 = 3.6e-9, rounding 2e-11
  EXPECT_NEAR(value.v[0], (at(x + h, y) - at(x - h, y)) / (2 * h), 4e-9);
  EXPECT_NEAR(value.v[1], (at(x, y + h) - at(x, y - h)) / (2 * h), 4e-9);
}

TEST(Jet, DerivativesAreThoseOfFiniteDifferences) {
  for (const double x : {0.3, 0.7, 0.9}) {
    const double y = 0.8 - 0.5 * x;
    expect_derivatives([](const Dual& a, const Dual& b) { return a * b + a / b - a; }, x, y);
    expect_derivatives([](const Dual& a, const Dual& b) { return sqrt(a) * exp(b) + log(a); }, x, y);
    expect_derivatives([](const Dual& a, const Dual& b) { return sin(a) * cos(b) + tan(a * b); }, x, y);
    expect_derivatives([](const Dual& a, const Dual& b) { return asin(a * b) + acos(b) + atan2(a, b); }, x, y);
    expect_derivatives([](const Dual& a, const Dual& b) { return abs(-a) + 2.0 * b - a * 3.0 + 1.0 / b; }, x, y);
  }
}

TEST(Jet, WorksInsideEigen) {
  Eigen::Matrix<Dual, 3, 1> v(Dual::variable(1, 0), Dual::variable(2, 1), Dual(3));
  const Dual n = v.norm();
  EXPECT_DOUBLE_EQ(n.v[0], 1 / std::sqrt(14));
  EXPECT_DOUBLE_EQ(n.v[1], 2 / std::sqrt(14));
}

// J d = (r(x (+) h d) - r(x (-) h d)) / 2h in every free direction.
template <class M>
void check_column(Problem& problem, Linearisation& lin, const std::vector<double>& J_dense, int rows, Var<M> var) {
  const int width = lin.width(), block = problem.set<M>().block[static_cast<std::size_t>(var.index)];
  const std::size_t cols = static_cast<std::size_t>(lin.num_blocks()) * width;
  const double h = 6e-6;
  const auto& batch = *problem.batches()[0];
  for (int k = 0; k < M::kDim; ++k) {
    const std::size_t column = static_cast<std::size_t>(block) * width + k;
    std::vector<double> d(cols, 0), plus(static_cast<std::size_t>(rows)), minus = plus;
    Workers workers(1);
    for (const int sign : {1, -1}) {
      problem.save();
      d[column] = sign * h;
      for (const auto& set : problem.sets()) set->retract(d, width, Format::Double, workers);
      batch.residuals(Format::Double, {0, static_cast<std::size_t>(batch.size())}, sign > 0 ? plus : minus);
      problem.restore();
    }
    for (std::size_t row = 0; row < plus.size(); ++row)
      EXPECT_NEAR(J_dense[row * cols + column],
                  (plus[row] - minus[row]) / (2 * h),
                  2e-8)  // |r'''| h^2 / 6 with weights of 10, and eps |r| / h
          << "row " << row << " direction " << k;
  }
}

// The Jacobian of batch 0 as a dense matrix, from what the batch hands to the linear solver.
std::vector<double> dense_jacobian(Problem& problem, const Linearisation& lin) {
  const auto& batch = *problem.batches()[0];
  const auto E = static_cast<std::size_t>(batch.size()), R = static_cast<std::size_t>(batch.residual_dim()),
             K = static_cast<std::size_t>(batch.arity()), B = static_cast<std::size_t>(lin.width());
  std::vector<double> r(E * R), J(E * K * R * B);
  std::vector<std::int32_t> columns(E * K);
  batch.linearise({Format::Double, Format::Double, lin.width(), BlockOrder::Columns}, {0, E}, r, std::span<double>(J));
  batch.block_columns(columns);
  const std::size_t cols = static_cast<std::size_t>(lin.num_blocks()) * B;
  std::vector<double> dense(E * R * cols, 0);
  for (std::size_t i = 0; i < E * K; ++i) {  // block i of J: rows of edge i / K
    if (columns[i] < 0) continue;
    const std::size_t left = static_cast<std::size_t>(columns[i]) * B;
    for (std::size_t c = 0; c < B; ++c)
      for (std::size_t row = 0; row < R; ++row) dense[(i / K * R + row) * cols + left + c] += J[(i * B + c) * R + row];
  }
  return dense;
}

TEST(FactorBatch, AutomaticJacobianIsThatOfFiniteDifferences) {
  Problem problem;
  testing::add_loop(problem, 6, 0.3, 3);
  Workers workers(1);
  Linearisation lin(problem, double_precision(), workers);
  const auto J = dense_jacobian(problem, lin);
  for (int i = 1; i < 6; ++i) check_column(problem, lin, J, problem.batches()[0]->size() * 6, Var<SE3<double>>{i});
}

TEST(FactorBatch, VariablesOfDifferentSizesShareOneWidth) {
  Problem problem;
  const auto robot = problem.add(SE2<double>{{1, 2}, 0.3});
  const auto beacon = problem.add(Point2<double>{{4, -1}});
  problem.add_factor(testing::RangeFactor{3.0, 0.5}, robot, beacon);
  Workers workers(1);
  Linearisation lin(problem, double_precision(), workers);
  EXPECT_EQ(lin.width(), 3);
  const auto J = dense_jacobian(problem, lin);
  check_column(problem, lin, J, 1, robot);
  check_column(problem, lin, J, 1, beacon);
  EXPECT_EQ(J[5], 0) << "the third column of a point is padding";
}

TEST(FactorBatch, LocalOriginMakesSinglePrecisionIndifferentToWhereTheMapIs) {
  const auto residual_error = [](double offset_m) {
    Problem problem;
    Random random(5);
    const Eigen::Vector3d offset(offset_m, -offset_m, offset_m);
    SE3<double> a = testing::random_pose(random, 1, 1), b = testing::random_pose(random, 1, 1);
    a.t += offset;
    b.t += offset;
    const auto i = problem.add(a), j = problem.add(b);
    problem.add_factor(testing::RelativePose{SE3<double>{}, 1}, i, j);
    std::vector<double> exact(6), single(6);
    Workers workers(1);
    problem.number_blocks();
    problem.batches()[0]->residuals(Format::Double, {0, 1}, exact);
    problem.batches()[0]->residuals(Format::Single, {0, 1}, single);
    double worst = 0;
    for (std::size_t k = 0; k < 6; ++k) worst = std::max(worst, std::abs(exact[k] - single[k]));
    return worst;
  };
  // a few dozen roundings of numbers of size 1 to 3: 50 * 2^-24 * 3 = 9e-6, at the origin and 10 km away alike
  // (measured over seeds 1 to 1000: 1.4e-6 at most, in both places)
  EXPECT_LT(residual_error(0), 9e-6);
  EXPECT_LT(residual_error(1e4), 9e-6);
}

TEST(FactorBatchDeathTest, AFactorNeedsVariablesThatExist) {
  Problem problem;
  const auto robot = problem.add(SE2<double>{});
  EXPECT_DEATH(problem.add_factor(testing::RangeFactor{1, 1}, robot, Var<Point2<double>>{0}), "no such variable");
}

// H = J'J and g = J'r against dense products; same bits for 1 and 3 threads; fp32 within its rounding.
TEST(Linearisation, GathersTheNormalEquations) {
  Problem problem;
  testing::add_loop(problem, 40, 0.2, 9);
  problem.add_factor(Prior<SE3<double>>{SE3<double>{}, 3 * Eigen::Matrix<double, 6, 6>::Identity()},
                     Var<SE3<double>>{7});
  Workers one(1), three(3);
  const LinearNeeds needs{.H = true, .J = false, .format = Format::Double};
  Linearisation a(problem, double_precision(), one), b(problem, double_precision(), three);
  Linearisation c(problem, single_precision(), one);
  a.prepare(needs);
  b.prepare(needs);
  c.prepare({.H = true, .J = false, .format = Format::Single});
  const double cost = a.linearise();
  EXPECT_EQ(cost, b.linearise());
  EXPECT_NEAR(cost, a.cost(), 1e-12 * cost);  // dual numbers round elsewhere: some eps a residual
  EXPECT_NEAR(c.linearise(), cost, 1e-4 * cost);
  const auto ha = a.H64().values(), hb = b.H64().values();
  EXPECT_TRUE(std::equal(ha.begin(), ha.end(), hb.begin(), hb.end()));
  EXPECT_TRUE(std::equal(a.gradient().begin(), a.gradient().end(), b.gradient().begin()));
  for (int j = 0; j < a.num_blocks(); ++j)
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(a.diagonal()[static_cast<std::size_t>(6 * j + i)], a.H64().block(a.pattern().col_begin[j])[7 * i]);

  // g.d by finite differences of the cost, and d'Hd = ||Jd||^2
  Random random(4);
  std::vector<double> d(a.gradient().size());
  double slope = 0;
  for (std::size_t i = 0; i < d.size(); ++i) {
    d[i] = random.normal();
    slope += a.gradient()[i] * d[i];
  }
  std::vector<double> Hd(d.size());
  multiply(a.H64(),
           row_index_of(a.pattern().col_begin, a.pattern().row),
           std::span<const double>(d),
           std::span<double>(Hd),
           one);
  double dHd = 0;
  for (std::size_t i = 0; i < d.size(); ++i) dHd += d[i] * Hd[i];
  EXPECT_NEAR(dHd, a.curvature(d), 1e-10 * dHd);  // sums of 1e3 terms: 1e3 * eps * dHd, with room
  const double h = 1e-6;
  std::vector<double> step(d);
  const auto cost_at = [&](double t) {
    for (std::size_t i = 0; i < d.size(); ++i) step[i] = t * d[i];
    problem.save();
    for (const auto& set : problem.sets()) set->retract(step, a.width(), Format::Double, one);
    const double value = a.cost();
    problem.restore();
    return value;
  };
  // third derivative of the cost along d is of the size of d'Hd: h^2 dHd, and rounding eps * cost / h
  EXPECT_NEAR(slope, (cost_at(h) - cost_at(-h)) / (2 * h), 1e-9 * dHd + 1e-9 * cost);
}

TEST(Linearisation, LossAndWeightsEnterAsSquareRoots) {
  Problem problem;
  testing::add_loop(problem, 12, 0.5, 2);
  auto& batch = *problem.batches()[0];
  Workers one(1);
  Linearisation lin(problem, double_precision(), one);
  lin.prepare({.H = true, .J = false, .format = Format::Double});
  const double plain = lin.linearise();
  double squares = 0;
  for (const double s : lin.squared_residuals(0)) squares += s;
  EXPECT_NEAR(plain, 0.5 * squares, 1e-14 * plain);
  const std::vector<double> H(lin.H64().values().begin(), lin.H64().values().end());
  const std::vector<double> g(lin.gradient().begin(), lin.gradient().end());
  batch.weights.assign(static_cast<std::size_t>(batch.size()), 0.25);
  EXPECT_NEAR(lin.linearise(), 0.25 * plain, 1e-14 * plain);
  for (std::size_t i = 0; i < H.size(); ++i)
    ASSERT_NEAR(lin.H64().values()[i], 0.25 * H[i], 1e-13 * (1 + std::abs(H[i])));
  // The root of 0.25 is exact, and so is everything it multiplies.
  for (std::size_t i = 0; i < g.size(); ++i) ASSERT_EQ(lin.gradient()[i], 0.25 * g[i]);
  batch.weights.clear();
  batch.loss = {RobustLoss::Kind::Huber, 1e9};
  EXPECT_EQ(lin.linearise(), plain) << "Huber far out is no loss at all";
}

struct Sum {
  static constexpr int kDim = 2;
  using Variables = std::tuple<Point2<double>, Point2<double>>;
  Eigen::Vector2d z;

  template <class T>
  Eigen::Matrix<T, 2, 1> operator()(const Point2<T>& a, const Point2<T>& b) const {
    return a.v + b.v - z.cast<T>();
  }
};

// A factor may name a variable twice: its columns add up. r = a + b - z with b = a is 2 a - z.
TEST(Linearisation, AVariableNamedTwiceCountsTwice) {
  Problem problem;
  const auto a = problem.add(Point2<double>{{3, 4}});
  problem.add_factor(Sum{{1, -2}}, a, a);
  Workers workers(1);
  Linearisation lin(problem, double_precision(), workers);
  lin.prepare({.H = true, .J = false, .format = Format::Double});
  EXPECT_EQ(lin.linearise(), 0.5 * (5 * 5 + 10 * 10));
  EXPECT_EQ(lin.gradient()[0], 2 * 5);
  EXPECT_EQ(lin.gradient()[1], 2 * 10);
  EXPECT_EQ(lin.diagonal()[0], 4);
  EXPECT_EQ(lin.diagonal()[1], 4);
  EXPECT_EQ(lin.curvature(std::vector<double>{1, 1, 0}), 8);
}

// From then on it is a linearisation in fp64, whatever it was made for; only H is handed on in the format asked for.
TEST(Linearisation, RefinedIsThatOfDouble) {
  Problem problem;
  testing::add_loop(problem, 20, 0.2, 6);
  Workers workers(1);
  Linearisation twice(problem, double_precision(), workers), once(problem, single_precision(), workers);
  twice.prepare({.H = true, .J = false, .format = Format::Double});
  once.prepare({.H = true, .J = false, .format = Format::Double});
  EXPECT_NE(once.linearise(), twice.linearise());
  EXPECT_FALSE(once.refined());
  once.refine();
  EXPECT_TRUE(once.refined());
  EXPECT_EQ(once.linearise(), twice.linearise());
  EXPECT_EQ(once.cost(), twice.cost());
  EXPECT_TRUE(std::equal(once.gradient().begin(), once.gradient().end(), twice.gradient().begin()));
  const auto H = once.H64().values(), same = twice.H64().values();
  EXPECT_TRUE(std::equal(H.begin(), H.end(), same.begin(), same.end()));
  Linearisation early(problem, single_precision(), workers);
  early.refine();
  early.prepare({.H = true, .J = false, .format = Format::Double});
  EXPECT_EQ(early.linearise(), twice.linearise());
}

}  // namespace
}  // namespace pipit
