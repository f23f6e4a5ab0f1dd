#include "sparse/condensation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>

#include "factor/test_systems.h"

namespace pipit {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using testing::Edges;
using testing::System;

template <class T>
constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2;

template <class T>
class Condense : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Condense, Scalars);

struct Graph {
  const char* name;
  int n;
  Edges edges;
};

// Numbered at random: edges of a chain then stand on either side of the diagonal.
Edges shuffled(int n, Edges edges, std::uint64_t seed) {
  std::vector<std::int32_t> place(static_cast<std::size_t>(n));
  std::iota(place.begin(), place.end(), 0);
  Random random(seed);
  for (std::size_t k = place.size(); k > 1; --k) std::swap(place[k - 1], place[random.below(k)]);
  for (auto& [i, j] : edges) i = place[i], j = place[j];
  return edges;
}

const std::vector<Graph>& graphs() {
  static const std::vector<Graph> all = [] {
    std::vector<Graph> out{{"nothing", 0, {}}, {"one", 1, {}}, {"two", 2, {}}, {"pair", 2, {{1, 0}}}};
    Edges ring = testing::chain(40), tree, hub, ways;
    ring.emplace_back(0, 39);
    for (int i = 1; i < 40; ++i) tree.emplace_back((i - 1) / 3, i);
    for (int a = 0; a < 66; ++a) hub.emplace_back(0, 1 + a), hub.emplace_back(1 + a, 67 + a);
    for (int first : {0, 5})  // two cliques of five, and three ways between two of their blocks, besides an edge
      for (int i = 0; i < 5; ++i)
        for (int j = 0; j < i; ++j) ways.emplace_back(first + i, first + j);
    ways.emplace_back(0, 5);
    for (int way = 0; way < 3; ++way)
      for (int k = 0; k <= 5; ++k) ways.emplace_back(k == 0 ? 0 : 9 + 5 * way + k, k == 5 ? 5 : 10 + 5 * way + k);
    const Edges loops = testing::random_loops(60, 25, 5);
    out.push_back({"chain", 17, testing::chain(17)});
    out.push_back({"chain, shuffled", 17, shuffled(17, testing::chain(17), 1)});
    out.push_back({"tree", 40, tree});
    out.push_back({"ring", 40, ring});
    out.push_back({"ring, shuffled", 40, shuffled(40, ring, 2)});
    out.push_back({"loops", 60, loops});
    out.push_back({"loops, shuffled", 60, shuffled(60, loops, 3)});
    out.push_back({"parallel ways", 25, ways});
    out.push_back({"parallel ways, shuffled", 25, shuffled(25, ways, 4)});
    out.push_back({"hub", 133, hub});
    out.push_back({"grid", 36, testing::grid(6)});
    out.push_back({"parts", 12, {{0, 1}, {1, 2}, {4, 5}, {7, 8}, {8, 9}, {7, 9}}});
    return out;
  }();
  return all;
}

template <class T>
const BlockSymmetric<T>& matrix_of(const System& s) {
  if constexpr (std::is_same_v<T, float>)
    return s.H32;
  else
    return s.H64;
}

std::vector<double> random_damping(const System& s, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> out(s.gradient.size());
  for (double& d : out) d = random.uniform(0, 5);
  return out;
}

