// bits/vector_ops_ref.h — the slow definition of the long-vector kernels, for any arithmetic N (float, double,
// HalfNumber).
#pragma once
#include <array>
#include <span>

#include "bits/half_number.h"

namespace pipit {

/// One sum, first to last.
template <class N, class S>
N dot_ref(std::span<const S> x, std::span<const S> y) {
  N sum(0);
  for (std::size_t i = 0; i < x.size(); ++i) sum = mul_add(number_from<N>(x[i]), number_from<N>(y[i]), sum);
  return sum;
}

/// The order of vector_ops.h for half vectors: 32 partial sums, then a tree.
template <class N>
N dot_ref_32(std::span<const half> x, std::span<const half> y) {
  std::array<N, 32> part;
  part.fill(N(0));
  for (std::size_t i = 0; i < x.size(); ++i)
    part[i % 32] = mul_add(number_from<N>(x[i]), number_from<N>(y[i]), part[i % 32]);
  for (std::size_t width = 16; width > 0; width /= 2)
    for (std::size_t k = 0; k < width; ++k) part[k] += part[k + width];
  return part[0];
}

template <class N, class S>
void axpy_ref(S a, std::span<const S> x, std::span<S> y) {
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = from_double<S>(static_cast<double>(mul_add(number_from<N>(a), number_from<N>(x[i]), number_from<N>(y[i]))));
}

template <class N, class S>
void xpby_ref(std::span<const S> x, S b, std::span<S> y) {
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = from_double<S>(static_cast<double>(mul_add(number_from<N>(b), number_from<N>(y[i]), number_from<N>(x[i]))));
}

}  // namespace pipit
