#include "sparse/condensation.h"

#include <algorithm>
#include <cmath>

namespace pipit {
namespace {

// The fixed sizes are unrolled; any other goes the same way with its size in a variable.
template <int Fixed>
struct Side {
  int size;
  constexpr int operator()() const { return Fixed > 0 ? Fixed : size; }
};

// inverse = L^-1 of D = L L'; both B x B column-major, inverse lower triangular. False: not positive definite.
template <class T, class S>
bool invert_root(S side, const T* D, T* inverse) {
  const int B = side();
  T L[36] = {};
  std::vector<T> more;
  T* l = L;
  if (B > 6) more.assign(static_cast<std::size_t>(B) * B, T(0)), l = more.data();
  for (int c = 0; c < B; ++c) {
    T pivot = D[c * B + c];
    for (int k = 0; k < c; ++k) pivot -= l[k * B + c] * l[k * B + c];
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
    const T root = std::sqrt(pivot), up = 1 / root;
    l[c * B + c] = up;
    for (int r = c + 1; r < B; ++r) {
      T sum = D[c * B + r];
      for (int k = 0; k < c; ++k) sum -= l[k * B + r] * l[k * B + c];
      l[c * B + r] = sum * up;
    }
  }
  for (int c = 0; c < B; ++c) {
    for (int r = 0; r < c; ++r) inverse[c * B + r] = 0;
    inverse[c * B + c] = l[c * B + c];
    for (int r = c + 1; r < B; ++r) {
      T sum = 0;
      for (int k = c; k < r; ++k) sum -= l[k * B + r] * inverse[c * B + k];
      inverse[c * B + r] = sum * l[r * B + r];
    }
  }
  return true;
}

}  // namespace

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
  std::vector<std::int32_t> place(static_cast<std::size_t>(chains_.num_edges), INT32_MIN);
  for (std::size_t k = 0; k < chains_.origin.size(); ++k) place[chains_.origin[k]] = static_cast<std::int32_t>(k);
  std::int32_t num_work = 0;
  for (std::int32_t& p : place)
    if (p == INT32_MIN) p = ~num_work++;
  const std::size_t area = static_cast<std::size_t>(B) * B;
  work_.resize(static_cast<std::size_t>(num_work) * area);
  factors_.resize(chains_.steps.size() * 3 * area);
  place_ = std::move(place);

  // Steps that do not need one another stand side by side: a step waits for those that had its block for an end.
  std::vector<std::int32_t> level(static_cast<std::size_t>(n_), 0), count;
  for (const ChainStep& step : chains_.steps) {
    const std::int32_t own = level[step.block];
    if (static_cast<std::size_t>(own) >= count.size()) count.resize(static_cast<std::size_t>(own) + 1, 0);
    ++count[own];
    for (const std::int32_t e : step.end)
      if (e >= 0) level[e] = std::max(level[e], own + 1);
  }
  std::vector<std::int32_t> next(count.size(), 0);
  for (std::size_t k = 1; k < count.size(); ++k) next[k] = next[k - 1] + count[k - 1];
  steps_.resize(chains_.steps.size());
  for (const ChainStep& step : chains_.steps) {
    Step& s = steps_[next[level[step.block]]++];
    s.block = step.block;
    s.diagonal = place_[pattern.col_begin[step.block]];
    s.joined = step.joined >= 0 ? place_[step.joined] : 0;
    for (int k = 0; k < 2; ++k) {
      const std::int32_t e = step.end[k];
      s.end[k] = e;
      if (e < 0) continue;
      s.end_diagonal[k] = place_[pattern.col_begin[e]];
      s.edge[k] = place_[step.edge[k]];
      s.turned[k] = e < step.block;
    }
  }
}

template <class T>
bool Condensation<T>::build(const DampedMatrix<T>& A) {
  const BlockPattern& pattern = A.H->pattern();
  expects(pattern.n == n_ && A.H->B() == B_, "Condensation::build: another pattern than analyse() has seen");
  const std::size_t area = static_cast<std::size_t>(B_) * B_;
  for (std::int32_t k = 0; k < pattern.num_blocks(); ++k) std::copy_n(A.H->block(k), area, at(place_[k]));
  for (std::size_t k = static_cast<std::size_t>(pattern.num_blocks()); k < place_.size(); ++k)
    std::fill_n(at(place_[k]), area, T(0));
  if (!A.damping.empty())
    for (int j = 0; j < n_; ++j) {
      T* D = at(place_[pattern.col_begin[j]]);
      for (int i = 0; i < B_; ++i) D[i * B_ + i] += static_cast<T>(A.damping[static_cast<std::size_t>(j) * B_ + i]);
    }
  return B_ == 3 ? eliminate<3>() : B_ == 6 ? eliminate<6>() : eliminate<0>();
}

