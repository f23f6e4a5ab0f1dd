// bits/block_lanes-inl.h — one column of a small block as vectors, once per instruction set. Only for .cc files of
// bits.
#if defined(PIPIT_BITS_BLOCK_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIPIT_BITS_BLOCK_LANES_INL_H_
#undef PIPIT_BITS_BLOCK_LANES_INL_H_
#else
#define PIPIT_BITS_BLOCK_LANES_INL_H_
#endif

#include "bits/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {

/// R numbers in as few vectors as will hold them. A load takes kPadded >= R elements: what lies beyond the R-th is the
/// next column's (or a padded copy's) and ends in lanes that nobody reads.
template <int R, class V>
struct ColumnLanes {
  using D = hn::CappedTag<V, (R <= 2 ? 2 : R <= 4 ? 4 : 8)>;
  static constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
  static constexpr int kVectors = (R + kLanes - 1) / kLanes;
  static constexpr int kPadded = kVectors * kLanes;
  using Vector = hn::Vec<D>;

  struct Sum {
    Vector v[kVectors];
    HWY_INLINE Sum() {}  // by hand: an implicit one would be built for the baseline instruction set
    HWY_INLINE void clear() {
      for (int i = 0; i < kVectors; ++i) v[i] = hn::Zero(D());
    }
    template <class S>
    HWY_INLINE void load(const S* column) {
      for (int i = 0; i < kVectors; ++i) v[i] = load_as(D(), column + i * kLanes);
    }
    /// += column * x, x one number for all rows or a vector of them.
    template <Accumulate A, class S>
    HWY_INLINE void add_scaled(const S* column, V x) {
      const auto all = hn::Set(D(), x);
      for (int i = 0; i < kVectors; ++i) add_one<A>(i, load_as(D(), column + i * kLanes), all);
    }
    template <Accumulate A, class S>
    HWY_INLINE void add_product(const S* column, const Sum& x) {
      for (int i = 0; i < kVectors; ++i) add_one<A>(i, load_as(D(), column + i * kLanes), x.v[i]);
    }
    HWY_INLINE void scale(V x) {
      for (int i = 0; i < kVectors; ++i) v[i] = hn::Mul(v[i], hn::Set(D(), x));
    }
    /// Stores kPadded elements.
    HWY_INLINE void store(V* to) const {
      for (int i = 0; i < kVectors; ++i) hn::StoreU(v[i], D(), to + i * kLanes);
    }

   private:
    /// All-half sums are the slow example: a call each keeps the code small.
    template <Accumulate A>
    static HWY_NOINLINE Vector called_mul_add(Vector column, Vector x, Vector sum) {
      return half_mul_add<A>(D(), column, x, sum);
    }
    template <Accumulate A>
    HWY_INLINE void add_one(int i, Vector column, Vector x) {
      if constexpr (A == Accumulate::Single) {
        v[i] = hn::MulAdd(column, x, v[i]);
      } else {
        v[i] = called_mul_add<A>(column, x, v[i]);
      }
    }
  };
};

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();
#endif  // include guard per target
