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

  // A step waits for those that had its block for an end: by level, no two steps of a level touch.
  std::vector<std::int32_t> level(static_cast<std::size_t>(n_), 0), begin{0};
  for (const ChainStep& step : chains_.steps) {
    const std::int32_t own = level[step.block];
    begin.resize(std::max(begin.size(), static_cast<std::size_t>(own) + 2), 0);
    ++begin[own + 1];
    for (const std::int32_t e : step.end)
      if (e >= 0) level[e] = std::max(level[e], own + 1);
  }
  for (std::size_t k = 1; k < begin.size(); ++k) begin[k] += begin[k - 1];
  std::vector<const ChainStep*> sorted(chains_.steps.size());
  std::vector<std::int32_t> next(begin.begin(), begin.end() - 1);
  for (const ChainStep& step : chains_.steps) sorted[next[level[step.block]]++] = &step;
  steps_.clear();
  for (std::size_t k = 0; k + 1 < begin.size(); ++k)
    for (std::size_t first = begin[k], end = begin[k + 1]; first < end; first += kGroup)
      add_group(pattern, std::span(sorted).subspan(first, std::min(kGroup, end - first)));

  const std::size_t side = static_cast<std::size_t>(B), area = side * side;
  work_.resize(static_cast<std::size_t>(num_work) * area);
  factors_.resize(steps_.size() * 3 * area);
  y_.resize(steps_.size() * side);
  scratch_.resize(6 * area * kGroup);
  gradient_.resize(static_cast<std::size_t>(n_) * side);
}

template <class T>
void Condensation<T>::add_group(const BlockPattern& pattern, std::span<const ChainStep* const> steps) {
  for (const ChainStep* step : steps) {
    Step& s = steps_.emplace_back();
    s.block = step->block;
    s.diagonal = place_[pattern.col_begin[step->block]];
    if (step->joined >= 0) s.joined = place_[step->joined];
    for (int k = 0; k < 2; ++k) {
      const std::int32_t e = s.end[k] = step->end[k];
      if (e < 0) continue;
      s.end_diagonal[k] = place_[pattern.col_begin[e]];
      s.edge[k] = place_[step->edge[k]];
      s.turned[k] = e < step->block;
    }
  }
  steps_.resize((steps_.size() + kGroup - 1) / kGroup * kGroup);
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

  T *D = scratch_.data(), *E = D + area * kGroup, *P = E + 2 * area * kGroup;
  for (std::size_t first = 0; first < steps_.size(); first += kGroup) {
    for (std::size_t lane = 0; lane < kGroup; ++lane) {
      const Step& s = steps_[first + lane];
      if (s.block < 0) {  // the identity, tied to nothing
        for (std::size_t k = 0; k < area; ++k) D[k * kGroup + lane] = k % (static_cast<std::size_t>(B) + 1) == 0;
      } else {
        const T* block = at(s.diagonal);
        for (std::size_t k = 0; k < area; ++k) D[k * kGroup + lane] = block[k];
      }
      for (std::size_t e = 0; e < 2; ++e) {
        T* to = E + e * area * kGroup + lane;
        if (s.end[e] < 0) {
          for (std::size_t k = 0; k < area; ++k) to[k * kGroup] = 0;
          continue;
        }
        const T* block = at(s.edge[e]);
        const int down = s.turned[e] ? B : 1, across = s.turned[e] ? 1 : B;
        for (int c = 0; c < B; ++c)
          for (int r = 0; r < B; ++r) to[static_cast<std::size_t>(c * B + r) * kGroup] = block[r * down + c * across];
      }
    }
    if (!factor_chains(B, D, E, factors_.data() + first * 3 * area, P)) return false;
    const auto subtract = [&](std::int32_t place, std::size_t product, std::size_t lane) {
      T* block = at(place);
      const T* from = P + product * area * kGroup + lane;
      for (std::size_t k = 0; k < area; ++k) block[k] -= from[k * kGroup];
    };
    for (std::size_t lane = 0; lane < kGroup; ++lane) {
      const Step& s = steps_[first + lane];
      for (std::size_t e = 0; e < 2; ++e)
        if (s.end[e] >= 0) subtract(s.end_diagonal[e], e, lane);
      if (s.end[1] >= 0) subtract(s.joined, 2, lane);
    }
  }
  return true;
}

template <class T>
double Condensation<T>::reduce(std::span<const double> gradient, std::span<double> kept) {
  const std::size_t B = static_cast<std::size_t>(B_), area = B * B;
  double largest = 0;
  for (const double v : gradient) largest = std::max(largest, std::fabs(v));
  exponent_ = std::is_same_v<T, double> || largest == 0 ? 0 : std::clamp(std::ilogb(largest), -1000, 1000);
  const double down = std::ldexp(1.0, -exponent_), up = std::ldexp(1.0, exponent_);  // so that any gradient fits T
  std::transform(
      gradient.begin(), gradient.end(), gradient_.begin(), [=](double v) { return static_cast<T>(v * down); });
  T *g = scratch_.data(), *pull = g + B * kGroup;
  double square = 0;
  for (std::size_t first = 0; first < steps_.size(); first += kGroup) {
    for (std::size_t lane = 0; lane < kGroup; ++lane) {
      const std::int32_t block = steps_[first + lane].block;
      for (std::size_t k = 0; k < B; ++k)
        g[k * kGroup + lane] = block < 0 ? T(0) : gradient_[static_cast<std::size_t>(block) * B + k];
    }
    T* y = y_.data() + first * B;
    reduce_chains(B_, factors_.data() + first * 3 * area, g, y, pull);
    for (std::size_t k = 0; k < B * kGroup; ++k) square += static_cast<double>(y[k]) * static_cast<double>(y[k]);
    for (std::size_t lane = 0; lane < kGroup; ++lane)
      for (std::size_t e = 0; e < 2; ++e) {
        const std::int32_t end = steps_[first + lane].end[e];
        if (end < 0) continue;
        T* to = gradient_.data() + static_cast<std::size_t>(end) * B;
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
  const std::size_t B = static_cast<std::size_t>(B_), area = B * B;
  for (std::size_t i = 0; i < chains_.kept.size(); ++i)
    std::copy_n(kept.data() + i * B, B, dx.data() + static_cast<std::size_t>(chains_.kept[i]) * B);
  T *z = scratch_.data(), *step = z + 2 * B * kGroup;
  const double down = std::ldexp(1.0, -exponent_), up = std::ldexp(1.0, exponent_);
  for (std::size_t first = steps_.size(); first > 0;) {
    first -= kGroup;
    for (std::size_t lane = 0; lane < kGroup; ++lane)
      for (std::size_t e = 0; e < 2; ++e) {
        const std::int32_t end = steps_[first + lane].end[e];
        for (std::size_t k = 0; k < B; ++k)
          z[(e * B + k) * kGroup + lane] =
              end < 0 ? T(0) : static_cast<T>(down * dx[static_cast<std::size_t>(end) * B + k]);
      }
    extend_chains(B_, factors_.data() + first * 3 * area, y_.data() + first * B, z, step);
    for (std::size_t lane = 0; lane < kGroup; ++lane) {
      const std::int32_t block = steps_[first + lane].block;
      for (std::size_t k = 0; block >= 0 && k < B; ++k)
        dx[static_cast<std::size_t>(block) * B + k] = up * static_cast<double>(step[k * kGroup + lane]);
    }
  }
}

template class Condensation<float>;
template class Condensation<double>;

}  // namespace pipit
