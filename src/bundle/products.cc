#include "bundle/products.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/contract.h"
#include "bits/convert.h"
#include "bits/scaling.h"
#include "bits/vector_ops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bundle/products.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "bits/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
using Sixteen = hn::CappedTag<V, kAbreast>;

/// One operand in half: rounded where J is.
template <bool kRound, class D>
HWY_INLINE hn::Vec<D> operand(D d, hn::Vec<D> v) {
  if constexpr (kRound) return round_lanes_to_half(d, v);
  return v;
}

template <Accumulate A, class D>
HWY_INLINE hn::Vec<D> multiply_add(D d, hn::Vec<D> a, hn::Vec<D> b, hn::Vec<D> c) {
  if constexpr (A == Accumulate::Single)
    return hn::MulAdd(a, b, c);
  else
    return half_mul_add<A>(d, a, b, c);
}

/// The sum of all lanes; in half: pair by pair, every sum rounded.
template <Accumulate A, class D>
HWY_INLINE hn::TFromD<D> total(D d, hn::Vec<D> v) {
  if constexpr (A == Accumulate::Single) return hn::GetLane(hn::SumOfLanes(d, v));
  hn::TFromD<D> lanes[kAbreast];
  hn::StoreU(v, d, lanes);
  for (size_t step = hn::Lanes(d) / 2; step > 0; step /= 2)
    for (size_t i = 0; i < step; ++i)
      lanes[i] = static_cast<hn::TFromD<D>>(round_to_half(static_cast<double>(lanes[i] + lanes[i + step])));
  return lanes[0];
}

/// Whether a point's four numbers are one block of 128 bits: then blocks are put together and taken apart in registers.
/// (By way of memory a wide load waits for the narrow stores before it.)
template <class V>
constexpr bool kByBlock = sizeof(V) == 4 && hn::MaxLanes(Sixteen<V>()) >= 4;

/// Where the share of observation `lane` of a group stands, in numbers from the group's start.
template <class V>
HWY_INLINE size_t share_place(size_t lane) {
  constexpr size_t N = hn::MaxLanes(Sixteen<V>());
  if (!kByBlock<V>) return lane * 4;
  const size_t chunk = lane / N * N, within = lane % N;
  return chunk * 4 + within % 4 * N + within / 4 * 4;
}

/// Two numbers as one. (A function: in a template g++ 12 takes the instruction set from a lambda, and a vector comes
/// back as garbage wherever the lambda is not inlined.)
template <class V>
HWY_INLINE hn::Vec<hn::Repartition<double, Sixteen<V>>> as_pairs(hn::Vec<Sixteen<V>> v) {
  return hn::BitCast(hn::Repartition<double, Sixteen<V>>(), v);
}

/// x, y, z of N points: lane i is point index[i].
template <class V>
HWY_INLINE void gather_points(const V* points, const std::int32_t* index, hn::Vec<Sixteen<V>> (&x)[3]) {
  const Sixteen<V> d;
  constexpr size_t N = hn::MaxLanes(d);
  const hn::CappedTag<V, 4> d4;
  const auto at = [&](size_t i) HWY_ATTR { return points + static_cast<size_t>(index[i]) * 4; };
#if HWY_TARGET != HWY_SCALAR
  if constexpr (kByBlock<V>) {
    // vector k holds the points k, k + 4, k + 8, .. of the lanes
    hn::Vec<Sixteen<V>> a[4];
    for (size_t k = 0; k < 4; ++k) {
      if constexpr (N == 4) {
        a[k] = hn::LoadU(d, at(k));
      } else if constexpr (N == 8) {
        a[k] = hn::Combine(d, hn::LoadU(d4, at(4 + k)), hn::LoadU(d4, at(k)));
      } else {
        const hn::CappedTag<V, 8> d8;
        a[k] = hn::Combine(d,
                           hn::Combine(d8, hn::LoadU(d4, at(12 + k)), hn::LoadU(d4, at(8 + k))),
                           hn::Combine(d8, hn::LoadU(d4, at(4 + k)), hn::LoadU(d4, at(k))));
      }
    }
    const hn::Repartition<double, Sixteen<V>> pairs;
    const auto low01 = as_pairs<V>(hn::InterleaveLower(d, a[0], a[1])),
               high01 = as_pairs<V>(hn::InterleaveUpper(d, a[0], a[1]));
    const auto low23 = as_pairs<V>(hn::InterleaveLower(d, a[2], a[3])),
               high23 = as_pairs<V>(hn::InterleaveUpper(d, a[2], a[3]));
    x[0] = hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23));
    x[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23));
    x[2] = hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23));
    return;
  }
