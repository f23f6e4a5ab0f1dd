#include "sparse/condensation.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "sparse/chain_lanes.h"

namespace pipit {

constexpr std::size_t kGroup = kChainGroup;

template <class T>
T* Condensation<T>::at(std::int32_t place) {
  const std::size_t area = static_cast<std::size_t>(B_) * B_;
  return place >= 0 ? rest_.block(place) : work_.data() + static_cast<std::size_t>(~place) * area;
}

template <class T>
void Condensation<T>::analyse(const BlockPattern& pattern, int B) {
  n_ = pattern.n, B_ = B;
  chains_ = contract_chains(pattern);
  rest_ = BlockSymmetric<T>(std::make_shared<const BlockPattern>(chains_.rest), B);
  place_.assign(static_cast<std::size_t>(chains_.num_edges), 0);
  for (std::size_t k = 0; k < chains_.origin.size(); ++k) place_[chains_.origin[k]] = static_cast<std::int32_t>(k) + 1;
  std::int32_t num_work = 0;
  for (std::int32_t& place : place_) place = place > 0 ? place - 1 : ~num_work++;

  // A step waits for those that had its block for an end: by level, no two steps of a level touch. Within a level
  // those with as many ends stand together.
  constexpr std::size_t kKinds = kMostEnds + 1;
  std::vector<std::size_t> level(static_cast<std::size_t>(n_), 0), begin{0};
  const auto key = [&](const ChainStep& step) { return level[step.block] * kKinds + step.num_ends; };
  for (const ChainStep& step : chains_.steps) {
    const std::size_t own = level[step.block];
    begin.resize(std::max(begin.size(), (own + 1) * kKinds + 1), 0);
    ++begin[key(step) + 1];
    for (int k = 0; k < step.num_ends; ++k) level[step.end[k]] = std::max(level[step.end[k]], own + 1);
  }
  for (std::size_t k = 1; k < begin.size(); ++k) begin[k] += begin[k - 1];
  std::vector<const ChainStep*> sorted(chains_.steps.size());
  std::vector<std::size_t> next(begin.begin(), begin.end() - 1);
  for (const ChainStep& step : chains_.steps) sorted[next[key(step)]++] = &step;
  steps_.clear(), groups_.clear();
  factors_.clear();
  for (std::size_t first = 0; first + 1 < begin.size(); first += kKinds)
    for (std::size_t at = begin[first], end = begin[first + kKinds]; at < end; at += kGroup)
      add_group(pattern, std::span(sorted).subspan(at, std::min(kGroup, end - at)));

  const std::size_t side = static_cast<std::size_t>(B), area = side * side;
  work_.resize(static_cast<std::size_t>(num_work) * area);
  y_.resize(steps_.size() * side);
  scratch_.resize((1 + kMostEnds + kMostEnds * (kMostEnds + 1) / 2) * area * kGroup);
  gradient_.resize(static_cast<std::size_t>(n_) * side);
}

template <class T>
void Condensation<T>::add_group(const BlockPattern& pattern, std::span<const ChainStep* const> steps) {
  const std::size_t area = static_cast<std::size_t>(B_) * B_;
  groups_.push_back({factors_.size(), steps.back()->num_ends});
  factors_.resize(factors_.size() + (1 + static_cast<std::size_t>(steps.back()->num_ends)) * area * kGroup);
  for (const ChainStep* step : steps) {
    Step& s = steps_.emplace_back();
    s.block = step->block;
    s.num_ends = step->num_ends;
    s.diagonal = place_[pattern.col_begin[step->block]];
    for (int k = 0; k < s.num_ends; ++k)
      s.end[k] = {
          step->end[k], place_[pattern.col_begin[step->end[k]]], place_[step->edge[k]], step->end[k] < step->block};
    for (int k = 0; k < s.num_ends * (s.num_ends - 1) / 2; ++k) s.joined[k] = place_[step->joined[k]];
  }
  steps_.resize(groups_.size() * kGroup);
}

// Steps of the group side by side; what a step does not have is the identity, tied to nothing.
template <class T>
void Condensation<T>::gather(std::size_t group, T* D, T* E) {
  const int B = B_;
  const std::size_t area = static_cast<std::size_t>(B) * B;
  for (std::size_t lane = 0; lane < kGroup; ++lane) {
    const Step& s = steps_[group * kGroup + lane];
    const T* diagonal = s.block < 0 ? nullptr : at(s.diagonal);
    for (std::size_t k = 0; k < area; ++k)
      D[k * kGroup + lane] = diagonal != nullptr ? diagonal[k] : T(k % (static_cast<std::size_t>(B) + 1) == 0);
    for (int e = 0; e < groups_[group].num_ends; ++e) {
      T* to = E + static_cast<std::size_t>(e) * area * kGroup + lane;
      if (e >= s.num_ends) {
        for (std::size_t k = 0; k < area; ++k) to[k * kGroup] = 0;
        continue;
      }
      const T* block = at(s.end[e].edge);
      const int down = s.end[e].turned ? B : 1, across = s.end[e].turned ? 1 : B;
      for (int c = 0; c < B; ++c)
        for (int r = 0; r < B; ++r) to[static_cast<std::size_t>(c * B + r) * kGroup] = block[r * down + c * across];
    }
  }
}

template <class T>
void Condensation<T>::scatter(std::size_t group, const T* P) {
  const std::size_t area = static_cast<std::size_t>(B_) * B_;
  const auto subtract = [&](std::int32_t place, std::size_t product, std::size_t lane) {
    T* block = at(place);
    const T* from = P + product * area * kGroup + lane;
    for (std::size_t k = 0; k < area; ++k) block[k] -= from[k * kGroup];
  };
  for (std::size_t lane = 0; lane < kGroup; ++lane) {
    const Step& s = steps_[group * kGroup + lane];
    for (std::size_t j = 0; j < static_cast<std::size_t>(s.num_ends); ++j) {
      for (std::size_t i = 0; i < j; ++i) subtract(s.joined[pair_of(i, j)], j * (j + 1) / 2 + i, lane);
      subtract(s.end[j].diagonal, j * (j + 1) / 2 + j, lane);
    }
  }
}

template <class T>
bool Condensation<T>::build(const DampedMatrix<T>& A) {
  const BlockPattern& pattern = A.H->pattern();
  expects(pattern.n == n_ && A.H->B() == B_, "Condensation::build: another pattern than analyse() has seen");
  const int B = B_;
  const std::size_t area = static_cast<std::size_t>(B) * B;
  for (std::int32_t k = 0; k < pattern.num_blocks(); ++k) std::copy_n(A.H->block(k), area, at(place_[k]));
  for (std::size_t k = static_cast<std::size_t>(pattern.num_blocks()); k < place_.size(); ++k)
    std::fill_n(at(place_[k]), area, T(0));
  if (!A.damping.empty())
    for (int j = 0; j < n_; ++j)
      for (int i = 0; i < B; ++i)
        at(place_[pattern.col_begin[j]])[i * B + i] += static_cast<T>(A.damping[static_cast<std::size_t>(j) * B + i]);

  T *D = scratch_.data(), *E = D + area * kGroup, *P = E + kMostEnds * area * kGroup;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    gather(group, D, E);
    if (!factor_chains(B, groups_[group].num_ends, D, E, factors_.data() + groups_[group].factors, P)) return false;
    scatter(group, P);
  }
  return true;
}

