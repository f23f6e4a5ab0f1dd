#include "factor/block_scaling.h"

#include <algorithm>
#include <cmath>

#include "bits/scaling.h"

namespace pipit {
namespace {

bool equilibrate(const double* block, int B, double* S) {
  if (B == 6) return block_equilibrate<6>(block, S);
  if (B == 3) return block_equilibrate<3>(block, S);
  if (B == 2) return block_equilibrate<2>(block, S);
  if (B == 1) return block_equilibrate<1>(block, S);
  return false;
}

// Scaling from the diagonal blocks, fetched one by one in fp64.
template <class Fetch>
BlockScaling scale_blocks(int n, int B, std::span<const double> damping, ScalingKind kind, const Fetch& fetch) {
  BlockScaling out{B, {}};
  if (kind == ScalingKind::None) return out;
  expects(damping.empty() || damping.size() == static_cast<std::size_t>(n) * B,
          "make_scaling: damping has a wrong length");
  out.S.resize(static_cast<std::size_t>(n) * B * B);
  std::vector<double> block(static_cast<std::size_t>(B) * B), S(block.size());
  for (int i = 0; i < n; ++i) {
    fetch(i, block.data());
    if (!damping.empty())
      for (int r = 0; r < B; ++r) block[r * B + r] += damping[static_cast<std::size_t>(i) * B + r];
    if (kind == ScalingKind::Diagonal || !equilibrate(block.data(), B, S.data())) {
      std::fill(S.begin(), S.end(), 0.0);
      for (int r = 0; r < B; ++r) {
        const double d = block[r * B + r];
        S[r * B + r] = d > 0 && std::isfinite(d) ? 1 / std::sqrt(d) : 1.0;
      }
    }
    float* to = out.S.data() + static_cast<std::size_t>(i) * B * B;
    for (int k = 0; k < B * B; ++k) to[k] = static_cast<float>(S[k]);
  }
  return out;
}

}  // namespace

template <class T>
BlockScaling make_scaling(const BlockSymmetric<T>& H, std::span<const double> damping, ScalingKind kind) {
  const int B = H.B();
  return scale_blocks(H.n(), B, damping, kind, [&](int i, double* block) {
    const T* values = H.block(H.pattern().col_begin[i]);
    std::copy(values, values + B * B, block);
  });
}

template <class T>
BlockScaling make_scaling(
    std::span<const BlockRows<T>> J, int n, int B, std::span<const double> damping, ScalingKind kind) {
  std::vector<double> diagonal(static_cast<std::size_t>(n) * B * B, 0.0);
  for (const BlockRows<T>& rows : J)
    for (std::ptrdiff_t b = 0; b < static_cast<std::ptrdiff_t>(rows.num_rows) * rows.K; ++b) {
      if (rows.cols[b] < 0) continue;
      const T* A = rows.values + b * rows.R * B;
      double* sum = diagonal.data() + static_cast<std::ptrdiff_t>(rows.cols[b]) * B * B;
      for (int c = 0; c < B; ++c)
        for (int r = c; r < B; ++r)
          for (int k = 0; k < rows.R; ++k) sum[c * B + r] += static_cast<double>(A[c * rows.R + k]) * A[r * rows.R + k];
    }
  return scale_blocks(n, B, damping, kind, [&](int i, double* block) {
    std::copy_n(diagonal.data() + static_cast<std::ptrdiff_t>(i) * B * B, B * B, block);
  });
}

template BlockScaling make_scaling(const BlockSymmetric<float>&, std::span<const double>, ScalingKind);
template BlockScaling make_scaling(const BlockSymmetric<double>&, std::span<const double>, ScalingKind);
template BlockScaling make_scaling(std::span<const BlockRows<float>>, int, int, std::span<const double>, ScalingKind);
template BlockScaling make_scaling(std::span<const BlockRows<double>>, int, int, std::span<const double>, ScalingKind);

}  // namespace pipit
