#include "solve/linearise.h"

#include <cmath>

#include "base/clock.h"
#include "bits/gram.h"

namespace pipit {

Linearisation::Linearisation(Problem& problem, const Precision& precision, Workers& workers)
    : problem_(problem), precision_(precision), workers_(workers) {
  const int n = problem.number_blocks();
  width_ = problem.block_width();
  dims_.resize(static_cast<std::size_t>(n));
  for (const auto& set : problem.sets())
    for (const std::int32_t block : set->block)
      if (block >= 0) dims_[static_cast<std::size_t>(block)] = set->dim();
  for (const auto& batch : problem.batches()) {
    const std::size_t num = static_cast<std::size_t>(batch->size());
    columns_.emplace_back(num * static_cast<std::size_t>(batch->arity()));
    batch->block_columns(columns_.back());
    // A factor of weight 0 touches no block: it must not fill the pattern.
    for (std::size_t e = 0; e < batch->weights.size(); ++e)
      if (batch->weights[e] == 0)
        std::fill_n(columns_.back().begin() + static_cast<std::ptrdiff_t>(e) * batch->arity(), batch->arity(), -1);
    residuals_.emplace_back(num * static_cast<std::size_t>(batch->residual_dim()));
    squares_.emplace_back(num);
  }
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  visit_pairs([&](const Contribution&, std::int32_t row, std::int32_t col) {
    if (row != col) pairs.emplace_back(row, col);
  });
  pattern_ = std::make_shared<const BlockPattern>(make_pattern(n, pairs));
}

// Calls visit(contribution, row, col) for every product that H = J^T J needs, row >= col, in order of batch and factor.
template <class Visit>
void Linearisation::visit_pairs(const Visit& visit) const {
  for (std::size_t b = 0; b < columns_.size(); ++b) {
    const int K = problem_.batches()[b]->arity();
    const auto& columns = columns_[b];
    for (std::int32_t e = 0; e < problem_.batches()[b]->size(); ++e) {
      const std::int32_t* ids = columns.data() + static_cast<std::ptrdiff_t>(e) * K;
      for (int i = 0; i < K; ++i)
        for (int j = 0; j < K; ++j)
          if (ids[i] >= 0 && ids[j] >= 0 && (ids[i] > ids[j] || (ids[i] == ids[j])))
            visit(
                Contribution{e, static_cast<std::int16_t>(b), static_cast<std::int8_t>(i), static_cast<std::int8_t>(j)},
                ids[i],
                ids[j]);
    }
  }
}

void Linearisation::prepare(const LinearNeeds& needs) {
  needs_ = needs;
  std::vector<std::int32_t> place;
  begin_.assign(static_cast<std::size_t>(pattern_->num_blocks()) + 1, 0);
  visit_pairs([&](const Contribution&, std::int32_t row, std::int32_t col) {
    place.push_back(pattern_->find(row, col));
    ++begin_[static_cast<std::size_t>(place.back()) + 1];
  });
  for (std::size_t k = 1; k < begin_.size(); ++k) begin_[k] += begin_[k - 1];
  const std::size_t size = dims_.size() * static_cast<std::size_t>(width_);
  gradient_.assign(size, 0);
  diagonal_.assign(size, 1);
  system_ = {};
  system_.gradient = gradient_;
  const bool solve_in_double = needs_.format == Format::Double;
  in_double_ = needs_.J ? solve_in_double : precision_.jacobian == Format::Double;
  order_ = needs_.J ? BlockOrder::Columns : BlockOrder::Rows;
  in_double_ ? allocate(double_, place) : allocate(single_, place);
  if (needs_.J) in_double_ ? void(system_.J64 = double_.views) : void(system_.J32 = single_.views);
  if (!needs_.H) return;
  if (solve_in_double) {
    H64_ = BlockSymmetric<double>(pattern_, width_);
    system_.H64 = &H64_;
  } else {
    H32_ = BlockSymmetric<float>(pattern_, width_);
    system_.H32 = &H32_;
  }
}

// places: the block of H of every product, as visit_pairs lists them.
template <class T>
void Linearisation::allocate(Rows<T>& rows, std::span<const std::int32_t> places) {
  rows.J.clear();
  rows.views.clear();
  for (std::size_t b = 0; b < columns_.size(); ++b) {
    const auto& batch = *problem_.batches()[b];
    const int R = batch.residual_dim(), K = batch.arity();
    rows.J.emplace_back(columns_[b].size() * static_cast<std::size_t>(R * width_) + 8);  // gram reads beyond the end
    rows.views.push_back({batch.size(), R, K, width_, columns_[b].data(), rows.J.back().data()});
  }
  rows.terms.resize(places.size());
  std::vector<std::int64_t> next(begin_.begin(), begin_.end() - 1);
  std::size_t visited = 0;
  visit_pairs([&](const Contribution& c, std::int32_t row, std::int32_t col) {
    const auto& view = rows.views[static_cast<std::size_t>(c.batch)];
    const std::ptrdiff_t block = view.R * width_;
    const T* J = view.values + static_cast<std::ptrdiff_t>(c.factor) * view.K * block;
    const bool pulls = row == col && c.slot_row == c.slot_col;
    const double* r =
        residuals_[static_cast<std::size_t>(c.batch)].data() + static_cast<std::ptrdiff_t>(c.factor) * view.R;
    rows.terms[static_cast<std::size_t>(next[static_cast<std::size_t>(places[visited++])]++)] = {
        J + c.slot_row * block, J + c.slot_col * block, pulls ? r : nullptr, view.R};
  });
}

double Linearisation::cost() {
  const Timed timed(seconds);
  double sum = 0;
  for (std::size_t b = 0; b < residuals_.size(); ++b) {
    const auto& batch = *problem_.batches()[b];
    const std::size_t num = static_cast<std::size_t>(batch.size()), R = static_cast<std::size_t>(batch.residual_dim());
    const std::size_t parts = num_parts(num, 256);
    std::vector<double> sums(parts, 0);
    workers_.run(parts, [&](std::size_t part) {
      const Range range = part_of(num, parts, part);
      batch.residuals(precision_.residual, range, residuals_[b]);
      for (std::size_t e = range.begin; e < range.end; ++e) {
        double s = 0;
        for (std::size_t i = 0; i < R; ++i) s += residuals_[b][e * R + i] * residuals_[b][e * R + i];
        squares_[b][e] = s;
        sums[part] += (batch.weights.empty() ? 1.0 : batch.weights[e]) * batch.loss.value(s);
      }
    });
    for (const double part : sums) sum += part;
  }
  return 0.5 * sum;
}

double Linearisation::linearise() {
  const Timed timed(seconds);
  return in_double_ ? evaluate(double_) : evaluate(single_);
}

void Linearisation::refine() {
  if (refined()) return;
  precision_.residual = precision_.jacobian = Format::Double;
  if (!needs_.H && !needs_.J) return;
  if (!in_double_) single_ = {};
  prepare(needs_);
}

template <class T>
double Linearisation::evaluate(Rows<T>& rows) {
  double sum = 0;
  for (std::size_t b = 0; b < residuals_.size(); ++b) {
    const auto& batch = *problem_.batches()[b];
    const std::size_t num = static_cast<std::size_t>(batch.size()), R = static_cast<std::size_t>(batch.residual_dim());
    const std::size_t stride = static_cast<std::size_t>(batch.arity() * width_) * R;
    const std::size_t parts = num_parts(num, 128);
    std::vector<double> sums(parts, 0);
    workers_.run(parts, [&](std::size_t part) {
      const Range range = part_of(num, parts, part);
      batch.linearise(
          {precision_.residual, precision_.jacobian, width_, order_}, range, residuals_[b], std::span<T>(rows.J[b]));
      for (std::size_t e = range.begin; e < range.end; ++e) {
        double* r = residuals_[b].data() + e * R;
        double s = 0;
        for (std::size_t i = 0; i < R; ++i) s += r[i] * r[i];
        squares_[b][e] = s;
        const double w = batch.weights.empty() ? 1.0 : batch.weights[e];
        sums[part] += w * batch.loss.value(s);
        const double root = std::sqrt(w * batch.loss.weight(s));
        if (root == 1.0) continue;
        for (std::size_t i = 0; i < R; ++i) r[i] *= root;
        T* J = rows.J[b].data() + e * stride;
        for (std::size_t i = 0; i < stride; ++i) J[i] *= static_cast<T>(root);
      }
    });
    for (const double part : sums) sum += part;
  }
  needs_.format == Format::Double ? gather(rows, H64_) : gather(rows, H32_);
  return 0.5 * sum;
}

// H and g, column by column: the products that fall on a block are summed in order of batch and factor.
template <class T, class S>
void Linearisation::gather(const Rows<T>& rows, BlockSymmetric<S>& H) {
  const int B = width_;
  const std::size_t area = static_cast<std::size_t>(B) * static_cast<std::size_t>(B);
  for_ranges(workers_, dims_.size(), 128, [&](Range range) {
    std::vector<S> diagonal_block(area);
    for (std::size_t col = range.begin; col < range.end; ++col) {
      double* g = gradient_.data() + col * static_cast<std::size_t>(B);
      double* diagonal = diagonal_.data() + col * static_cast<std::size_t>(B);
      const std::int32_t first = pattern_->col_begin[col], end = needs_.H ? pattern_->col_begin[col + 1] : first + 1;
      S* block = needs_.H ? H.block(first) : diagonal_block.data();
      gram_column<T, S>(
          B,
          order_,
          std::span(begin_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(end - first) + 1),
          rows.terms.data(),
          block,
          g);
      for (int i = dims_[col]; i < B; ++i) block[i * B + i] = S(1);
      for (int i = 0; i < B; ++i) diagonal[i] = static_cast<double>(block[i * B + i]);
    }
  });
}

std::vector<double> Linearisation::squared_residuals(std::size_t batch) const { return squares_[batch]; }

double Linearisation::curvature(std::span<const double> d) const {
  return in_double_ ? curvature_of(double_, d) : curvature_of(single_, d);
}

template <class T>
double Linearisation::curvature_of(const Rows<T>& rows, std::span<const double> d) const {
  double total = 0;
  for (const auto& view : rows.views) {
    const std::size_t num = static_cast<std::size_t>(view.num_rows), parts = num_parts(num, 256);
    std::vector<double> sums(parts, 0);
    workers_.run(parts, [&](std::size_t part) {
      const Range range = part_of(num, parts, part);
      for (std::size_t e = range.begin; e < range.end; ++e)
        for (int row = 0; row < view.R; ++row) {
          double y = 0;
          for (int k = 0; k < view.K; ++k) {
            const std::int32_t col = view.cols[e * static_cast<std::size_t>(view.K) + static_cast<std::size_t>(k)];
            if (col < 0) continue;
            const T* J = view.values + (e * static_cast<std::size_t>(view.K) + static_cast<std::size_t>(k)) *
                                           static_cast<std::size_t>(view.R * view.B);
            for (int i = 0; i < view.B; ++i)
              y += static_cast<double>(J[order_ == BlockOrder::Rows ? row * view.B + i : i * view.R + row]) *
                   d[static_cast<std::size_t>(col) * static_cast<std::size_t>(view.B) + static_cast<std::size_t>(i)];
          }
          sums[part] += y * y;
        }
    });
    for (const double part : sums) total += part;
  }
  return total;
}

}  // namespace pipit