VectorXd vector_of(std::span<const double> values) {
  return Eigen::Map<const VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

// What the whole says about chains and rest: scalar columns of either, from the same contraction.
struct Parts {
  std::vector<Eigen::Index> chains, rest;

  Parts(const BlockPattern& pattern, int B) {
    std::vector<char> stays(static_cast<std::size_t>(pattern.n), 0);
    for (const std::int32_t i : contract_chains(pattern).kept) stays[i] = 1;
    for (int i = 0; i < pattern.n; ++i)
      for (int r = 0; r < B; ++r) (stays[i] ? rest : chains).push_back(static_cast<Eigen::Index>(i) * B + r);
  }
};

// Condensed, the rest solved densely in fp64, extended.
template <class T>
std::vector<double> solve(Condensation<T>& condensation, std::span<const double> gradient, double* square = nullptr) {
  const auto size = static_cast<std::size_t>(condensation.matrix().size());
  std::vector<double> kept(size), step(size), dx(gradient.size());
  const double yy = condensation.reduce(gradient, kept);
  if (square != nullptr) *square = yy;
  if (size > 0)
    Eigen::Map<VectorXd>(step.data(), static_cast<Eigen::Index>(size)) =
        -testing::dense(condensation.matrix()).ldlt().solve(vector_of(kept));
  condensation.extend(step, dx);
  return dx;
}

template <class T>
Condensation<T> built(const System& s, std::span<const double> damping) {
  Condensation<T> out;
  out.analyse(*s.pattern, s.B);
  EXPECT_TRUE(out.build({&matrix_of<T>(s), damping}));
  return out;
}

// Calls check(system, damping, what) for every graph, block size, seed, and without damping and with.
template <class Check>
void for_every_system(const Check& check) {
  for (const Graph& graph : graphs())
    for (const int B : {1, 2, 3, 6})
      for (const std::uint64_t seed : {1, 2, 3}) {
        if (graph.n > 100 && B > 2) continue;  // dense references are dear
        const System s = testing::make_damped_system(graph.n, B, graph.edges, seed);
        for (const bool damped : {false, true})
          check(s,
                damped ? random_damping(s, seed) : std::vector<double>{},
                std::string(graph.name) + ", B " + std::to_string(B) + ", seed " + std::to_string(seed));
      }
}

// Backward stable as a factorisation is (Higham 2002, theorem 10.4): the dx of a matrix that is off by a few units.
// Measured over seeds 1 to 20: 1.7 units at most, in either format.
TYPED_TEST(Condense, SolvesTheWholeSystem) {
  using T = TypeParam;
  for_every_system([](const System& s, std::span<const double> damping, const std::string& what) {
    Condensation<T> condensation = built<T>(s, damping);
    ASSERT_EQ(condensation.num_kept() + condensation.num_eliminated(), s.n);
    const VectorXd x = vector_of(solve(condensation, s.gradient)), g = vector_of(s.gradient);
    const MatrixXd A = testing::dense(matrix_of<T>(s), damping);
    EXPECT_LE((A * x + g).norm(), 4 * kUnit<T> * (A.norm() * x.norm() + g.norm())) << what;
  });
}

// What is left, against K - E' C^-1 E and its gradient; a change dA of the whole moves them by up to |dA| (1 + |C^-1
// E|^2) and kappa(C). Measured over seeds 1 to 20, in units of that: 0.2 (matrix), 0.12 (gradient), 3.8 (energy, where
// a single number makes up the system).
TYPED_TEST(Condense, LeavesTheSchurComplement) {
  using T = TypeParam;
  for_every_system([](const System& s, std::span<const double> damping, const std::string& what) {
    Condensation<T> condensation = built<T>(s, damping);
    const Parts parts(*s.pattern, s.B);
    ASSERT_EQ(parts.rest.size(), static_cast<std::size_t>(condensation.matrix().size())) << what;
    std::vector<double> kept(parts.rest.size());
    const double square = condensation.reduce(s.gradient, kept);
    const MatrixXd A = testing::dense(matrix_of<T>(s), damping);
    const VectorXd g = vector_of(s.gradient);
    if (parts.chains.empty()) {
      EXPECT_EQ(square, 0);
      return;
    }
    const MatrixXd C = A(parts.chains, parts.chains), E = A(parts.chains, parts.rest), K = A(parts.rest, parts.rest);
    const VectorXd own = g(parts.chains);
    const auto factor = C.ldlt();
    const double kappa = C.norm() * C.inverse().norm(), exact = own.dot(factor.solve(own));
    EXPECT_NEAR(square, exact, 8 * kUnit<T> * kappa * exact) << what;
    if (parts.rest.empty()) return;
    const MatrixXd W = factor.solve(E), left = testing::dense(condensation.matrix()) - (K - E.transpose() * W);
    EXPECT_LE(left.norm(), kUnit<T> * A.norm() * (1 + W.squaredNorm())) << what;
    EXPECT_LE((vector_of(kept) - (g(parts.rest) - W.transpose() * own)).norm(), kUnit<T> * kappa * g.norm()) << what;
  });
}

// Nothing is left over of earlier numbers, gradients, failures or structures: the same bits as from a new one.
TYPED_TEST(Condense, StartsAfreshEveryTime) {
  using T = TypeParam;
  Condensation<T> used;
  const auto bits = [](const BlockSymmetric<T>& H) { return std::vector<T>(H.values().begin(), H.values().end()); };
  for (const Graph& graph : graphs()) {
    System before = testing::make_damped_system(graph.n, 3, graph.edges, 4);
    const System s = testing::make_damped_system(graph.n, 3, graph.edges, 5);
    const std::vector<double> damping = random_damping(s, 6);
    used.analyse(*s.pattern, 3);
    EXPECT_TRUE(used.build({&matrix_of<T>(before), damping}));
    solve(used, before.gradient);
    for (double& v : before.H64.values()) v = -v;
    for (float& v : before.H32.values()) v = -v;
    EXPECT_EQ(used.build({&matrix_of<T>(before), {}}), used.num_eliminated() == 0) << graph.name;
    EXPECT_TRUE(used.build({&matrix_of<T>(s), {}}));
    Condensation<T> fresh = built<T>(s, {});
    EXPECT_EQ(bits(used.matrix()), bits(fresh.matrix())) << graph.name;
    double used_square = 0, fresh_square = 0;
    EXPECT_EQ(solve(used, s.gradient, &used_square), solve(fresh, s.gradient, &fresh_square)) << graph.name;
    EXPECT_EQ(used_square, fresh_square) << graph.name;
  }
}

// Gradients are scaled by powers of two, so a power of two comes out exactly, far beyond the range of fp32.
TYPED_TEST(Condense, GradientsOfAnySize) {
  for (const char* name : {"chain", "loops, shuffled", "parallel ways"})
    for (const double size : {0x1p-200, 0x1p200}) {
      const Graph& graph =
          *std::find_if(graphs().begin(), graphs().end(), [&](const Graph& g) { return std::string(g.name) == name; });
      const System s = testing::make_damped_system(graph.n, 6, graph.edges, 7);
      Condensation<TypeParam> condensation = built<TypeParam>(s, {});
      double plain_square = 0, square = 0;
      const std::vector<double> plain = solve(condensation, s.gradient, &plain_square);
      std::vector<double> gradient = s.gradient;
      for (double& g : gradient) g *= size;
      std::vector<double> dx = solve(condensation, gradient, &square);
      for (double& x : dx) x /= size;
      EXPECT_EQ(dx, plain) << name;
      EXPECT_EQ(square, plain_square * size * size) << name;
      EXPECT_GT(square, 0) << name;
    }
}

TYPED_TEST(Condense, ZeroGradientGivesZeros) {
  const System s = testing::make_damped_system(60, 3, testing::random_loops(60, 25, 5), 8);
  Condensation<TypeParam> condensation = built<TypeParam>(s, {});
  double square = 1;
  for (const double x : solve(condensation, std::vector<double>(180, 0.0), &square)) EXPECT_EQ(x, 0);
  EXPECT_EQ(square, 0);
}

// A block of a chain that is not positive definite, wherever it stands; one of the rest is the rest's business.
TYPED_TEST(Condense, IndefiniteChainsAreNoticed) {
  const System good = testing::make_damped_system(60, 3, testing::random_loops(60, 25, 5), 9);
  const std::vector<std::int32_t> kept = contract_chains(*good.pattern).kept;
  ASSERT_TRUE(!kept.empty() && kept.size() < 60);
  Condensation<TypeParam> condensation;
  condensation.analyse(*good.pattern, 3);
  for (int i = 0; i < 60; ++i)
    for (const double value : {-1.0, std::nan("")}) {
      System s = good;
      const int k = s.pattern->col_begin[i];
      s.H64.block(k)[4] = value, s.H32.block(k)[4] = static_cast<float>(value);
      EXPECT_EQ(condensation.build({&matrix_of<TypeParam>(s), {}}), std::binary_search(kept.begin(), kept.end(), i))
          << i;
    }
}

TEST(CondenseDeathTest, AnotherPatternIsTheCallersBug) {
  const System s = testing::make_damped_system(17, 3, testing::chain(17), 1);
  const System longer = testing::make_damped_system(18, 3, testing::chain(18), 1);
  const System other = testing::make_damped_system(17, 6, testing::chain(17), 1);
  Condensation<double> condensation;
  condensation.analyse(*s.pattern, 3);
  EXPECT_DEATH((void)condensation.build({&longer.H64, {}}), "another pattern");
  EXPECT_DEATH((void)condensation.build({&other.H64, {}}), "another pattern");
}

}  // namespace
}  // namespace pipit
