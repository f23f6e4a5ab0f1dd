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
    for (const PanelEntry& e : entries.entry) {
      fetch_block(A, scaling, shift, e, block.data(), B_);
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
    if (!std::holds_alternative<Factor<S>>(factor_)) factor_.emplace<Factor<S>>(layout_, B_, complete_);
    std::get<Factor<S>>(factor_).set_scaling(in_scaled_space ? BlockScaling{B_, {}} : scaling);
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

void Border::analyse(const BlockPattern& pattern, std::span<const std::int32_t> place, int B) {
  B_ = B;
  place_.assign(place.begin(), place.end());
  fresh_.clear(), copies_.clear(), ties_.clear();
  std::vector<std::int32_t> old_of(static_cast<std::size_t>(pattern.n), -1), fresh_of(old_of);
  for (std::size_t k = 0; k < place.size(); ++k)
    old_of[static_cast<std::size_t>(place[k])] = static_cast<std::int32_t>(k);
  for (std::int32_t i = 0; i < pattern.n; ++i) {
    if (old_of[static_cast<std::size_t>(i)] >= 0) continue;
    fresh_of[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(fresh_.size());
    fresh_.push_back(i);
  }
  if (fresh_.empty()) return;

  // The new columns keep their order among themselves: their blocks of the lower triangle stay there, in that order.
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  for (std::int32_t j = 0; j < pattern.n; ++j)
    for (std::int32_t k = pattern.col_begin[static_cast<std::size_t>(j)];
         k < pattern.col_begin[static_cast<std::size_t>(j) + 1];
         ++k) {
      const std::int32_t i = pattern.row[static_cast<std::size_t>(k)];
      const std::int32_t fi = fresh_of[static_cast<std::size_t>(i)], fj = fresh_of[static_cast<std::size_t>(j)];
      if (fi >= 0 && fj >= 0)
        pairs.emplace_back(fi, fj), copies_.push_back(k);
      else if (fi >= 0)
        ties_.push_back({k, fi, old_of[static_cast<std::size_t>(j)], false});
      else if (fj >= 0)
        ties_.push_back({k, fj, old_of[static_cast<std::size_t>(i)], true});
    }
  N_ = BlockSymmetric<double>(std::make_shared<const BlockPattern>(make_pattern(num_new(), pairs)), B);
  factor_.analyse(N_.pattern(), best_layout(N_.pattern(), B).layout, true, B);
}

template <class From>
bool Border::build(const DampedMatrix<From>& A, Workers& workers) {
  if (fresh_.empty()) return true;
  const std::size_t area = static_cast<std::size_t>(B_) * B_;
  for (std::size_t k = 0; k < copies_.size(); ++k)
    std::copy_n(A.H->block(copies_[k]), area, N_.block(static_cast<int>(k)));
  C_.resize(ties_.size() * area);
  for (std::size_t k = 0; k < ties_.size(); ++k) {
    const From* from = A.H->block(ties_[k].block);
    double* to = C_.data() + k * area;
    for (int c = 0; c < B_; ++c)
      for (int r = 0; r < B_; ++r) to[c * B_ + r] = ties_[k].transposed ? from[r * B_ + c] : from[c * B_ + r];
  }
  std::vector<double> damping;
  if (!A.damping.empty())
    for (const std::int32_t i : fresh_)
      for (int c = 0; c < B_; ++c) damping.push_back(A.damping[static_cast<std::size_t>(i) * B_ + c]);
  const BlockScaling scaling = make_scaling(N_, damping, ScalingKind::Block);
  const PreconditionerOptions how{.compute = Format::Double, .storage = Format::Double, .shift = 0, .retry = false};
  return factor_.build(DampedMatrix<double>{&N_, damping}, scaling, false, how, workers);
}

template <class V>
void Border::reduce(std::span<const V> r, std::span<V> b) {
  const std::size_t B = static_cast<std::size_t>(B_);
  for (std::size_t k = 0; k < place_.size(); ++k)
    std::copy_n(r.data() + static_cast<std::size_t>(place_[k]) * B, B, b.data() + k * B);
  if (fresh_.empty()) return;
  r_.resize(fresh_.size() * B), y_.resize(r_.size()), pull_.resize(r_.size());
  for (std::size_t k = 0; k < fresh_.size(); ++k)
    std::copy_n(r.data() + static_cast<std::size_t>(fresh_[k]) * B, B, r_.data() + k * B);
  factor_.apply(std::span<const double>(r_), std::span<double>(y_));
  for (std::size_t k = 0; k < ties_.size(); ++k) {
    const double* C = C_.data() + k * B * B;
    const double* y = y_.data() + static_cast<std::size_t>(ties_[k].now) * B;
    V* to = b.data() + static_cast<std::size_t>(ties_[k].old) * B;
    for (std::size_t c = 0; c < B; ++c) {
      double sum = 0;
      for (std::size_t i = 0; i < B; ++i) sum += C[c * B + i] * y[i];
      to[c] = static_cast<V>(static_cast<double>(to[c]) - sum);
    }
  }
}

template <class V>
void Border::extend(std::span<const V> z_old, std::span<V> z) {
  const std::size_t B = static_cast<std::size_t>(B_);
  for (std::size_t k = 0; k < place_.size(); ++k)
    std::copy_n(z_old.data() + k * B, B, z.data() + static_cast<std::size_t>(place_[k]) * B);
  if (fresh_.empty()) return;
  std::copy(r_.begin(), r_.end(), pull_.begin());
  for (std::size_t k = 0; k < ties_.size(); ++k) {
    const double* C = C_.data() + k * B * B;
    const V* from = z_old.data() + static_cast<std::size_t>(ties_[k].old) * B;
    double* to = pull_.data() + static_cast<std::size_t>(ties_[k].now) * B;
    for (std::size_t c = 0; c < B; ++c)
      for (std::size_t i = 0; i < B; ++i) to[i] -= C[c * B + i] * static_cast<double>(from[c]);
  }
  factor_.apply(std::span<const double>(pull_), std::span<double>(y_));
  for (std::size_t k = 0; k < fresh_.size(); ++k)
    for (std::size_t i = 0; i < B; ++i) z[static_cast<std::size_t>(fresh_[k]) * B + i] = static_cast<V>(y_[k * B + i]);
}

template bool Border::build(const DampedMatrix<float>&, Workers&);
template bool Border::build(const DampedMatrix<double>&, Workers&);
template void Border::reduce(std::span<const float>, std::span<float>);
template void Border::reduce(std::span<const double>, std::span<double>);
template void Border::extend(std::span<const float>, std::span<float>);
template void Border::extend(std::span<const double>, std::span<double>);

}  // namespace pipit