#endif
  {
    alignas(64) V gathered[4 * N];
    for (size_t i = 0; i < N; ++i)
      for (size_t k = 0; k < 4; k += hn::Lanes(d4)) hn::Store(hn::LoadU(d4, at(i) + k), d4, gathered + 4 * i + k);
    hn::Vec<Sixteen<V>> none;
    hn::LoadInterleaved4(d, gathered, x[0], x[1], x[2], none);
  }
}

/// The way back: shares of N lanes, to where share_place says.
template <class V>
HWY_INLINE void store_shares(const hn::Vec<Sixteen<V>> (&share)[3], V* to) {
  const Sixteen<V> d;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (kByBlock<V>) {
    constexpr size_t N = hn::MaxLanes(d);
    const hn::Repartition<double, Sixteen<V>> pairs;
    const auto zero = hn::Zero(d);
    const auto low01 = as_pairs<V>(hn::InterleaveLower(d, share[0], share[1])),
               high01 = as_pairs<V>(hn::InterleaveUpper(d, share[0], share[1]));
    const auto low2 = as_pairs<V>(hn::InterleaveLower(d, share[2], zero)),
               high2 = as_pairs<V>(hn::InterleaveUpper(d, share[2], zero));
    hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low2)), d, to);
    hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low2)), d, to + N);
    hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high2)), d, to + 2 * N);
    hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high2)), d, to + 3 * N);
    return;
  }
#endif
  // By hand: of eight doubles, StoreInterleaved4 of Highway 1.0.3 comes out wrong under g++ 12's thread sanitizer.
  constexpr size_t N = hn::MaxLanes(d);
  alignas(64) V lanes[3][N];
  for (int k = 0; k < 3; ++k) hn::Store(share[k], d, lanes[k]);
  for (size_t i = 0; i < N; ++i, to += 4) to[0] = lanes[0][i], to[1] = lanes[1][i], to[2] = lanes[2][i], to[3] = 0;
}

/// Sums of points += the shares of N lanes, where store_shares put them.
template <class V>
HWY_INLINE void add_to_points(const V* shares, const std::int32_t* index, V* sums) {
  const hn::CappedTag<V, 4> d4;
  for (size_t i = 0; i < hn::MaxLanes(Sixteen<V>()); ++i) {
    V* sum = sums + static_cast<size_t>(index[i]) * 4;
    const V* share = shares + share_place<V>(i);
    for (size_t k = 0; k < 4; k += hn::Lanes(d4))
      hn::Store(hn::Add(hn::Load(d4, sum + k), hn::Load(d4, share + k)), d4, sum + k);
  }
}

template <class V>
void find_places(const BundleLayout& layout, std::int32_t* places) {
  for (std::size_t k = 0; k < layout.point_slots.size(); ++k) {
    const auto slot = static_cast<std::size_t>(layout.point_slots[k]);
    places[k] = static_cast<std::int32_t>(slot / kAbreast * kAbreast * 4 + share_place<V>(slot % kAbreast));
  }
}
void find_places_f(const BundleLayout& layout, std::int32_t* places) { find_places<float>(layout, places); }
void find_places_d(const BundleLayout& layout, std::int32_t* places) { find_places<double>(layout, places); }

