#include "nn/layers.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/contract.h"
#include "nn/kernels.h"

namespace pipit {

Result<std::vector<float>> load_vector(const ModelFile& file, std::string_view tensor, std::size_t n) {
  const auto found = file.get(tensor, {static_cast<std::int64_t>(n)});
  if (!found) return found.error();
  std::vector<float> values = found->values();
  if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); }))
    return Error{Code::BadFormat,
                 file.path() + ": tensor '" + std::string(tensor) + "' holds a number that is not finite"};
  return values;
}

Linear::Linear(Matrix weights, std::vector<float> bias) : weights_(std::move(weights)), bias_(std::move(bias)) {
  expects(bias_.empty() || bias_.size() == weights_.rows(), "Linear: the bias has another length");
}

void Linear::apply(std::span<const float> x, std::span<float> y, Scratch& scratch) const {
  expects(y.size() == out(), "Linear: the output has another length");
  if (bias_.empty()) {
    std::ranges::fill(y, 0.0f);
  } else {
    std::ranges::copy(bias_, y.begin());
  }
  weights_.multiply_add(x, y, scratch);
}

Embedding::Embedding(std::vector<float> table, std::size_t size) : table_(std::move(table)), size_(size) {
  expects(size > 0 && !table_.empty() && table_.size() % size == 0, "Embedding: the table has another size");
}

std::span<const float> Embedding::operator[](std::size_t token) const {
  expects(token < tokens(), "Embedding: no such token");
  return std::span(table_).subspan(token * size_, size_);
}

LayerNorm::LayerNorm(std::vector<float> gain, std::vector<float> bias)
    : gain_(std::move(gain)), bias_(std::move(bias)) {
  expects(gain_.size() == bias_.size(), "LayerNorm: gain and bias differ in length");
}

void LayerNorm::apply(std::span<const float> x, std::span<float> y) const { layer_norm(x, gain_, bias_, y); }

Lstm::Lstm(Matrix w_ih, Matrix w_hh, std::vector<float> bias, Matrix w_hr)
    : w_ih_(std::move(w_ih)), w_hh_(std::move(w_hh)), w_hr_(std::move(w_hr)), bias_(std::move(bias)) {
  const std::size_t gates = 4 * hidden();
  expects(w_ih_.rows() == gates && w_hh_.rows() == gates && bias_.size() == gates && w_hh_.cols() == out(),
          "Lstm: the shapes do not go together");
}

void Lstm::step(std::span<const float> x, LstmState& state, Scratch& scratch) const {
  expects(state.h.size() == out() && state.c.size() == hidden(), "Lstm: the state is of another layer");
  const auto gates = Scratch::first(scratch.gates, 4 * hidden());
  const auto cells = Scratch::first(scratch.cells, hidden());
  std::ranges::copy(bias_, gates.begin());
  w_ih_.multiply_add(x, gates, scratch);
  w_hh_.multiply_add(state.h, gates, scratch);
  lstm_cells(gates, state.c, cells);
  std::ranges::fill(state.h, 0.0f);
  w_hr_.multiply_add(cells, state.h, scratch);
}

}  // namespace pipit