template <class T>
template <int Fixed>
bool Condensation<T>::eliminate() {
  const Side<Fixed> side{B_};
  const int B = side();
  const std::size_t area = static_cast<std::size_t>(B) * B;
  T* F = factors_.data();
  for (const Step& s : steps_) {
    T *inverse = F, *X[2] = {F + area, F + 2 * area};
    F += 3 * area;
    if (!invert_root(side, at(s.diagonal), inverse)) return false;
    for (int e = 0; e < 2; ++e) {
      if (s.end[e] < 0) continue;
      const T* E = at(s.edge[e]);
      const int down = s.turned[e] ? B : 1, across = s.turned[e] ? 1 : B;
      for (int c = 0; c < B; ++c)
        for (int r = 0; r < B; ++r) {
          T sum = 0;
          for (int k = 0; k <= c; ++k) sum += E[r * down + k * across] * inverse[k * B + c];
          X[e][c * B + r] = sum;
        }
      T* D = at(s.end_diagonal[e]);
      for (int c = 0; c < B; ++c)
        for (int r = c; r < B; ++r) {
          T sum = 0;
          for (int k = 0; k < B; ++k) sum += X[e][k * B + r] * X[e][k * B + c];
          D[c * B + r] -= sum;
          if (r != c) D[r * B + c] = D[c * B + r];
        }
    }
    if (s.end[1] < 0) continue;
    T* J = at(s.joined);
    for (int c = 0; c < B; ++c)
      for (int r = 0; r < B; ++r) {
        T sum = 0;
        for (int k = 0; k < B; ++k) sum += X[0][k * B + r] * X[1][k * B + c];
        J[c * B + r] -= sum;
      }
  }
  return true;
}

template <class T>
double Condensation<T>::reduce(std::span<const double> gradient, std::span<double> kept) {
  const std::size_t B = static_cast<std::size_t>(B_), area = B * B;
  y_.assign(gradient.begin(), gradient.end());
  double square = 0;
  const T* F = factors_.data();
  std::vector<double> old(B);
  for (const Step& s : steps_) {
    double* y = y_.data() + static_cast<std::size_t>(s.block) * B;
    std::copy_n(y, B, old.data());
    for (std::size_t r = 0; r < B; ++r) {
      double sum = 0;
      for (std::size_t k = 0; k <= r; ++k) sum += static_cast<double>(F[k * B + r]) * old[k];
      y[r] = sum;
      square += sum * sum;
    }
    for (std::size_t e = 0; e < 2 && s.end[e] >= 0; ++e) {
      const T* X = F + (1 + e) * area;
      double* g = y_.data() + static_cast<std::size_t>(s.end[e]) * B;
      for (std::size_t k = 0; k < B; ++k)
        for (std::size_t r = 0; r < B; ++r) g[r] -= static_cast<double>(X[k * B + r]) * y[k];
    }
    F += 3 * area;
  }
  for (std::size_t i = 0; i < chains_.kept.size(); ++i)
    std::copy_n(y_.data() + static_cast<std::size_t>(chains_.kept[i]) * B, B, kept.data() + i * B);
  return square;
}

template <class T>
void Condensation<T>::extend(std::span<const double> kept, std::span<double> dx) const {
  const std::size_t B = static_cast<std::size_t>(B_), area = B * B;
  for (std::size_t i = 0; i < chains_.kept.size(); ++i)
    std::copy_n(kept.data() + i * B, B, dx.data() + static_cast<std::size_t>(chains_.kept[i]) * B);
  std::vector<double> sum(B);
  const T* F = factors_.data() + factors_.size();
  for (auto s = steps_.rbegin(); s != steps_.rend(); ++s) {
    F -= 3 * area;
    const double* y = y_.data() + static_cast<std::size_t>(s->block) * B;
    std::copy_n(y, B, sum.data());
    for (std::size_t e = 0; e < 2 && s->end[e] >= 0; ++e) {
      const T* X = F + (1 + e) * area;
      const double* z = dx.data() + static_cast<std::size_t>(s->end[e]) * B;
      for (std::size_t k = 0; k < B; ++k)
        for (std::size_t r = 0; r < B; ++r) sum[k] += static_cast<double>(X[k * B + r]) * z[r];
    }
    double* z = dx.data() + static_cast<std::size_t>(s->block) * B;
    for (std::size_t c = 0; c < B; ++c) {
      double back = 0;
      for (std::size_t r = c; r < B; ++r) back += static_cast<double>(F[c * B + r]) * sum[r];
      z[c] = -back;
    }
  }
}

template class Condensation<float>;
template class Condensation<double>;

}  // namespace pipit
