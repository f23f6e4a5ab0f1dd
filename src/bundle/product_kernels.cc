#include "bundle/product_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bundle/product_kernels.cc"
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

/// Views of `range`. Yields the sum of w^2. Every number of J is loaded once: with C = 6 and R = 2 they stay in 18
/// registers between the two products.
template <Pass kPass, Accumulate A, int R, int C, class S, class V>
HWY_ATTR double pass_over_views(const BundleLayout& layout, const S* J, const PassVectors<V>& to, Range range) {
  constexpr bool kFromPoints = kPass != Pass::ViewsToPoints, kToPoints = kPass != Pass::AllToViews,
                 kToViews = kPass != Pass::ViewsToPoints;
  constexpr bool kRound = std::is_same_v<S, half> && kPass == Pass::AllToAll;
  constexpr int K = C + 3;
  const Sixteen<V> d;
  constexpr size_t N = hn::MaxLanes(d);
  const V* points = to.p + static_cast<std::size_t>(layout.views) * C;
  double squares = 0;
  for (std::size_t v = range.begin; v < range.end; ++v) {
    const V* pose = to.p + v * C;
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
        if constexpr (kFromPoints) gather_points<V>(points, index + lane, x);
        for (int k = 0; k < 3; ++k) share[k] = hn::Zero(d);
        for (int r = 0; r < R; ++r) {
          hn::Vec<Sixteen<V>> row[K];
          for (int c = 0; c < K; ++c) row[c] = load_as(d, rows + (r * K + c) * kAbreast + lane);
          auto even = hn::Zero(d), odd = hn::Zero(d);  // two chains, where the order is free
          for (int c = 0; c < C; ++c) {
            auto& sum = A == Accumulate::Single && c % 2 == 1 ? odd : even;
            sum = multiply_add<A>(d, row[c], hn::Set(d, pose[c]), sum);
          }
          if constexpr (kFromPoints)
            for (int k = 0; k < 3; ++k) {
              auto& sum = A == Accumulate::Single && k % 2 == 1 ? odd : even;
              sum = multiply_add<A>(d, row[C + k], x[k], sum);
            }
          const auto w = operand<kRound>(d, A == Accumulate::Single ? hn::Add(even, odd) : even);
          square = hn::MulAdd(w, w, square);
          if (to.w != nullptr) hn::Store(w, d, to.w + (group * R + static_cast<std::size_t>(r)) * kAbreast + lane);
          if constexpr (kToViews)
            for (int c = 0; c < C; ++c) sums[c] = multiply_add<A>(d, row[c], w, sums[c]);
          if constexpr (kToPoints)
            for (int k = 0; k < 3; ++k) share[k] = multiply_add<A>(d, row[C + k], w, share[k]);
        }
        if constexpr (kToPoints) {
          if (to.direct == nullptr) {
            store_shares<V>(share, to.shares + (group * kAbreast + lane) * 4);
          } else {
            alignas(64) V local[4 * N];
            store_shares<V>(share, local);
            add_to_points<V>(local, index + lane, to.direct);
          }
        }
      }
    }
    if constexpr (kToViews)
      for (int c = 0; c < C; ++c) to.q[v * C + static_cast<std::size_t>(c)] = total<A>(d, sums[c]);
    squares += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, square)));
  }
  return squares;
}

