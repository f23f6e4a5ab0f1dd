#include "sparse/chain_lanes.h"

#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sparse/chain_lanes.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Fixed sizes are unrolled; any other goes the same way.
template <int Fixed>
struct Side {
  int size;
  HWY_INLINE constexpr int operator()() const { return Fixed > 0 ? Fixed : size; }
};

/// Calls the body with the lanes of a group, one vector after the other, and with the size as a constant.
#define PIPIT_EVERY_LANE(T, lane)        \
  const hn::CappedTag<T, kChainGroup> d; \
  for (size_t lane = 0; lane < kChainGroup; lane += hn::Lanes(d))

template <int Fixed, class T>
HWY_INLINE bool factor_here(
    Side<Fixed> side, int num_ends, const T* HWY_RESTRICT D, const T* E, T* HWY_RESTRICT F, T* P) {
  const int B = side();
  const size_t area = static_cast<size_t>(B * B) * kChainGroup;
  bool fine = true;
  PIPIT_EVERY_LANE(T, lane) {
    using V = hn::Vec<decltype(d)>;
    const auto number = [=](size_t c, size_t r)
                            HWY_ATTR { return (c * static_cast<size_t>(B) + r) * kChainGroup + lane; };
    // L column by column into F, its diagonal as reciprocals; then its inverse in place, from the last column on.
    for (int c = 0; c < B; ++c) {
      V pivot = hn::LoadU(d, D + number(c, c));
      for (int k = 0; k < c; ++k) {
        const V l = hn::LoadU(d, F + number(k, c));
        pivot = hn::NegMulAdd(l, l, pivot);
      }
      fine = fine && hn::AllTrue(d, hn::And(hn::Gt(pivot, hn::Zero(d)), hn::IsFinite(pivot)));
      const V up = hn::Div(hn::Set(d, T(1)), hn::Sqrt(pivot));
      hn::StoreU(up, d, F + number(c, c));
      for (int r = c + 1; r < B; ++r) {
        V sum = hn::LoadU(d, D + number(c, r));
        for (int k = 0; k < c; ++k)
          sum = hn::NegMulAdd(hn::LoadU(d, F + number(k, r)), hn::LoadU(d, F + number(k, c)), sum);
        hn::StoreU(hn::Mul(sum, up), d, F + number(c, r));
      }
    }
    // Row r of L^-1 needs L's rows up to r and the rows of L^-1 before it: row by row, L's row r is read out first.
    for (int r = 1; r < B; ++r) {
      const V up = hn::LoadU(d, F + number(r, r));
      for (int c = 0; c < r; ++c) {
        V sum = hn::Zero(d);
        for (int k = c; k < r; ++k)  // F(k, r) is still L for k >= c, since columns are finished from the left
          sum = hn::MulAdd(hn::LoadU(d, F + number(k, r)), hn::LoadU(d, F + number(c, k)), sum);
        hn::StoreU(hn::Neg(hn::Mul(sum, up)), d, F + number(c, r));
      }
    }
    for (size_t e = 0; e < static_cast<size_t>(num_ends); ++e) {
      const T* HWY_RESTRICT from = E + e * area;
      T* HWY_RESTRICT X = F + (1 + e) * area;
      for (int c = 0; c < B; ++c)
        for (int r = 0; r < B; ++r) {
          V sum = hn::Mul(hn::LoadU(d, from + number(0, r)), hn::LoadU(d, F + number(0, c)));
          for (int k = 1; k <= c; ++k)
            sum = hn::MulAdd(hn::LoadU(d, from + number(k, r)), hn::LoadU(d, F + number(k, c)), sum);
          hn::StoreU(sum, d, X + number(c, r));
        }
    }
    T* HWY_RESTRICT to = P;
    for (size_t j = 0; j < static_cast<size_t>(num_ends); ++j)
      for (size_t i = 0; i <= j; ++i, to += area) {
        const T* HWY_RESTRICT left = F + (1 + i) * area;
        const T* HWY_RESTRICT right = F + (1 + j) * area;
        for (int c = 0; c < B; ++c)
          for (int r = 0; r < B; ++r) {
            V sum = hn::Mul(hn::LoadU(d, left + number(0, r)), hn::LoadU(d, right + number(0, c)));
            for (int k = 1; k < B; ++k)
              sum = hn::MulAdd(hn::LoadU(d, left + number(k, r)), hn::LoadU(d, right + number(k, c)), sum);
            hn::StoreU(sum, d, to + number(c, r));
          }
      }
  }
  return fine;
}