/// Views of `range`: q of the views, and what each observation adds to its point. Yields the sum of (J p)^2. Every
/// number of J is loaded once: with C = 6 and R = 2 they stay in 18 registers between the two products.
template <Accumulate A, int R, int C, class S, class V>
HWY_ATTR double normal_times_views(
    const BundleLayout& layout, const S* J, const V* p, V* q, V* shares, V* direct, V* w_out, Range range) {
  constexpr bool kRound = std::is_same_v<S, half>;
  constexpr int K = C + 3;
  const Sixteen<V> d;
  constexpr size_t N = hn::MaxLanes(d);
  const V* points = p + static_cast<std::size_t>(layout.views) * C;
  double squares = 0;
  for (std::size_t v = range.begin; v < range.end; ++v) {
    const V* pose = p + v * C;
    hn::Vec<Sixteen<V>> sums[C];  // of a view's columns, lane by lane
    for (int c = 0; c < C; ++c) sums[c] = hn::Zero(d);
    auto square = hn::Zero(d);
    for (auto group = static_cast<std::size_t>(layout.group_begin[v]);
         group < static_cast<std::size_t>(layout.group_begin[v + 1]);
         ++group) {
      const S* rows = J + group * R * K * kAbreast;
      const std::int32_t* index = layout.point.data() + group * kAbreast;
      for (std::size_t lane = 0; lane < kAbreast; lane += N) {
        hn::Vec<Sixteen<V>> x[3], share[3];
        gather_points<V>(points, index + lane, x);
        for (int k = 0; k < 3; ++k) share[k] = hn::Zero(d);
        for (int r = 0; r < R; ++r) {
          hn::Vec<Sixteen<V>> row[K];
          for (int c = 0; c < K; ++c) row[c] = load_as(d, rows + (r * K + c) * kAbreast + lane);
          auto even = hn::Zero(d), odd = hn::Zero(d);  // two chains, where the order is free
          for (int c = 0; c < C; ++c) {
            auto& sum = A == Accumulate::Single && c % 2 == 1 ? odd : even;
            sum = multiply_add<A>(d, row[c], hn::Set(d, pose[c]), sum);
          }
          for (int k = 0; k < 3; ++k) {
            auto& sum = A == Accumulate::Single && k % 2 == 1 ? odd : even;
            sum = multiply_add<A>(d, row[C + k], x[k], sum);
          }
          const auto w = operand<kRound>(d, A == Accumulate::Single ? hn::Add(even, odd) : even);
          square = hn::MulAdd(w, w, square);
          if (w_out != nullptr) hn::Store(w, d, w_out + (group * R + static_cast<std::size_t>(r)) * kAbreast + lane);
          for (int c = 0; c < C; ++c) sums[c] = multiply_add<A>(d, row[c], w, sums[c]);
          for (int k = 0; k < 3; ++k) share[k] = multiply_add<A>(d, row[C + k], w, share[k]);
        }
        if (direct == nullptr) {
          store_shares<V>(share, shares + (group * kAbreast + lane) * 4);
        } else {
          alignas(64) V local[4 * N];
          store_shares<V>(share, local);
          add_to_points<V>(local, index + lane, direct);
        }
      }
    }
    for (int c = 0; c < C; ++c) q[v * C + static_cast<std::size_t>(c)] = total<A>(d, sums[c]);
    squares += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, square)));
  }
  return squares;
}

template <class S, class V>
double normal_times(Accumulate accumulate,
                    const BundleLayout& layout,
                    const S* J,
                    const V* p,
                    V* q,
                    V* shares,
                    V* direct,
                    V* w,
                    Range range) {
  const auto run = [&](auto columns, auto rows) {
    constexpr int C = decltype(columns)::value, R = decltype(rows)::value;
    if constexpr (std::is_same_v<S, half>) {
      if (accumulate == Accumulate::HalfSeparate)
        return normal_times_views<Accumulate::HalfSeparate, R, C>(layout, J, p, q, shares, direct, w, range);
      if (accumulate == Accumulate::HalfFused)
        return normal_times_views<Accumulate::HalfFused, R, C>(layout, J, p, q, shares, direct, w, range);
    }
    return normal_times_views<Accumulate::Single, R, C>(layout, J, p, q, shares, direct, w, range);
  };
  return with_columns(layout.columns, [&](auto columns) {
    return layout.rows == 2 ? run(columns, std::integral_constant<int, 2>())
                            : run(columns, std::integral_constant<int, 3>());
  });
}

double normal_times_h(Accumulate a,
                      const BundleLayout& l,
                      const half* J,
                      const float* p,
                      float* q,
                      float* s,
                      float* direct,
                      float* w,
                      Range r) {
  return normal_times(a, l, J, p, q, s, direct, w, r);
}
double normal_times_f(Accumulate a,
                      const BundleLayout& l,
                      const float* J,
                      const float* p,
                      float* q,
                      float* s,
                      float* direct,
                      float* w,
                      Range r) {
  return normal_times(a, l, J, p, q, s, direct, w, r);
}
double normal_times_d(Accumulate a,
                      const BundleLayout& l,
                      const double* J,
                      const double* p,
                      double* q,
                      double* s,
                      double* direct,
                      double* w,
                      Range r) {
  return normal_times(a, l, J, p, q, s, direct, w, r);
}

