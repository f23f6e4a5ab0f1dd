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

/// One column of a block in as few vectors as hold it; lanes beyond B carry zeros.
template <int B, class T>
struct Column {
  static constexpr int kPadded = B <= 4 ? 4 : 8;
  using D = hn::CappedTag<T, kPadded>;
  static constexpr int kVectors = kPadded / static_cast<int>(hn::MaxLanes(D()));
  hn::Vec<D> part[kVectors];

  HWY_INLINE void clear() {
    for (auto& p : part) p = hn::Zero(D());
  }
  HWY_INLINE void load(const T* from) {
    for (int k = 0; k < kVectors; ++k) part[k] = hn::LoadU(D(), from + k * hn::Lanes(D()));
  }
  HWY_INLINE void add_scaled(const Column& x, T factor) {
    const auto all = hn::Set(D(), factor);
    for (int k = 0; k < kVectors; ++k) part[k] = hn::MulAdd(x.part[k], all, part[k]);
  }
  HWY_INLINE void store(T* to) const {
    for (int k = 0; k < kVectors; ++k) hn::StoreU(part[k], D(), to + k * hn::Lanes(D()));
  }
};

template <int R, int B, class J, class H>
HWY_INLINE void add_term(const GramTerm<J>& term, bool gradient, Column<B, H> (&sum)[B], Column<B, double>& g) {
  constexpr int kPadded = Column<B, H>::kPadded;
  H rows[R * kPadded];  // A by rows, padded
  for (int row = 0; row < R; ++row) {
    for (int i = 0; i < B; ++i) rows[row * kPadded + i] = static_cast<H>(term.a[i * R + row]);
    for (int i = B; i < kPadded; ++i) rows[row * kPadded + i] = H(0);
  }
  for (int row = 0; row < R; ++row) {
    Column<B, H> a;
    a.load(rows + row * kPadded);
    for (int j = 0; j < B; ++j) sum[j].add_scaled(a, static_cast<H>(term.c[j * R + row]));
    if (!gradient) continue;
    if constexpr (std::is_same_v<H, double>) {
      g.add_scaled(a, term.r[row]);
    } else {
      double wide[kPadded];
      for (int i = 0; i < kPadded; ++i) wide[i] = static_cast<double>(rows[row * kPadded + i]);
      Column<B, double> w;
      w.load(wide);
      g.add_scaled(w, term.r[row]);
    }
  }
}

template <int B, class J, class H>
HWY_INLINE bool gram_sized(std::span<const GramTerm<J>> terms, H* out, double* g) {
  constexpr int kPadded = Column<B, H>::kPadded;
  Column<B, H> sum[B];
  Column<B, double> pull;
  for (auto& column : sum) column.clear();
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
  H column[kPadded];
  for (int j = 0; j < B; ++j) {
    sum[j].store(column);
    std::copy_n(column, B, out + j * B);
  }
  if (g != nullptr) {
    double all[Column<B, double>::kPadded];
    pull.store(all);
    std::copy_n(all, B, g);
  }
  return true;
}

template <class J, class H>
HWY_INLINE void gram_any(int B, std::span<const GramTerm<J>> terms, H* out, double* g) {
  if (B == 6 && gram_sized<6>(terms, out, g)) return;
  if (B == 3 && gram_sized<3>(terms, out, g)) return;
  gram_ref(B, terms, out, g);
}

#define PIPIT_NAMED_GRAM(J, H) \
  void gram_##J##_##H(int B, std::span<const GramTerm<J>> terms, H* out, double* g) { gram_any(B, terms, out, g); }
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

#define PIPIT_DEFINE_GRAM(J, H)                                                    \
  HWY_EXPORT(gram_##J##_##H);                                                      \
  template <>                                                                      \
  void gram(int B, std::span<const GramTerm<J>> terms, H* out, double* g) {        \
    HWY_DYNAMIC_DISPATCH(gram_##J##_##H)(B, terms, out, g);                        \
  }
PIPIT_DEFINE_GRAM(float, float)
PIPIT_DEFINE_GRAM(float, double)
PIPIT_DEFINE_GRAM(double, float)
PIPIT_DEFINE_GRAM(double, double)
#undef PIPIT_DEFINE_GRAM

}  // namespace pipit
#endif  // HWY_ONCE
