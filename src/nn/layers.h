// nn/layers.h — the layers of the recogniser. A layer is const after it is made and shared by all streams; what a
// stream remembers is in its state, what a step needs for a moment in the Scratch of its thread. No step allocates once
// its Scratch has seen the layer. Contracts: lengths as the shapes say; finite inputs. Bounds: kernels.h, from which
// every layer is put together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "nn/matrix.h"
#include "nn/model_file.h"

namespace pipit {

/// Vector [n] of the file, fp32, every element finite. Fails as ModelFile::get, or with BadFormat.
Result<std::vector<float>> load_vector(const ModelFile& file, std::string_view tensor, std::size_t n);

/// y [R] = W [R,C] x [C] + b [R].
class Linear {
 public:
  Linear() = default;
  /// bias: [R], or empty for none.
  Linear(Matrix weights, std::vector<float> bias);
  void apply(std::span<const float> x, std::span<float> y, Scratch& scratch) const;
  std::size_t in() const { return weights_.cols(); }
  std::size_t out() const { return weights_.rows(); }
  std::size_t bytes() const { return weights_.bytes() + bias_.size() * sizeof(float); }

 private:
  Matrix weights_;
  std::vector<float> bias_;
};

/// Row k of a table [V,E], in fp32.
class Embedding {
 public:
  Embedding() = default;
  Embedding(std::vector<float> table, std::size_t size);
  std::span<const float> operator[](std::size_t token) const;
  std::size_t tokens() const { return size_ == 0 ? 0 : table_.size() / size_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return table_.size() * sizeof(float); }

 private:
  std::vector<float> table_;
  std::size_t size_ = 0;
};

/// layer_norm() with its gain [n] and bias [n].
class LayerNorm {
 public:
  LayerNorm() = default;
  LayerNorm(std::vector<float> gain, std::vector<float> bias);
  void apply(std::span<const float> x, std::span<float> y) const;  ///< y may be x
  std::size_t bytes() const { return 2 * gain_.size() * sizeof(float); }

 private:
  std::vector<float> gain_, bias_;
};

/// What an Lstm remembers of one stream: output h [P] and cells c [H]; zero before the first step.
struct LstmState {
  std::vector<float> h, c;
};

/// A projected LSTM (Sak et al. 2014; torch.nn.LSTM with proj_size, whose order of gates it has): one step is
///   [i; f; g; o] = W_ih x + W_hh h + b,  c = sigmoid(f) c + sigmoid(i) tanh(g),  h = W_hr (sigmoid(o) tanh(c)).
class Lstm {
 public:
  Lstm() = default;
  /// W_ih [4H,in], W_hh [4H,P], b [4H] (the sum of PyTorch's two), W_hr [P,H].
  Lstm(Matrix w_ih, Matrix w_hh, std::vector<float> bias, Matrix w_hr);
  LstmState make_state() const { return {std::vector<float>(out()), std::vector<float>(hidden())}; }
  /// x [in]; the output is state.h afterwards.
  void step(std::span<const float> x, LstmState& state, Scratch& scratch) const;
  std::size_t in() const { return w_ih_.cols(); }
  std::size_t hidden() const { return w_hr_.cols(); }
  std::size_t out() const { return w_hr_.rows(); }
  std::size_t bytes() const { return w_ih_.bytes() + w_hh_.bytes() + w_hr_.bytes() + bias_.size() * sizeof(float); }

 private:
  Matrix w_ih_, w_hh_, w_hr_;
  std::vector<float> bias_;
};

}  // namespace pipit
