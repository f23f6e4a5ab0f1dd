// Factorisation and triangular solves on generated floor graphs, 2-D (B = 3) and 3-D (B = 6). Each answer is checked
// before its time counts: the residual of the solved system in fp64. Bytes of a factorisation are those of H and of the
// stored factor; a solve reads the factor twice.
#include <benchmark/benchmark.h>

#include <cmath>

#include "base/bench_report.h"
#include "factor/test_systems.h"
#include "sparse/preconditioner.h"

namespace pipit {
namespace {

struct Setup {
  testing::System s;
  std::shared_ptr<const PanelLayout> layout;
  CholeskyPlan plan;
  BlockScaling scaling;

  Setup(int side, int B) : s(testing::make_system(side * side, B, testing::grid(side), 1)) {
    layout = std::make_shared<const PanelLayout>(complete_layout(*s.pattern, order(*s.pattern, OrderingKind::Amd), B));
    plan = plan_cholesky(*s.pattern, layout, B);
    scaling = make_scaling(s.H64, {}, ScalingKind::Block);
  }
};

template <class T>
const BlockSymmetric<T>& matrix(const testing::System& s) {
  if constexpr (std::is_same_v<T, float>)
    return s.H32;
  else
    return s.H64;
}

template <class S, class T>
bool fill(const Setup& setup, TriangularFactor<S>& factor, CholeskyWorkspace<T>& work, Workers& workers) {
  return factorise<T>(setup.plan,
                      DampedMatrix<T>{&matrix<T>(setup.s), {}},
                      setup.scaling,
                      1e-6,
                      work,
                      workers,
                      [&](int s, const T* panel, FrontShape shape) { factor.store(s, panel, shape, nullptr); }) < 0;
}

// Energy-norm error of M^-1 H against the identity on one vector: below 1 for anything worth calling a factor.
template <class S>
double defect(const Setup& setup, const TriangularFactor<S>& factor) {
  const std::size_t n = setup.s.gradient.size();
  std::vector<double> x(n), Hx(n), z(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = std::sin(static_cast<double>(i));
  const BlockRowIndex rows = row_index_of(setup.s.pattern->col_begin, setup.s.pattern->row);
  Workers workers(1);
  multiply(setup.s.H64, rows, std::span<const double>(x), std::span<double>(Hx), workers);
  FactorScratch scratch;
  Workers one(1);
  factor.solve(std::span<const double>(Hx), std::span<double>(z), scratch, one);
  double error = 0, size = 0;
  for (std::size_t i = 0; i < n; ++i) error += (z[i] - x[i]) * (z[i] - x[i]), size += x[i] * x[i];
  return std::sqrt(error / size);
}

// In the panels of a factor, of which a solve multiplies and adds each twice.
double numbers_of(const PanelLayout& layout, int B) {
  double numbers = 0;
  for (int s = 0; s < layout.num_panels(); ++s) {
    const double width = layout.width(s) * B, below = layout.below(s) * B;
    numbers += width * (width + 1) / 2 + width * below;
  }
  return numbers;
}

template <class S, class T>
void factorisation(benchmark::State& state) {
  const Setup setup(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  Workers workers(static_cast<int>(state.range(2)));
  TriangularFactor<S> factor(setup.layout, setup.s.B, true);
  factor.set_scaling(setup.scaling);
  CholeskyWorkspace<T> work;
  if (!fill(setup, factor, work, workers) || !(defect(setup, factor) < 0.5)) return state.SkipWithError("wrong answer");
  for (auto _ : state) benchmark::DoNotOptimize(fill(setup, factor, work, workers));
  report_work(state,
              static_cast<double>(matrix<T>(setup.s).values().size_bytes() + factor.bytes()),
              setup.layout->flops(setup.s.B));
  state.counters["fill"] = static_cast<double>(setup.layout->num_blocks()) / setup.s.pattern->num_blocks();
}

template <class S, class T>
void solve(benchmark::State& state) {
  const Setup setup(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  Workers workers(1);
  TriangularFactor<S> factor(setup.layout, setup.s.B, true);
  factor.set_scaling(setup.scaling);
  CholeskyWorkspace<T> work;
  if (!fill(setup, factor, work, workers) || !(defect(setup, factor) < 0.5)) return state.SkipWithError("wrong answer");
  using V = PanelVector<S>;
  std::vector<V> r(setup.s.gradient.begin(), setup.s.gradient.end()), z(r.size());
  FactorScratch scratch;
  Workers one(1);
  for (auto _ : state) {
    factor.solve(std::span<const V>(r), std::span<V>(z), scratch, one);
    benchmark::DoNotOptimize(z.data());
  }
  const double bytes = static_cast<double>(factor.bytes());
  report_work(state, 2 * bytes, 4 * numbers_of(*setup.layout, setup.s.B), bytes);
}

void analysis(benchmark::State& state) {
  const testing::System s = testing::make_system(static_cast<int>(state.range(0) * state.range(0)),
                                                 static_cast<int>(state.range(1)),
                                                 testing::grid(static_cast<int>(state.range(0))),
                                                 1);
  for (auto _ : state) {
    const auto layout = std::make_shared<const PanelLayout>(
        complete_layout(*s.pattern, order(*s.pattern, static_cast<OrderingKind>(state.range(2))), s.B));
    benchmark::DoNotOptimize(plan_cholesky(*s.pattern, layout, s.B));
    state.counters["Gflop"] = layout->flops(s.B) * 1e-9;
  }
}

void sizes(benchmark::internal::Benchmark* b) {
  for (const int B : {3, 6})
    for (const int side : {20, 50, 100})
      for (const int threads : {1, 2}) b->Args({side, B, threads});
}
void one_thread(benchmark::internal::Benchmark* b) {
  for (const int B : {3, 6})
    for (const int side : {20, 50, 100}) b->Args({side, B});
}
void orders(benchmark::internal::Benchmark* b) {
  for (const int side : {50, 150})
    for (const OrderingKind kind : {OrderingKind::Amd, OrderingKind::NestedDissection})
      b->Args({side, 6, static_cast<int>(kind)});
}

BENCHMARK(factorisation<half, float>)->Apply(sizes)->UseRealTime();
BENCHMARK(factorisation<float, float>)->Apply(sizes)->UseRealTime();
BENCHMARK(factorisation<double, double>)->Apply(sizes)->UseRealTime();
BENCHMARK(solve<half, float>)->Apply(one_thread);
BENCHMARK(solve<bfloat16, float>)->Apply(one_thread);
BENCHMARK(solve<float, float>)->Apply(one_thread);
BENCHMARK(solve<double, double>)->Apply(one_thread);
BENCHMARK(analysis)->Apply(orders);

}  // namespace
}  // namespace pipit
