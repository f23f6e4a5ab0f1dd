// nn/attention.h — attention of several heads: one question against a memory of vectors, such as the phrases of a
// context. Source: Vaswani et al., Attention is all you need (2017), sec. 3.2. For head h, on its share of d columns:
//   p_n = softmax over n of (q_h . k_hn / sqrt(d)),   y = W_out [sum over n of p_n v_hn] + b_out.
// Nothing is masked: leave out of the memory what must not be looked at. Const and shared, scratch as in layers.h.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "nn/layers.h"

namespace pipit {

/// Keys and values of N vectors, computed once and asked many times. Const: any number of streams may share it.
struct AttentionMemory {
  std::vector<float> keys, values;  // [N, width]
  std::size_t size = 0;             // N
};

class Attention {
 public:
  Attention() = default;
  /// query, key, value: to `width`, a multiple of `heads`; out: from it.
  Attention(Linear query, Linear key, Linear value, Linear out, std::size_t heads);

  /// contexts [N, key.in()], N >= 1.
  AttentionMemory remember(std::span<const float> contexts, Scratch& scratch) const;
  /// x [in()] -> y [out()].
  void apply(std::span<const float> x, const AttentionMemory& memory, std::span<float> y, Scratch& scratch) const;

  std::size_t in() const { return query_.in(); }
  std::size_t out() const { return out_.out(); }
  std::size_t width() const { return query_.out(); }
  std::size_t heads() const { return heads_; }
  std::size_t bytes() const { return query_.bytes() + key_.bytes() + value_.bytes() + out_.bytes(); }

 private:
  Linear query_, key_, value_, out_;
  std::size_t heads_ = 1;
};

}  // namespace pipit
