#include "bits/gram.h"

#include <algorithm>
#include <cstddef>

#include "bits/gram_ref.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bits/gram.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pipit {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// One row of a block, or one column of a product, in as few vectors as hold it; what stands beyond B is not used.
template <int B, class T>
struct Piece {
  static constexpr int kPadded = B <= 4 ? 4 : 8;
  using D = hn::CappedTag<T, kPadded>;
  static constexpr int kVectors = kPadded / static_cast<int>(hn::MaxLanes(D()));
  hn::Vec<D> part[kVectors];

  HWY_INLINE void clear() {
    for (auto& p : part) p = hn::Zero(D());
  }
  /// Reads kPadded numbers.
  template <class From>
  HWY_INLINE void load(const From* from) {
    const hn::Rebind<From, D> d_from;
    for (int k = 0; k < kVectors; ++k) {
      const auto given = hn::LoadU(d_from, from + k * hn::Lanes(D()));
      if constexpr (sizeof(From) == sizeof(T))
        part[k] = given;
      else
        part[k] = hn::PromoteTo(D(), given);
    }
  }
  HWY_INLINE void add_scaled(const Piece& x, T factor) {
    const auto all = hn::Set(D(), factor);
    for (int k = 0; k < kVectors; ++k) part[k] = hn::MulAdd(x.part[k], all, part[k]);
  }
  HWY_INLINE void store(T* to) const {
    for (int k = 0; k < kVectors; ++k) hn::StoreU(part[k], D(), to + k * hn::Lanes(D()));
  }
};

template <int R, int B, class J, class H>
HWY_INLINE void add_term(const GramTerm<J>& term, bool gradient, Piece<B, H> (&sum)[B], Piece<B, double>& g) {
  for (int row = 0; row < R; ++row) {
    Piece<B, H> a;
    a.load(term.a + row * B);
    for (int j = 0; j < B; ++j) sum[j].add_scaled(a, static_cast<H>(term.c[row * B + j]));
    if (!gradient) continue;
    Piece<B, double> wide;
    wide.load(term.a + row * B);
    g.add_scaled(wide, term.r[row]);
  }
}

template <int B, class J, class H>
HWY_INLINE bool gram_sized(std::span<const GramTerm<J>> terms, H* out, double* g) {
  Piece<B, H> sum[B];
  Piece<B, double> pull;
  for (int j = 0; j < B; ++j) sum[j].clear();
  pull.clear();
  for (const GramTerm<J>& term : terms) {
    const bool gradient = g != nullptr && term.r != nullptr;
    if constexpr (B == 6) {
      if (term.R != 6) return false;
      add_term<6, 6>(term, gradient, sum, pull);
    } else {
      if (term.R != 3 && term.R != 2) return false;
      term.R == 3 ? add_term<3, B>(term, gradient, sum, pull) : add_term<2, B>(term, gradient, sum, pull);
    }
  }
  H column[Piece<B, H>::kPadded];
  for (int j = 0; j < B; ++j) {
    sum[j].store(column);
    std::copy_n(column, B, out + j * B);
  }
  if (g != nullptr) {
    double all[Piece<B, double>::kPadded];
    pull.store(all);
    std::copy_n(all, B, g);
  }
  return true;
}

template <class J, class H>
HWY_INLINE void gram_any(int B, BlockOrder order, std::span<const GramTerm<J>> terms, H* out, double* g) {
  if constexpr (sizeof(J) <= sizeof(H)) {
    const bool rows = order == BlockOrder::Rows;
    if (rows && B == 6 && gram_sized<6>(terms, out, g)) return;
    if (rows && B == 3 && gram_sized<3>(terms, out, g)) return;
  }
  gram_ref(B, order, terms, out, g);
}

template <class J, class H>
HWY_INLINE void gram_column_any(
    int B, BlockOrder order, std::span<const std::int64_t> begin, const GramTerm<J>* terms, H* out, double* g) {
  for (size_t k = 0; k + 1 < begin.size(); ++k, out += B * B)
    gram_any<J, H>(B, order, {terms + begin[k], terms + begin[k + 1]}, out, k == 0 ? g : nullptr);
}

#define PIPIT_NAMED_GRAM(J, H)                                                                                     \
  void gram_##J##_##H(int B, BlockOrder order, std::span<const GramTerm<J>> terms, H* out, double* g) {            \
    gram_any(B, order, terms, out, g);                                                                             \
  }                                                                                                                \
  void column_##J##_##H(                                                                                           \
      int B, BlockOrder order, std::span<const std::int64_t> begin, const GramTerm<J>* terms, H* out, double* g) { \
    gram_column_any(B, order, begin, terms, out, g);                                                               \
  }
PIPIT_NAMED_GRAM(float, float)
PIPIT_NAMED_GRAM(float, double)
PIPIT_NAMED_GRAM(double, float)
PIPIT_NAMED_GRAM(double, double)
#undef PIPIT_NAMED_GRAM

}  // namespace HWY_NAMESPACE
}  // namespace pipit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pipit {

#define PIPIT_DEFINE_GRAM(J, H)                                                                                    \
  HWY_EXPORT(gram_##J##_##H);                                                                                      \
  HWY_EXPORT(column_##J##_##H);                                                                                    \
  template <>                                                                                                      \
  void gram(int B, BlockOrder order, std::span<const GramTerm<J>> terms, H* out, double* g) {                      \
    HWY_DYNAMIC_DISPATCH(gram_##J##_##H)(B, order, terms, out, g);                                                 \
  }                                                                                                                \
  template <>                                                                                                      \
  void gram_column(                                                                                                \
      int B, BlockOrder order, std::span<const std::int64_t> begin, const GramTerm<J>* terms, H* out, double* g) { \
    HWY_DYNAMIC_DISPATCH(column_##J##_##H)(B, order, begin, terms, out, g);                                        \
  }
PIPIT_DEFINE_GRAM(float, float)
PIPIT_DEFINE_GRAM(float, double)
PIPIT_DEFINE_GRAM(double, float)
PIPIT_DEFINE_GRAM(double, double)
#undef PIPIT_DEFINE_GRAM

}  // namespace pipit
#endif  // HWY_ONCE