template <int Fixed, class T>
HWY_INLINE void reduce_here(
    Side<Fixed> side, int num_ends, const T* HWY_RESTRICT F, const T* HWY_RESTRICT g, T* HWY_RESTRICT y, T* pull) {
  const int B = side();
  const size_t area = static_cast<size_t>(B * B) * kChainGroup, length = static_cast<size_t>(B) * kChainGroup;
  PIPIT_EVERY_LANE(T, lane) {
    using V = hn::Vec<decltype(d)>;
    for (int r = 0; r < B; ++r) {
      V sum = hn::Zero(d);
      for (int k = 0; k <= r; ++k)
        sum = hn::MulAdd(hn::LoadU(d, F + static_cast<size_t>(k * B + r) * kChainGroup + lane),
                         hn::LoadU(d, g + static_cast<size_t>(k) * kChainGroup + lane),
                         sum);
      hn::StoreU(sum, d, y + static_cast<size_t>(r) * kChainGroup + lane);
    }
    for (size_t e = 0; e < static_cast<size_t>(num_ends); ++e)
      for (int r = 0; r < B; ++r) {
        V sum = hn::Zero(d);
        for (int k = 0; k < B; ++k)
          sum = hn::MulAdd(hn::LoadU(d, F + (1 + e) * area + static_cast<size_t>(k * B + r) * kChainGroup + lane),
                           hn::LoadU(d, y + static_cast<size_t>(k) * kChainGroup + lane),
                           sum);
        hn::StoreU(sum, d, pull + e * length + static_cast<size_t>(r) * kChainGroup + lane);
      }
  }
}

template <int Fixed, class T>
HWY_INLINE void extend_here(
    Side<Fixed> side, int num_ends, const T* HWY_RESTRICT F, const T* y, const T* z, T* HWY_RESTRICT dx) {
  const int B = side();
  const size_t area = static_cast<size_t>(B * B) * kChainGroup, length = static_cast<size_t>(B) * kChainGroup;
  PIPIT_EVERY_LANE(T, lane) {
    using V = hn::Vec<decltype(d)>;
    // From the last on: dx(c) needs the sums of rows c, c + 1, .., of which only row c is new.
    for (int c = 0; c < B; ++c) hn::StoreU(hn::Zero(d), d, dx + static_cast<size_t>(c) * kChainGroup + lane);
    for (int r = 0; r < B; ++r) {
      V sum = hn::LoadU(d, y + static_cast<size_t>(r) * kChainGroup + lane);
      for (size_t e = 0; e < static_cast<size_t>(num_ends); ++e)
        for (int k = 0; k < B; ++k)
          sum = hn::MulAdd(hn::LoadU(d, F + (1 + e) * area + static_cast<size_t>(r * B + k) * kChainGroup + lane),
                           hn::LoadU(d, z + e * length + static_cast<size_t>(k) * kChainGroup + lane),
                           sum);
      for (int c = 0; c <= r; ++c) {
        T* to = dx + static_cast<size_t>(c) * kChainGroup + lane;
        const V l = hn::LoadU(d, F + static_cast<size_t>(c * B + r) * kChainGroup + lane);
        hn::StoreU(hn::NegMulAdd(l, sum, hn::LoadU(d, to)), d, to);
      }
    }
  }
}
#undef PIPIT_EVERY_LANE

#define PIPIT_NAMED_CHAINS(T)                                                       \
  bool factor_##T(int B, int num_ends, const T* D, const T* E, T* F, T* P) {        \
    return B == 3   ? factor_here(Side<3>{B}, num_ends, D, E, F, P)                 \
           : B == 6 ? factor_here(Side<6>{B}, num_ends, D, E, F, P)                 \
                    : factor_here(Side<0>{B}, num_ends, D, E, F, P);                \
  }                                                                                 \
  void reduce_##T(int B, int num_ends, const T* F, const T* g, T* y, T* pull) {     \
    B == 3   ? reduce_here(Side<3>{B}, num_ends, F, g, y, pull)                     \
    : B == 6 ? reduce_here(Side<6>{B}, num_ends, F, g, y, pull)                     \
             : reduce_here(Side<0>{B}, num_ends, F, g, y, pull);                    \
  }                                                                                 \
  void extend_##T(int B, int num_ends, const T* F, const T* y, const T* z, T* dx) { \
    B == 3   ? extend_here(Side<3>{B}, num_ends, F, y, z, dx)                       \
    : B == 6 ? extend_here(Side<6>{B}, num_ends, F, y, z, dx)                       \
             : extend_here(Side<0>{B}, num_ends, F, y, z, dx);                      \
  }
PIPIT_NAMED_CHAINS(float)
PIPIT_NAMED_CHAINS(double)
#undef PIPIT_NAMED_CHAINS

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {

#define PIPIT_DEFINE_CHAINS(T)                                                         \
  HWY_EXPORT(factor_##T);                                                              \
  HWY_EXPORT(reduce_##T);                                                              \
  HWY_EXPORT(extend_##T);                                                              \
  template <>                                                                          \
  bool factor_chains(int B, int num_ends, const T* D, const T* E, T* F, T* P) {        \
    return HWY_DYNAMIC_DISPATCH(factor_##T)(B, num_ends, D, E, F, P);                  \
  }                                                                                    \
  template <>                                                                          \
  void reduce_chains(int B, int num_ends, const T* F, const T* g, T* y, T* pull) {     \
    HWY_DYNAMIC_DISPATCH(reduce_##T)(B, num_ends, F, g, y, pull);                      \
  }                                                                                    \
  template <>                                                                          \
  void extend_chains(int B, int num_ends, const T* F, const T* y, const T* z, T* dx) { \
    HWY_DYNAMIC_DISPATCH(extend_##T)(B, num_ends, F, y, z, dx);                        \
  }
PIPIT_DEFINE_CHAINS(float)
PIPIT_DEFINE_CHAINS(double)
#undef PIPIT_DEFINE_CHAINS

}  // namespace pipit
#endif  // HWY_ONCE
