// tests/referee/neon_kernels.cc — the kernels of bits as NEON runs them, against their definitions. Built and run by
// script/referee_half; the full tests (src/bits/*_test.cc) run where GoogleTest is.
#include <cmath>
#include <cstdio>
#include <vector>

#include "base/random.h"
#include "bits/block_rows_ref.h"
#include "bits/block_symmetric_ref.h"
#include "bits/convert.h"
#include "bits/panel.h"
#include "bits/panel_ref.h"
#include "bits/vector_ops.h"
#include "bits/vector_ops_ref.h"

namespace {

using namespace pipit;

int failures = 0;
void check(bool ok, const char* what, double size) {
  if (ok) return;
  if (++failures < 20) std::printf("neon: %s, case %g: differs\n", what, size);
}

template <class T>
std::vector<T> random_values(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<T> x(n);
  for (T& element : x) element = from_double<T>(random.normal());
  return x;
}

void conversions() {
  std::vector<half> all(65536), back(65536);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) all[bits].bits = static_cast<std::uint16_t>(bits);
  std::vector<float> floats(65536);
  convert<half, float>(all, floats);
  for (std::size_t i = 0; i < 65536; ++i)
    check(std::bit_cast<std::uint32_t>(floats[i]) == std::bit_cast<std::uint32_t>(to_float(all[i])),
          "half -> float",
          double(i));
  Random random(1);
  std::vector<double> doubles(65536);
  for (std::size_t i = 0; i < 65536; ++i) {
    floats[i] = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    doubles[i] = std::ldexp(random.uniform(-2, 2), static_cast<int>(random.below(48)) - 30);
  }
  convert<float, half>(floats, back);
  for (std::size_t i = 0; i < 65536; ++i) check(back[i].bits == to_half(floats[i]).bits, "float -> half", floats[i]);
  convert<double, half>(doubles, back);
  for (std::size_t i = 0; i < 65536; ++i) check(back[i].bits == to_half(doubles[i]).bits, "double -> half", doubles[i]);
  std::vector<bfloat16> brains(65536);
  convert<float, bfloat16>(floats, brains);
  for (std::size_t i = 0; i < 65536; ++i)
    check(brains[i].bits == to_bfloat16(floats[i]).bits, "float -> bfloat16", floats[i]);
}

void vectors() {
  for (const std::size_t n : {0, 1, 3, 4, 5, 31, 32, 33, 600}) {
    const auto x = random_values<float>(n, n), y = random_values<float>(n, n + 1);
    double exact = 0, size = 0;
    for (std::size_t i = 0; i < n; ++i) {
      exact += static_cast<double>(x[i]) * y[i];
      size += std::fabs(static_cast<double>(x[i]) * y[i]);
    }
    check(std::fabs(dot(std::span<const float>(x), y) - exact) <= dot_error_bound<float>(n) * size, "dot", double(n));
    const auto hx = random_values<half>(n, n), hy = random_values<half>(n, n + 1);
    check(dot(hx, hy, Accumulate::HalfSeparate).bits == dot_ref_32<SeparateHalf>(hx, hy).bits().bits,
          "dot separate",
          double(n));
    check(dot(hx, hy, Accumulate::HalfFused).bits == dot_ref_32<FusedHalf>(hx, hy).bits().bits, "dot fused", double(n));
  }
}