template <class S, class V>
double any_pass(
    Pass pass, Accumulate sums, const BundleLayout& layout, const S* J, const PassVectors<V>& to, Range range) {
  const auto run = [&](auto columns, auto rows) {
    constexpr int C = decltype(columns)::value, R = decltype(rows)::value;
    if (pass == Pass::ViewsToPoints)
      return pass_over_views<Pass::ViewsToPoints, Accumulate::Single, R, C>(layout, J, to, range);
    if (pass == Pass::AllToViews)
      return pass_over_views<Pass::AllToViews, Accumulate::Single, R, C>(layout, J, to, range);
    if constexpr (std::is_same_v<S, half>) {
      if (sums == Accumulate::HalfSeparate)
        return pass_over_views<Pass::AllToAll, Accumulate::HalfSeparate, R, C>(layout, J, to, range);
      if (sums == Accumulate::HalfFused)
        return pass_over_views<Pass::AllToAll, Accumulate::HalfFused, R, C>(layout, J, to, range);
    }
    return pass_over_views<Pass::AllToAll, Accumulate::Single, R, C>(layout, J, to, range);
  };
  return with_columns(layout.columns, [&](auto columns) {
    return layout.rows == 2 ? run(columns, std::integral_constant<int, 2>())
                            : run(columns, std::integral_constant<int, 3>());
  });
}
double pass_h(Pass p, Accumulate a, const BundleLayout& l, const half* J, const PassVectors<float>& to, Range r) {
  return any_pass(p, a, l, J, to, r);
}
double pass_f(Pass p, Accumulate a, const BundleLayout& l, const float* J, const PassVectors<float>& to, Range r) {
  return any_pass(p, a, l, J, to, r);
}
double pass_d(Pass p, Accumulate a, const BundleLayout& l, const double* J, const PassVectors<double>& to, Range r) {
  return any_pass(p, a, l, J, to, r);
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

/// B'B of each point. One thread: few numbers beside a product's.
template <class S, class V>
HWY_ATTR void sum_point_blocks(const BundleLayout& layout, const S* J, V* blocks) {
  const Sixteen<V> d;
  constexpr size_t N = hn::MaxLanes(d);
  const auto K = static_cast<size_t>(layout.columns) + 3, R = static_cast<size_t>(layout.rows);
  for (size_t group = 0; group < static_cast<size_t>(layout.groups); ++group)
    for (size_t lane = 0; lane < kAbreast; lane += N) {
      hn::Vec<Sixteen<V>> sums[6];
      for (auto& sum : sums) sum = hn::Zero(d);
      for (size_t r = 0; r < R; ++r) {
        const S* row = J + ((group * R + r) * K + K - 3) * kAbreast + lane;
        const auto x = load_as(d, row), y = load_as(d, row + kAbreast), z = load_as(d, row + 2 * kAbreast);
        sums[0] = hn::MulAdd(x, x, sums[0]), sums[1] = hn::MulAdd(y, x, sums[1]), sums[2] = hn::MulAdd(z, x, sums[2]);
        sums[3] = hn::MulAdd(y, y, sums[3]), sums[4] = hn::MulAdd(z, y, sums[4]), sums[5] = hn::MulAdd(z, z, sums[5]);
      }
      alignas(64) V fields[6][N];
      for (int k = 0; k < 6; ++k) hn::Store(sums[k], d, fields[k]);
      const std::int32_t* index = layout.point.data() + group * kAbreast + lane;
      for (size_t i = 0; i < N; ++i)
        for (int k = 0; k < 6; ++k) blocks[static_cast<size_t>(index[i]) * 6 + static_cast<size_t>(k)] += fields[k][i];
    }
}
void point_blocks_h(const BundleLayout& layout, const half* J, float* blocks) { sum_point_blocks(layout, J, blocks); }
void point_blocks_f(const BundleLayout& layout, const float* J, float* blocks) { sum_point_blocks(layout, J, blocks); }
void point_blocks_d(const BundleLayout& layout, const double* J, double* blocks) {
  sum_point_blocks(layout, J, blocks);
}

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {
namespace {

HWY_EXPORT(pass_h);
HWY_EXPORT(pass_f);
HWY_EXPORT(pass_d);
HWY_EXPORT(find_places_f);
HWY_EXPORT(find_places_d);
HWY_EXPORT(gather_f);
HWY_EXPORT(gather_d);
HWY_EXPORT(point_blocks_h);
HWY_EXPORT(point_blocks_f);
HWY_EXPORT(point_blocks_d);

}  // namespace

double jacobian_pass(
    Pass p, Accumulate a, const BundleLayout& l, const half* J, const PassVectors<float>& to, Range r) {
  return HWY_DYNAMIC_DISPATCH(pass_h)(p, a, l, J, to, r);
}
double jacobian_pass(
    Pass p, Accumulate a, const BundleLayout& l, const float* J, const PassVectors<float>& to, Range r) {
  return HWY_DYNAMIC_DISPATCH(pass_f)(p, a, l, J, to, r);
}
double jacobian_pass(
    Pass p, Accumulate a, const BundleLayout& l, const double* J, const PassVectors<double>& to, Range r) {
  return HWY_DYNAMIC_DISPATCH(pass_d)(p, a, l, J, to, r);
}

template <class V>
void find_share_places(const BundleLayout& layout, std::span<std::int32_t> places) {
  if constexpr (sizeof(V) == 4)
    HWY_DYNAMIC_DISPATCH(find_places_f)(layout, places.data());
  else
    HWY_DYNAMIC_DISPATCH(find_places_d)(layout, places.data());
}
template void find_share_places<float>(const BundleLayout&, std::span<std::int32_t>);
template void find_share_places<double>(const BundleLayout&, std::span<std::int32_t>);

void sum_shares(const BundleLayout& layout, const std::int32_t* places, const float* shares, float* q, Range range) {
  HWY_DYNAMIC_DISPATCH(gather_f)(layout, places, shares, q, range);
}
void sum_shares(const BundleLayout& layout, const std::int32_t* places, const double* shares, double* q, Range range) {
  HWY_DYNAMIC_DISPATCH(gather_d)(layout, places, shares, q, range);
}

void add_point_blocks(const BundleLayout& layout, const half* J, float* blocks) {
  HWY_DYNAMIC_DISPATCH(point_blocks_h)(layout, J, blocks);
}
void add_point_blocks(const BundleLayout& layout, const float* J, float* blocks) {
  HWY_DYNAMIC_DISPATCH(point_blocks_f)(layout, J, blocks);
}
void add_point_blocks(const BundleLayout& layout, const double* J, double* blocks) {
  HWY_DYNAMIC_DISPATCH(point_blocks_d)(layout, J, blocks);
}

}  // namespace pipit
#endif  // HWY_ONCE
