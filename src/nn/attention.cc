#include "nn/attention.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/contract.h"
#include "nn/kernels.h"

namespace pipit {

Attention::Attention(Linear query, Linear key, Linear value, Linear out, std::size_t heads)
    : query_(std::move(query)), key_(std::move(key)), value_(std::move(value)), out_(std::move(out)), heads_(heads) {
  expects(heads >= 1 && width() % heads == 0, "Attention: the width is not a multiple of the heads");
  expects(key_.out() == width() && value_.out() == width() && out_.in() == width() && key_.in() == value_.in(),
          "Attention: the shapes do not go together");
}

AttentionMemory Attention::remember(std::span<const float> contexts, Scratch& scratch) const {
  expects(!contexts.empty() && contexts.size() % key_.in() == 0, "Attention: a memory of whole vectors, one at least");
  AttentionMemory memory;
  memory.size = contexts.size() / key_.in();
  memory.keys.resize(memory.size * width());
  memory.values.resize(memory.size * width());
  for (std::size_t n = 0; n < memory.size; ++n) {
    const auto context = contexts.subspan(n * key_.in(), key_.in());
    key_.apply(context, std::span(memory.keys).subspan(n * width(), width()), scratch);
    value_.apply(context, std::span(memory.values).subspan(n * width(), width()), scratch);
  }
  return memory;
}

void Attention::apply(std::span<const float> x,
                      const AttentionMemory& memory,
                      std::span<float> y,
                      Scratch& scratch) const {
  expects(memory.size >= 1 && memory.keys.size() == memory.size * width(), "Attention: the memory is of another layer");
  const std::size_t d = width() / heads_;
  const auto questions_and_answers = Scratch::first(scratch.gates, 2 * width());
  const auto q = questions_and_answers.first(width()), answer = questions_and_answers.last(width());
  const auto p = Scratch::first(scratch.cells, memory.size);
  query_.apply(x, q, scratch);
  std::ranges::fill(answer, 0.0f);
  const float root = 1 / std::sqrt(static_cast<float>(d));
  for (std::size_t h = 0; h < heads_; ++h) {
    for (std::size_t n = 0; n < memory.size; ++n) {
      const float* key = memory.keys.data() + n * width() + h * d;
      float sum = 0;
      for (std::size_t k = 0; k < d; ++k) sum += q[h * d + k] * key[k];
      p[n] = sum * root;
    }
    log_softmax_in_place(p);
    for (std::size_t n = 0; n < memory.size; ++n) {
      const float share = std::exp(p[n]);
      const float* value = memory.values.data() + n * width() + h * d;
      for (std::size_t k = 0; k < d; ++k) answer[h * d + k] += share * value[k];
    }
  }
  out_.apply(answer, y, scratch);
}

}  // namespace pipit
