#include "bundle/products.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "bits/convert.h"
#include "bits/scaling.h"
#include "bits/vector_ops.h"

namespace pipit {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

constexpr std::size_t kViewGrain = 100, kPointGrain = 4000;  // below: waking a thread costs more than it brings

}  // namespace

template <class S>
NormalProduct<S>::NormalProduct(const BundleLayout& layout, Accumulate accumulate, bool scale_vectors, Workers& workers)
    : layout_(layout), accumulate_(accumulate), scale_vectors_(scale_vectors), workers_(workers) {
  prepare();
}

template <class S>
void NormalProduct<S>::prepare() {
  if (workers_.num_threads() > 1) shares_.resize(layout_.slots() * 4);
  sums_.resize((at(layout_.points) + 1) * 4);
  places_.resize(layout_.point_slots.size());
  find_share_places<V>(layout_, places_);
  p_.assign(at(layout_.views * layout_.columns) + (at(layout_.points) + 1) * 4, V(0));  // nobody's point stays zero
}

template <class S>
void NormalProduct<S>::load(std::span<const V> J, RangeCounters* counters) {
  counters_ = counters;
  if constexpr (std::is_same_v<S, half>) {
    rounded_.resize(J.size());
    convert<float, half>(J, rounded_, counters);
    J_ = rounded_.data();
  } else {
    J_ = J.data();
  }
}

template <class S>
auto NormalProduct<S>::load_operand(std::span<const V> p) -> V {
  std::copy(p.begin(), p.end(), p_.begin());
  if constexpr (!std::is_same_v<S, half>) return 1;
  const V scale = scale_vectors_ ? static_cast<V>(vector_scale(static_cast<float>(max_abs(p)))) : V(1);
  if constexpr (std::is_same_v<S, half>) {
    if (scale != 1) pipit::scale(1 / scale, std::span<float>(p_));
    rounded_p_.resize(p_.size());
    convert<float, half>(p_, rounded_p_, counters_);
    convert<half, float>(rounded_p_, p_);
  }
  return scale;
}

template <class S>
void NormalProduct<S>::round(std::span<V> p) {
  if constexpr (std::is_same_v<S, half>) {
    scale_ = load_operand(p);
    for (std::size_t i = 0; i < p.size(); ++i) p[i] = p_[i] * scale_;
    loaded_ = p.data();
  }
}

/// One pass with p_ as its operand. One thread adds shares up at once. Several put them down first; the order of a sum,
/// by view, is the same.
template <class S>
double NormalProduct<S>::pass(Pass kind, V* views, V* points) {
  const std::size_t n = at(layout_.views), parts = std::max<std::size_t>(1, num_parts(n, kViewGrain));
  V* const direct = workers_.num_threads() == 1 ? sums_.data() : nullptr;
  if (direct != nullptr && points != nullptr) std::fill(sums_.begin(), sums_.end(), V(0));
  std::array<double, 16> squares{};
  const PassVectors<V> to{
      .p = p_.data(), .q = views, .shares = shares_.data(), .direct = direct, .w = keep_w ? w.data() : nullptr};
  const auto some = [&](std::size_t part) {
    squares[part] = jacobian_pass(kind, accumulate_, layout_, J_, to, part_of(n, parts, part));
  };
  if (direct != nullptr || parts == 1)
    for (std::size_t part = 0; part < parts; ++part) some(part);
  else
    workers_.run(parts, some);
  if (points != nullptr) {
    if (direct != nullptr)
      std::copy(sums_.begin(), sums_.end() - 4, points);
    else
      for_ranges(workers_, at(layout_.points), kPointGrain, [&](Range range) {
        sum_shares(layout_, places_.data(), shares_.data(), points, range);
      });
  }
  double sum = 0;
  for (const double s : squares) sum += s;
  return sum;
}

template <class S>
double NormalProduct<S>::operator()(std::span<const V> p, V lambda, std::span<V> q) {
  const V scale = std::exchange(loaded_, nullptr) == p.data() ? scale_ : load_operand(p);
  if (keep_w) w.resize(layout_.slots() * at(layout_.rows));
  const double squares = pass(Pass::AllToAll, q.data(), q.data() + views_size());
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = q[i] * scale + lambda * p[i];
  return squares * static_cast<double>(scale) * static_cast<double>(scale) + static_cast<double>(lambda) * dot(p, p);
}

template <class S>
void NormalProduct<S>::to_points(std::span<const V> p, std::span<V> y) {
  std::copy(p.begin(), p.end(), p_.begin());
  pass(Pass::ViewsToPoints, nullptr, y.data());
}

template <class S>
double NormalProduct<S>::to_views(std::span<const V> p, std::span<const V> x, std::span<V> q) {
  std::copy(p.begin(), p.end(), p_.begin());
  std::copy(x.begin(), x.end(), p_.begin() + static_cast<std::ptrdiff_t>(views_size()));
  return pass(Pass::AllToViews, q.data(), nullptr);
}

template class NormalProduct<half>;
template class NormalProduct<float>;
template class NormalProduct<double>;

}  // namespace pipit