template <class T>
double Condensation<T>::reduce(std::span<const double> gradient, std::span<double> kept) {
  const std::size_t B = static_cast<std::size_t>(B_);
  double largest = 0;
  for (const double v : gradient) largest = std::max(largest, std::fabs(v));
  exponent_ = std::is_same_v<T, double> || largest == 0 ? 0 : std::clamp(std::ilogb(largest), -1000, 1000);
  const double down = std::ldexp(1.0, -exponent_), up = std::ldexp(1.0, exponent_);  // so that any gradient fits T
  std::transform(
      gradient.begin(), gradient.end(), gradient_.begin(), [=](double v) { return static_cast<T>(v * down); });
  T *g = scratch_.data(), *pull = g + B * kGroup;
  double square = 0;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    const Step* steps = steps_.data() + group * kGroup;
    for (std::size_t lane = 0; lane < kGroup; ++lane)
      for (std::size_t k = 0; k < B; ++k)
        g[k * kGroup + lane] =
            steps[lane].block < 0 ? T(0) : gradient_[static_cast<std::size_t>(steps[lane].block) * B + k];
    T* y = y_.data() + group * B * kGroup;
    reduce_chains(B_, groups_[group].num_ends, factors_.data() + groups_[group].factors, g, y, pull);
    for (std::size_t k = 0; k < B * kGroup; ++k) square += static_cast<double>(y[k]) * static_cast<double>(y[k]);
    for (std::size_t lane = 0; lane < kGroup; ++lane)
      for (std::size_t e = 0; e < static_cast<std::size_t>(steps[lane].num_ends); ++e) {
        T* to = gradient_.data() + static_cast<std::size_t>(steps[lane].end[e].block) * B;
        for (std::size_t k = 0; k < B; ++k) to[k] -= pull[(e * B + k) * kGroup + lane];
      }
  }
  for (std::size_t i = 0; i < chains_.kept.size(); ++i)
    for (std::size_t k = 0; k < B; ++k)
      kept[i * B + k] = up * static_cast<double>(gradient_[static_cast<std::size_t>(chains_.kept[i]) * B + k]);
  return std::ldexp(square, 2 * exponent_);
}

template <class T>
void Condensation<T>::extend(std::span<const double> kept, std::span<double> dx) {
  const std::size_t B = static_cast<std::size_t>(B_);
  for (std::size_t i = 0; i < chains_.kept.size(); ++i)
    std::copy_n(kept.data() + i * B, B, dx.data() + static_cast<std::size_t>(chains_.kept[i]) * B);
  T *z = scratch_.data(), *step = z + kMostEnds * B * kGroup;
  const double down = std::ldexp(1.0, -exponent_), up = std::ldexp(1.0, exponent_);
  for (std::size_t group = groups_.size(); group-- > 0;) {
    const Step* steps = steps_.data() + group * kGroup;
    const auto num_ends = static_cast<std::size_t>(groups_[group].num_ends);
    for (std::size_t lane = 0; lane < kGroup; ++lane)
      for (std::size_t e = 0; e < num_ends; ++e) {
        const bool there = e < static_cast<std::size_t>(steps[lane].num_ends);
        for (std::size_t k = 0; k < B; ++k)
          z[(e * B + k) * kGroup + lane] =
              there ? static_cast<T>(down * dx[static_cast<std::size_t>(steps[lane].end[e].block) * B + k]) : T(0);
      }
    extend_chains(
        B_, groups_[group].num_ends, factors_.data() + groups_[group].factors, y_.data() + group * B * kGroup, z, step);
    for (std::size_t lane = 0; lane < kGroup; ++lane)
      for (std::size_t k = 0; steps[lane].block >= 0 && k < B; ++k)
        dx[static_cast<std::size_t>(steps[lane].block) * B + k] = up * static_cast<double>(step[k * kGroup + lane]);
  }
}

template class Condensation<float>;
template class Condensation<double>;

}  // namespace pipit
