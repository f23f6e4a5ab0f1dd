#include "factor/incomplete.h"

#include <algorithm>
#include <numeric>

#include "bits/half_number.h"
#include "factor/dense_ref.h"

namespace pipit {
namespace {

template <class T>
void take_off(const T* left, const T* right, int B, T* out) {
  if constexpr (std::is_floating_point_v<T>)
    subtract_product(left, right, B, out);
  else
    reference::subtract_product(left, right, B, out);
}

}  // namespace

IncompletePlan plan_incomplete(const BlockPattern& pattern, std::shared_ptr<const PanelLayout> layout, int B) {
  IncompletePlan plan;
  plan.layout = std::move(layout);
  plan.B = B;
  const PanelLayout& l = *plan.layout;
  expects(l.num_panels() == l.n, "plan_incomplete: panels must be single block columns");
  plan.entries = plan_entries(pattern, l);
  // Block of row i in column j, or -1.
  const auto find = [&](int i, int j) -> std::int64_t {
    if (i == j) return plan.first_block(j);
    const auto begin = l.rows.begin() + l.row_begin[j], end = l.rows.begin() + l.row_begin[j + 1];
    const auto at = std::lower_bound(begin, end, i);
    return at != end && *at == i ? plan.first_block(j) + 1 + (at - begin) : -1;
  };
  const auto each = [&](const auto& body) {
    for (int k = 0; k < l.n; ++k)
      for (std::int64_t p = l.row_begin[k]; p < l.row_begin[k + 1]; ++p)
        for (std::int64_t q = p; q < l.row_begin[k + 1]; ++q)
          if (const std::int64_t target = find(l.rows[q], l.rows[p]); target >= 0)
            body(l.rows[p],
                 BlockUpdate{static_cast<std::int32_t>(target),
                             static_cast<std::int32_t>(q + k + 1),
                             static_cast<std::int32_t>(p + k + 1)});
  };
  plan.update_begin.assign(static_cast<std::size_t>(l.n) + 1, 0);
  each([&](int j, const BlockUpdate&) { ++plan.update_begin[j + 1]; });
  std::partial_sum(plan.update_begin.begin(), plan.update_begin.end(), plan.update_begin.begin());
  plan.update.resize(plan.update_begin.back());
  std::vector<std::int64_t> at(plan.update_begin.begin(), plan.update_begin.end() - 1);
  each([&](int j, const BlockUpdate& u) { plan.update[at[j]++] = u; });
  return plan;
}

template <class T, class From>
std::int64_t factorise(const IncompletePlan& plan,
                       const DampedMatrix<From>& A,
                       const BlockScaling& scaling,
                       double shift,
                       IncompleteWorkspace<T>& work,
                       const std::function<void(int, const T*, FrontShape)>& sink) {
  const PanelLayout& l = *plan.layout;
  const int B = plan.B, BB = B * B;
  work.blocks.resize(static_cast<std::size_t>(plan.first_block(l.n)) * BB);
  work.scaling.take(scaling);
  T* blocks = work.blocks.data();
  for (int j = 0; j < l.n; ++j) {
    T* column = blocks + plan.first_block(j) * BB;
    const FrontShape shape = plan.shape(j);
    std::fill_n(column, static_cast<std::size_t>(shape.m) * B, T(0));
    for (int k = plan.entries.begin[j]; k < plan.entries.begin[j + 1]; ++k) {
      const PanelEntry& e = plan.entries.entry[k];
      fetch_block(A, work.scaling, shift, e, column + static_cast<std::ptrdiff_t>(e.row) * BB, B);
    }
    for (std::int64_t k = plan.update_begin[j]; k < plan.update_begin[j + 1]; ++k) {
      const BlockUpdate& u = plan.update[k];
      take_off(blocks + static_cast<std::ptrdiff_t>(u.left) * BB,
               blocks + static_cast<std::ptrdiff_t>(u.right) * BB,
               B,
               blocks + static_cast<std::ptrdiff_t>(u.target) * BB);
    }
    if (work.panel.size() < shape.panel_size()) work.panel.resize(shape.panel_size());
    T* panel = work.panel.data();
    const auto copy = [&](const auto& body) {
      for (int b = 0; b < shape.m / B; ++b)
        for (int c = 0; c < B; ++c)
          body(column + static_cast<std::ptrdiff_t>(b) * BB + static_cast<std::ptrdiff_t>(c) * B,
               panel + static_cast<std::ptrdiff_t>(c) * shape.ld() + static_cast<std::ptrdiff_t>(b) * B);
    };
    copy([&](const T* block, T* place) { std::copy(block, block + B, place); });
    int bad = 0;
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
      bad = factor_panel(panel, shape);
    else
      bad = reference::factor_panel(panel, shape);
    if (bad >= 0) return static_cast<std::int64_t>(j) * B + bad;
    copy([&](T* block, const T* place) { std::copy(place, place + B, block); });
    sink(j, panel, shape);
  }
  return -1;
}

#define PIPIT_INSTANTIATE(T, From)                           \
  template std::int64_t factorise(const IncompletePlan&,     \
                                  const DampedMatrix<From>&, \
                                  const BlockScaling&,       \
                                  double,                    \
                                  IncompleteWorkspace<T>&,   \
                                  const std::function<void(int, const T*, FrontShape)>&);
PIPIT_INSTANTIATE(float, float)
PIPIT_INSTANTIATE(float, double)
PIPIT_INSTANTIATE(double, float)
PIPIT_INSTANTIATE(double, double)
PIPIT_INSTANTIATE(SeparateHalf, float)
PIPIT_INSTANTIATE(SeparateHalf, double)
PIPIT_INSTANTIATE(FusedHalf, float)
PIPIT_INSTANTIATE(FusedHalf, double)
#undef PIPIT_INSTANTIATE

}  // namespace pipit
