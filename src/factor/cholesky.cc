#include "factor/cholesky.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "bits/half_number.h"
#include "factor/dense_ref.h"

namespace pipit {
namespace {

template <class T>
constexpr bool kFast = std::is_same_v<T, float> || std::is_same_v<T, double>;

// The dense kernels of an arithmetic: fast where there are some, else the reference.
template <class T>
struct Kernels {
  static int factor(T* panel, FrontShape shape) {
    if constexpr (kFast<T>) return factor_panel(panel, shape);
    return reference::factor_panel(panel, shape);
  }
  /// With several threads a large update is shared out by columns, in parts that depend on its shape alone.
  static void update(const T* panel, FrontShape shape, T* out, Workers* workers) {
    if constexpr (kFast<T>) {
      constexpr double kWorthThreads = 1e6;  // multiplications: 20 us and more
      const int columns = shape.m - shape.w, groups = (columns + 5) / 6;
      const double work = 0.5 * shape.w * static_cast<double>(columns) * columns;
      if (workers == nullptr || work < kWorthThreads) return form_update(panel, shape, out);
      const std::size_t parts = num_parts(static_cast<std::size_t>(groups), 4);
      return workers->run(parts, [&](std::size_t part) {
        const Range range = part_of(static_cast<std::size_t>(groups), parts, part);
        form_update(
            panel, shape, out, static_cast<int>(range.begin) * 6, std::min(static_cast<int>(range.end) * 6, columns));
      });
    }
    reference::form_update(panel, shape, out);
  }
  static void to_panel(const ChildUpdate<T>& child, int B, T* panel, FrontShape parent) {
    if constexpr (kFast<T>) return add_to_panel(child, B, panel, parent);
    reference::add_to_panel(child, B, panel, parent);
  }
  static void to_update(const ChildUpdate<T>& child, int B, T* update, FrontShape parent) {
    if constexpr (kFast<T>) return add_to_update(child, B, update, parent);
    reference::add_to_update(child, B, update, parent);
  }
};

}  // namespace

template <class T, class From>
void fetch_block(
    const DampedMatrix<From>& A, const ScalingIn<T>& scaling, double shift, const PanelEntry& e, T* out, int ld) {
  const int B = A.H->B();
  const From* block = A.H->block(e.block);
  From damped[36];
  std::vector<From> large;
  const bool diagonal = e.i == e.j;
  if (diagonal && !A.damping.empty()) {
    From* copy = damped;
    if (B > 6) large.resize(static_cast<std::size_t>(B) * B), copy = large.data();
    std::copy(block, block + B * B, copy);
    for (int r = 0; r < B; ++r)
      copy[r * B + r] = static_cast<From>(copy[r * B + r] + A.damping[static_cast<std::size_t>(e.i) * B + r]);
    block = copy;
  }
  if constexpr (kFast<T>) {
    scaled_block(block, e.transposed, scaling.block(e.i), scaling.block(e.j), B, out, ld);
  } else {
    std::vector<float> single(static_cast<std::size_t>(B) * B);
    scaled_block(block, e.transposed, scaling.block(e.i), scaling.block(e.j), B, single.data(), B);
    for (int c = 0; c < B; ++c)
      for (int r = 0; r < B; ++r) out[static_cast<std::ptrdiff_t>(c) * ld + r] = T(single[c * B + r]);
  }
  if (diagonal)
    for (int r = 0; r < B; ++r) {
      T& d = out[static_cast<std::ptrdiff_t>(r) * ld + r];
      d = T(static_cast<double>(d) + shift);
    }
}

template <class T, class From>
std::int64_t factorise(const CholeskyPlan& plan,
                       const DampedMatrix<From>& A,
                       const BlockScaling& scaling,
                       double shift,
                       CholeskyWorkspace<T>& work,
                       Workers& workers,
                       const std::function<void(int, const T*, FrontShape)>& sink) {
  constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  const PanelLayout& layout = *plan.layout;
  const int B = plan.B;
  const std::size_t num_tasks = plan.tasks.size();
  if (static_cast<std::int64_t>(work.updates.size()) < plan.workspace) work.updates.resize(plan.workspace);
  if (work.panels.size() < num_tasks + 1) work.panels.resize(num_tasks + 1);
  work.scaling.take(scaling);

  // Yields the first bad column of the panel, or kNone.
  const auto front = [&](int s, T* panel, Workers* shared) -> std::int64_t {
    const FrontShape shape = plan.shape(s);
    std::fill_n(panel, shape.panel_size(), T(0));
    for (int k = plan.entries.begin[s]; k < plan.entries.begin[s + 1]; ++k) {
      const PanelEntry& e = plan.entries.entry[k];
      fetch_block(A,
                  work.scaling,
                  shift,
                  e,
                  panel + static_cast<std::ptrdiff_t>(e.col) * B * shape.ld() + e.row * B,
                  shape.ld());
    }
    const auto each_child = [&](const auto& body) {
      for (int k = plan.child_begin[s]; k < plan.child_begin[s + 1]; ++k) {
        const int c = plan.child[k];
        body(ChildUpdate<T>{
            work.updates.data() + plan.update_at[c], plan.shape(c), plan.relative.data() + layout.row_begin[c]});
      }
    };
    each_child([&](const ChildUpdate<T>& child) { Kernels<T>::to_panel(child, B, panel, shape); });
    const int bad = Kernels<T>::factor(panel, shape);
    if (bad >= 0) return static_cast<std::int64_t>(layout.first[s]) * B + bad;
    sink(s, panel, shape);
    if (shape.m > shape.w) {
      T* update = work.updates.data() + plan.update_at[s];
      Kernels<T>::update(panel, shape, update, shared);
      each_child([&](const ChildUpdate<T>& child) { Kernels<T>::to_update(child, B, update, shape); });
    }
    return kNone;
  };
  const auto run_all = [&](const std::vector<std::int32_t>& panels, AlignedVector<T>& scratch, Workers* shared) {
    std::size_t largest = 0;
    for (const int s : panels) largest = std::max(largest, plan.shape(s).panel_size());
    if (scratch.size() < largest) scratch.resize(largest);
    for (const int s : panels)
      if (const std::int64_t bad = front(s, scratch.data(), shared); bad != kNone) return bad;
    return kNone;
  };
  std::vector<std::int64_t> bad(num_tasks, kNone);
  workers.run(num_tasks, [&](std::size_t t) { bad[t] = run_all(plan.tasks[t], work.panels[t], nullptr); });
  for (const auto b : bad)
    if (b != kNone) return *std::min_element(bad.begin(), bad.end());
  const std::int64_t last = run_all(plan.top, work.panels[num_tasks], workers.num_threads() > 1 ? &workers : nullptr);
  return last == kNone ? -1 : last;
}

#define PIPIT_INSTANTIATE(T, From)                                                                               \
  template void fetch_block(const DampedMatrix<From>&, const ScalingIn<T>&, double, const PanelEntry&, T*, int); \
  template std::int64_t factorise(const CholeskyPlan&,                                                           \
                                  const DampedMatrix<From>&,                                                     \
                                  const BlockScaling&,                                                           \
                                  double,                                                                        \
                                  CholeskyWorkspace<T>&,                                                         \
                                  Workers&,                                                                      \
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
