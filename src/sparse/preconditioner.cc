#include "sparse/preconditioner.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "sparse/choose.h"

namespace pipit {

void Preconditioner::analyse(const BlockPattern& pattern,
                             std::shared_ptr<const PanelLayout> layout,
                             bool complete,
                             int B) {
  *this = {};
  layout_ = std::move(layout);
  complete_ = complete;
  B_ = B;
  if (complete)
    cholesky_ = plan_cholesky(pattern, layout_, B);
  else
    incomplete_ = plan_incomplete(pattern, layout_, B);
}

template <class T, class From>
std::int64_t Preconditioner::factorise_in(const DampedMatrix<From>& A,
                                          const BlockScaling& scaling,
                                          double shift,
                                          const PreconditionerOptions& options,
                                          Workers& workers) {
  std::mutex mutex;
  RangeCounters sum;
  std::atomic<double> largest = 0;  // reciprocal on the diagonal
  const auto sink = [&](int s, const T* panel, FrontShape shape) {
    if constexpr (std::is_floating_point_v<T>) {
      T most = 0;
      for (std::ptrdiff_t c = 0; c < shape.w; ++c) most = std::max(most, panel[c * shape.ld() + c]);
      double seen = largest.load(std::memory_order_relaxed);
      while (most > seen && !largest.compare_exchange_weak(seen, static_cast<double>(most))) {
      }
    }
    std::visit(
        [&](auto& factor) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(factor)>, std::monostate>) {
            if (!options.count_range) return factor.store(s, panel, shape, nullptr);
            RangeCounters counters;
            factor.store(s, panel, shape, &counters);
            const std::lock_guard lock(mutex);
            sum += counters;
          }
        },
        factor_);
  };
  Work<T>& work = std::get<Work<T>>(work_);
  const std::int64_t bad = complete_ ? factorise<T>(cholesky_, A, scaling, shift, work.complete, workers, sink)
                                     : factorise<T>(incomplete_, A, scaling, shift, work.incomplete, sink);
  smallest_pivot_ = largest > 0 ? 1 / (largest * largest) : 0;
  range_ = sum;
  if (options.count_range && !std::is_floating_point_v<T>) {
    // The naive arithmetic rounds the matrix before it begins.
    const EntryPlan& entries = complete_ ? cholesky_.entries : incomplete_.entries;
    std::vector<float> block(static_cast<std::size_t>(B_) * B_);
    std::vector<half> rounded(block.size());
    ScalingIn<float> scaling_in;
    scaling_in.take(scaling);
    for (const PanelEntry& e : entries.entry) {
      fetch_block(A, scaling_in, shift, e, block.data(), B_);
      convert<float, half>(block, rounded, &range_);
    }
  }
  return bad;
}

template <class From>
bool Preconditioner::build(const DampedMatrix<From>& A,
                           const BlockScaling& scaling,
                           bool in_scaled_space,
                           const PreconditionerOptions& options,
                           Workers& workers) {
  expects(layout_ != nullptr, "Preconditioner::build before analyse");
  ready_ = false;
  workers_ = &workers;
  const auto room = [&]<class S>(S) {
    if (!std::holds_alternative<TriangularFactor<S>>(factor_))
      factor_.emplace<TriangularFactor<S>>(layout_, B_, complete_);
    std::get<TriangularFactor<S>>(factor_).set_scaling(in_scaled_space ? BlockScaling{B_, {}} : scaling);
  };
  switch (options.storage) {
    case Format::Half:
      room(half{});
      break;
    case Format::BFloat16:
      room(bfloat16{});
      break;
    case Format::Single:
      room(float{});
      break;
    case Format::Double:
      room(double{});
      break;
  }
  for (double shift = options.shift;;) {
    const std::int64_t bad =
        options.compute == Format::Double             ? factorise_in<double>(A, scaling, shift, options, workers)
        : options.compute != Format::Half             ? factorise_in<float>(A, scaling, shift, options, workers)
        : options.accumulate == Accumulate::HalfFused ? factorise_in<FusedHalf>(A, scaling, shift, options, workers)
                                                      : factorise_in<SeparateHalf>(A, scaling, shift, options, workers);
    if (bad < 0) {
      shift_ = shift;
      return ready_ = true;
    }
    if (!options.retry) return false;
    shift = complete_ ? std::max(10 * shift, 1e-7) : std::max(2 * shift, 1e-3);
    if (shift > 1) return false;
  }
}

template <class V>
void Preconditioner::apply(std::span<const V> r, std::span<V> z) {
  expects(ready_, "Preconditioner::apply before build");
  std::visit(
      [&](const auto& factor) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(factor)>, std::monostate>) {
          if constexpr (std::is_floating_point_v<V>)
            factor.solve(r, z, scratch_, *workers_);
          else
            solve_in<V>(factor, r, z);
        }
      },
      factor_);
}

std::size_t Preconditioner::bytes() const {
  return std::visit(
      [](const auto& factor) -> std::size_t {
        if constexpr (std::is_same_v<std::decay_t<decltype(factor)>, std::monostate>)
          return 0;
        else
          return factor.bytes();
      },
      factor_);
}

template bool Preconditioner::build(
    const DampedMatrix<float>&, const BlockScaling&, bool, const PreconditionerOptions&, Workers&);
template bool Preconditioner::build(
    const DampedMatrix<double>&, const BlockScaling&, bool, const PreconditionerOptions&, Workers&);
template void Preconditioner::apply(std::span<const float>, std::span<float>);
template void Preconditioner::apply(std::span<const double>, std::span<double>);
template void Preconditioner::apply(std::span<const SeparateHalf>, std::span<SeparateHalf>);
template void Preconditioner::apply(std::span<const FusedHalf>, std::span<FusedHalf>);

}  // namespace pipit