template <class N>
void half_rows(Accumulate accumulate) {
  for (const int size : {6, 3}) {
    const int E = 30, n = 7;
    Random random(4);
    std::vector<std::int32_t> cols(2 * E);
    for (auto& col : cols) col = static_cast<std::int32_t>(random.below(n + 1)) - 1;
    const auto values = random_values<half>(static_cast<std::size_t>(2 * E * size * size), 5);
    const BlockRows<half> J{E, size, 2, size, cols.data(), values.data()};
    const auto incidence = incidence_of(cols, 2, n);
    HalfOperand p, q;
    p.assign(random_values<float>(static_cast<std::size_t>(n * size), 6));
    q.assign(random_values<float>(static_cast<std::size_t>(E * size), 7));
    std::vector<float> y(q.values.size()), s(p.values.size());
    std::vector<N> np, nq, ny(y.size()), ns(s.size());
    for (const float v : p.values) np.push_back(N(v));
    for (const float v : q.values) nq.push_back(N(v));
    jacobian_times(J, p, y, accumulate);
    jacobian_times_ref(J, np.data(), ny.data());
    for (std::size_t i = 0; i < y.size(); ++i) check(y[i] == static_cast<float>(ny[i]) * p.scale, "J p", size);
    jacobian_transpose_times(J, incidence, q, s, accumulate);
    jacobian_transpose_times_ref(J, incidence, nq.data(), ns.data(), 0, n);
    for (std::size_t i = 0; i < s.size(); ++i) check(s[i] == static_cast<float>(ns[i]) * q.scale, "J^T q", size);
  }
}

/// Against the reference in double. u = 2^-24; the panels are diagonally strong, so errors grow little: 100 n u
/// allowed.
template <class S>
void panels() {
  for (const int w : {3, 6, 18})
    for (const int rows : {0, 1, 7, 30}) {
      const int m = w + rows;
      auto panel = random_values<S>(static_cast<std::size_t>(m * w), 8);
      for (auto& value : panel) value = from_double<S>(to_double(value) / 16);
      for (int c = 0; c < w; ++c) panel[static_cast<std::size_t>(c * m + c)] = from_double<S>(1);
      auto x = random_values<float>(static_cast<std::size_t>(w), 9),
           below = random_values<float>(static_cast<std::size_t>(rows), 10);
      std::vector<double> dx(x.begin(), x.end()), dbelow(below.begin(), below.end());
      panel_forward<S>(panel.data(), m, w, m, x.data(), below.data());
      panel_forward_ref(panel.data(), m, w, m, dx.data(), dbelow.data());
      for (int i = 0; i < rows; ++i) check(std::fabs(below[i] - dbelow[i]) < 100 * m * 0x1p-24, "panel forward", w);
      panel_backward<S>(panel.data(), m, w, m, x.data(), below.data());
      panel_backward_ref(panel.data(), m, w, m, dx.data(), dbelow.data());
      for (int i = 0; i < w; ++i) check(std::fabs(x[i] - dx[i]) < 100 * m * 0x1p-24, "panel backward", w);
    }
}

void symmetric() {
  for (const int B : {3, 6}) {
    const std::vector<std::int32_t> begin{0, 2, 4, 5}, row{0, 2, 1, 2, 2};
    const auto values = random_values<half>(static_cast<std::size_t>(5 * B * B), 11);
    const BlockSymmetricView<half> A{3, B, begin.data(), row.data(), values.data()};
    const auto index = row_index_of(begin, row);
    const auto p = random_values<float>(static_cast<std::size_t>(3 * B), 12);
    std::vector<float> y(p.size());
    symmetric_times(A, index, std::span<const float>(p), std::span(y));
    std::vector<double> dp(p.begin(), p.end()), dy(p.size());
    symmetric_times_ref(A, index, dp.data(), dy.data(), 0, 3);
    for (std::size_t i = 0; i < y.size(); ++i) check(std::fabs(y[i] - dy[i]) < 100 * B * 0x1p-24, "A p", B);
  }
}

}  // namespace

int main() {
  conversions();
  vectors();
  half_rows<SeparateHalf>(Accumulate::HalfSeparate);
  half_rows<FusedHalf>(Accumulate::HalfFused);
  panels<half>();
  panels<bfloat16>();
  panels<float>();
  symmetric();
  std::printf("kernels on %s: %d differ from their definitions\n", instruction_set(), failures);
  return failures == 0 ? 0 : 1;
}