/// q of points [begin, end): the sums of what their observations add, four numbers at a time.
template <class V>
HWY_ATTR void gather_shares(
    const BundleLayout& layout, const std::int32_t* places, const V* shares, V* q, Range range) {
  const hn::CappedTag<V, 4> d;
  for (std::size_t p = range.begin; p < range.end; ++p)
    for (std::size_t k = 0; k < 4; k += hn::Lanes(d)) {
      auto sum = hn::Zero(d);
      for (std::int32_t s = layout.point_begin[p]; s < layout.point_begin[p + 1]; ++s)
        sum = hn::Add(sum, hn::Load(d, shares + places[s] + k));
      hn::StoreU(sum, d, q + 4 * p + k);
    }
}
void gather_f(const BundleLayout& layout, const std::int32_t* places, const float* shares, float* q, Range range) {
  gather_shares(layout, places, shares, q, range);
}
void gather_d(const BundleLayout& layout, const std::int32_t* places, const double* shares, double* q, Range range) {
  gather_shares(layout, places, shares, q, range);
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(normal_times_h);
HWY_EXPORT(normal_times_f);
HWY_EXPORT(normal_times_d);
HWY_EXPORT(find_places_f);
HWY_EXPORT(find_places_d);
HWY_EXPORT(gather_f);
HWY_EXPORT(gather_d);

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
  if constexpr (std::is_same_v<V, float>)
    HWY_DYNAMIC_DISPATCH(find_places_f)(layout_, places_.data());
  else
    HWY_DYNAMIC_DISPATCH(find_places_d)(layout_, places_.data());
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

template <class S>
double NormalProduct<S>::operator()(std::span<const V> p, V lambda, std::span<V> q) {
  constexpr bool kHalf = std::is_same_v<S, half>;
  const V scale = std::exchange(loaded_, nullptr) == p.data() ? scale_ : load_operand(p);
  if (keep_w) w.resize(layout_.slots() * at(layout_.rows));
  const std::size_t views = at(layout_.views), parts = std::max<std::size_t>(1, num_parts(views, kViewGrain));
  // One thread adds shares up at once. Several put them down first; the order of a sum, by view, is the same.
  V* const direct = workers_.num_threads() == 1 ? sums_.data() : nullptr;
  if (direct != nullptr) std::fill(sums_.begin(), sums_.end(), V(0));
  std::array<double, 16> squares{};
  const auto some = [&](std::size_t part) {
    const Range range = part_of(views, parts, part);
    V* out = keep_w ? w.data() : nullptr;
    if constexpr (kHalf)
      squares[part] = HWY_DYNAMIC_DISPATCH(normal_times_h)(
          accumulate_, layout_, J_, p_.data(), q.data(), shares_.data(), direct, out, range);
    else if constexpr (std::is_same_v<S, float>)
      squares[part] = HWY_DYNAMIC_DISPATCH(normal_times_f)(
          accumulate_, layout_, J_, p_.data(), q.data(), shares_.data(), direct, out, range);
    else
      squares[part] = HWY_DYNAMIC_DISPATCH(normal_times_d)(
          accumulate_, layout_, J_, p_.data(), q.data(), shares_.data(), direct, out, range);
  };
  if (direct != nullptr || parts == 1)
    for (std::size_t part = 0; part < parts; ++part) some(part);
  else
    workers_.run(parts, some);
  double sum = 0;
  for (const double s : squares) sum += s;
  V* points = q.data() + views * at(layout_.columns);
  if (direct != nullptr)
    std::copy(sums_.begin(), sums_.end() - 4, points);
  else
    for_ranges(workers_, at(layout_.points), kPointGrain, [&](Range range) {
      if constexpr (std::is_same_v<V, float>)
        HWY_DYNAMIC_DISPATCH(gather_f)(layout_, places_.data(), shares_.data(), points, range);
      else
        HWY_DYNAMIC_DISPATCH(gather_d)(layout_, places_.data(), shares_.data(), points, range);
    });
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = q[i] * scale + lambda * p[i];
  const double damped = dot(p, p);
  return sum * static_cast<double>(scale) * static_cast<double>(scale) + static_cast<double>(lambda) * damped;
}

template class NormalProduct<half>;
template class NormalProduct<float>;
template class NormalProduct<double>;

}  // namespace pipit
#endif  // HWY_ONCE
