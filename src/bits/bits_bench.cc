// Speed of the kernels, answer checked first. Bytes are those of the operands once; flop are multiplications and
// additions; of_copy is the share of what std::memcpy reaches (base/bench_report.h).
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "base/bench_report.h"
#include "base/random.h"
#include "bits/block_rows_ref.h"
#include "bits/block_symmetric_ref.h"
#include "bits/convert.h"
#include "bits/panel.h"
#include "bits/panel_ref.h"
#include "bits/vector_ops.h"

namespace pipit {
namespace {

template <class T>
std::vector<T> random_values(std::size_t n, std::uint64_t seed, double size = 1) {
  Random random(seed);
  std::vector<T> x(n);
  for (T& element : x) element = from_double<T>(random.normal() * size);
  return x;
}

void report(benchmark::State& state, double bytes, double flop) {
  report_work(state, bytes, flop);
  state.SetLabel(instruction_set());
}

template <class V, class W>
bool close(const std::vector<V>& got, const std::vector<W>& want, double tolerance) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference = std::max(difference, std::fabs(static_cast<double>(got[i]) - static_cast<double>(want[i])));
    size = std::max(size, std::fabs(static_cast<double>(want[i])));
  }
  return difference <= tolerance * size;
}

template <class From, class To>
void bench_convert(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto from = random_values<From>(n, 1);
  std::vector<To> to(n);
  convert<From, To>(from, to);
  for (std::size_t i = 0; i < n; ++i)
    if (to_double(to[i]) != to_double(from_double<To>(to_double(from[i])))) return state.SkipWithError("wrong answer");
  for (auto _ : state) {
    convert<From, To>(from, to);
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  report(state, static_cast<double>(n * (sizeof(From) + sizeof(To))), 0);
}
BENCHMARK(bench_convert<half, float>)->Arg(1 << 12)->Arg(1 << 18)->Arg(1 << 23);
BENCHMARK(bench_convert<float, half>)->Arg(1 << 12)->Arg(1 << 18)->Arg(1 << 23);
BENCHMARK(bench_convert<double, half>)->Arg(1 << 12)->Arg(1 << 18);

template <class T>
void bench_dot(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto x = random_values<T>(n, 1), y = random_values<T>(n, 2);
  double want = 0, size = 0;
  for (std::size_t i = 0; i < n; ++i) {
    want += static_cast<double>(x[i]) * y[i];
    size += std::fabs(static_cast<double>(x[i]) * y[i]);
  }
  const std::span<const T> sx(x), sy(y);
  if (std::fabs(dot(sx, sy) - want) > 2 * dot_error_bound<T>(n) * size) return state.SkipWithError("wrong answer");
  for (auto _ : state) benchmark::DoNotOptimize(dot(sx, sy));
  report(state, static_cast<double>(2 * n * sizeof(T)), 2.0 * static_cast<double>(n));
}
BENCHMARK(bench_dot<float>)->Arg(15000)->Arg(1 << 18)->Arg(1 << 23);
BENCHMARK(bench_dot<double>)->Arg(15000)->Arg(1 << 18);

void bench_axpy(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto x = random_values<float>(n, 1);
  std::vector<float> y(n, 0.0f);
  axpy(1.0f, x, y);
  if (y != x) return state.SkipWithError("wrong answer");
  for (auto _ : state) {
    axpy(1e-3f, x, y);
    benchmark::ClobberMemory();
  }
  report(state, static_cast<double>(3 * n * sizeof(float)), 2.0 * static_cast<double>(n));
}
BENCHMARK(bench_axpy)->Arg(15000)->Arg(1 << 18);

/// A pose graph's Jacobian: edge e joins poses e and a neighbour, as odometry and grids do. Args: poses, B.
template <class T>
struct PoseRows {
  int n, B, E;
  std::vector<std::int32_t> cols;
  std::vector<T> values;
  BlockIncidence incidence;
  PoseRows(int n_, int B_) : n(n_), B(B_), E(2 * n_) {
    for (int e = 0; e < E; ++e) {
      cols.push_back(e % n);
      cols.push_back(e < n ? (e + 1) % n : (e + 50) % n);
    }
    values = random_values<T>(static_cast<std::size_t>(E) * 2 * B * B, 3);
    incidence = incidence_of(cols, 2, n);
  }
  BlockRows<T> view() const { return {E, B, 2, B, cols.data(), values.data()}; }
};

template <class T, bool kTransposed>
void bench_jacobian(benchmark::State& state) {
  const PoseRows<T> J(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  using V = std::conditional_t<std::is_same_v<T, half>, float, T>;
  const auto in = random_values<V>(static_cast<std::size_t>(kTransposed ? J.E : J.n) * J.B, 4);
  std::vector<V> out(static_cast<std::size_t>(kTransposed ? J.n : J.E) * J.B);
  HalfOperand operand;
  std::vector<double> wide(in.begin(), in.end()), want(out.size());
  const auto run = [&] {
    if constexpr (std::is_same_v<T, half>) {
      operand.assign(in);
      if constexpr (kTransposed) {
        jacobian_transpose_times(J.view(), J.incidence, operand, out, Accumulate::Single);
      } else {
        jacobian_times(J.view(), operand, out, Accumulate::Single);
      }
    } else if constexpr (kTransposed) {
      jacobian_transpose_times(J.view(), J.incidence, std::span<const T>(in), std::span(out));
    } else {
      jacobian_times(J.view(), in, out);
    }
  };
  run();
  if constexpr (kTransposed) {
    jacobian_transpose_times_ref(J.view(), J.incidence, wide.data(), want.data(), 0, J.n);
  } else {
    jacobian_times_ref(J.view(), wide.data(), want.data());
  }
  if (!close(out, want, std::is_same_v<T, half> ? 0x1p-9 : 1e-5)) return state.SkipWithError("wrong answer");
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  report(state, static_cast<double>(J.values.size() * sizeof(T)), 2.0 * static_cast<double>(J.values.size()));
}
BENCHMARK(bench_jacobian<half, false>)->Args({2500, 6})->Args({3500, 3})->Args({100000, 6});
BENCHMARK(bench_jacobian<float, false>)->Args({2500, 6})->Args({3500, 3})->Args({100000, 6});
BENCHMARK(bench_jacobian<double, false>)->Args({2500, 6});
BENCHMARK(bench_jacobian<half, true>)->Args({2500, 6})->Args({3500, 3})->Args({100000, 6});
BENCHMARK(bench_jacobian<float, true>)->Args({2500, 6})->Args({3500, 3})->Args({100000, 6});
BENCHMARK(bench_jacobian<double, true>)->Args({2500, 6});

template <class T>
void bench_symmetric(benchmark::State& state) {
  const int n = static_cast<int>(state.range(0)), B = static_cast<int>(state.range(1));
  std::vector<std::int32_t> begin{0}, row;
  for (int j = 0; j < n; ++j) {
    for (const int i : {j, j + 1, j + 50})
      if (i < n) row.push_back(i);
    begin.push_back(static_cast<std::int32_t>(row.size()));
  }
  const auto values = random_values<T>(row.size() * B * B, 5);
  const BlockSymmetricView<T> A{n, B, begin.data(), row.data(), values.data()};
  const auto index = row_index_of(begin, row);
  using V = std::conditional_t<std::is_same_v<T, half>, float, T>;
  const auto p = random_values<V>(static_cast<std::size_t>(n) * B, 6);
  std::vector<V> y(p.size());
  std::vector<double> wide(p.begin(), p.end()), want(p.size());
  symmetric_times(A, index, std::span<const V>(p), std::span(y));
  symmetric_times_ref(A, index, wide.data(), want.data(), 0, n);
  if (!close(y, want, 1e-5)) return state.SkipWithError("wrong answer");
  for (auto _ : state) {
    symmetric_times(A, index, std::span<const V>(p), std::span(y));
    benchmark::ClobberMemory();
  }
  report(state,
         static_cast<double>(values.size() * sizeof(T)),
         2.0 * static_cast<double>(2 * values.size() - static_cast<std::size_t>(n * B * B)));
}
BENCHMARK(bench_symmetric<half>)->Args({2500, 6})->Args({3500, 3});
BENCHMARK(bench_symmetric<float>)->Args({2500, 6})->Args({3500, 3});
BENCHMARK(bench_symmetric<double>)->Args({2500, 6})->Args({3500, 3});

/// Many panels one after the other, as in a factor. Args: m, w, megabytes of panels in fp32 terms (the same numbers in
/// every format, so that narrower formats touch fewer bytes).
template <class S, bool kForward>
void bench_panel(benchmark::State& state) {
  const int m = static_cast<int>(state.range(0)), w = static_cast<int>(state.range(1));
  using V = PanelVector<S>;
  const std::size_t size = static_cast<std::size_t>(m) * w;
  const auto copies =
      static_cast<std::size_t>(static_cast<double>(state.range(2)) * 1e6 / 4 / static_cast<double>(size)) + 1;
  auto panels = random_values<S>(size * copies, 7, 0.3 / w);
  for (std::size_t k = 0; k < copies; ++k)
    for (int c = 0; c < w; ++c) panels[k * size + static_cast<std::size_t>(c) * m + c] = from_double<S>(1);
  const auto start = random_values<V>(static_cast<std::size_t>(m), 8);
  auto v = start;
  std::vector<double> want(start.begin(), start.end());
  if constexpr (kForward) {
    panel_forward<S>(panels.data(), m, w, m, v.data(), v.data() + w);
    panel_forward_ref(panels.data(), m, w, m, want.data(), want.data() + w);
  } else {
    panel_backward<S>(panels.data(), m, w, m, v.data(), v.data() + w);
    panel_backward_ref(panels.data(), m, w, m, want.data(), want.data() + w);
  }
  if (!close(v, want, 1e-4)) return state.SkipWithError("wrong answer");
  for (auto _ : state) {
    for (std::size_t k = 0; k < copies; ++k) {
      for (int i = 0; i < w; ++i) v[static_cast<std::size_t>(i)] = start[static_cast<std::size_t>(i)];
      if constexpr (kForward) {
        panel_forward<S>(panels.data() + k * size, m, w, m, v.data(), v.data() + w);
      } else {
        panel_backward<S>(panels.data() + k * size, m, w, m, v.data(), v.data() + w);
      }
    }
    benchmark::ClobberMemory();
  }
  const std::size_t triangle = static_cast<std::size_t>(w) * (w - 1) / 2;  // above the diagonal, never read
  const double read = static_cast<double>(size - triangle) * static_cast<double>(copies);
  report(state, read * sizeof(S), 2 * read);
}
void panel_sizes(benchmark::internal::Benchmark* bench) {
  bench->Args({24, 6, 1})->Args({12, 3, 1})->Args({120, 24, 1})->Args({400, 96, 4})->Args({400, 96, 32});
}
BENCHMARK(bench_panel<half, true>)->Apply(panel_sizes);
BENCHMARK(bench_panel<bfloat16, true>)->Args({400, 96, 4});
BENCHMARK(bench_panel<float, true>)->Apply(panel_sizes);
BENCHMARK(bench_panel<double, true>)->Apply(panel_sizes);
BENCHMARK(bench_panel<half, false>)->Apply(panel_sizes);
BENCHMARK(bench_panel<float, false>)->Apply(panel_sizes);
BENCHMARK(bench_panel<double, false>)->Apply(panel_sizes);

}  // namespace
}  // namespace pipit
