#include "sparse/border.h"

#include <algorithm>

#include "sparse/choose.h"

namespace pipit {

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
