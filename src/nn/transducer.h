// nn/transducer.h — the recogniser's network, one step at a time: encoder, prediction network, joint network.
// Source: Graves, Sequence Transduction with Recurrent Neural Networks (2012), with a prediction network of limited
// context (Ghodsi et al. 2020). Tensors and card: docs/model_format.md, "rnnt-lstm".
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "nn/layers.h"

namespace pipit {

/// As the card's "sizes" says.
struct TransducerSizes {
  std::size_t bands = 0;       ///< of one frame of features
  std::size_t stack = 0;       ///< frames in one encoder step
  std::size_t layers = 0;      ///< LSTM layers
  std::size_t hidden = 0;      ///< H, cells of one layer
  std::size_t projection = 0;  ///< P, outputs of one layer
  std::size_t tokens = 0;      ///< V, token 0 is blank
  std::size_t context = 0;     ///< tokens that the prediction network sees
  std::size_t embedding = 0;   ///< E
  std::size_t joint = 0;       ///< J
  std::size_t phones = 0;      ///< phone 0 is blank; 0: the model does not tell phones, and has none of the next two
  std::size_t back_hidden = 0, back_projection = 0;  ///< H, P of the layer that hears the end first
};

/// Frames of phones in one encoder step: more phones than pieces of words are said in a second.
inline constexpr std::size_t kPhoneFrames = 2;

/// What the encoder remembers of one stream.
struct EncoderState {
  std::vector<LstmState> layers;
};

/// Const after load(): any number of streams and threads may share it, each stream with its own EncoderState. Buffers
/// are kept per thread; after the first call on a thread nothing is allocated. Needs finite inputs.
class Transducer {
 public:
  /// Fails with BadFormat, NotFound or Unsupported (another architecture) in one line that names the file and the
  /// field.
  static Result<Transducer> load(const ModelFile& file, Arithmetic arithmetic);

  const TransducerSizes& sizes() const { return sizes_; }
  std::size_t tokens() const { return sizes_.tokens; }                       ///< V
  std::size_t context() const { return sizes_.context; }                     ///< length of the window of predict()
  std::size_t frame_dim() const { return sizes_.stack * sizes_.bands; }      ///< length of x
  std::size_t joint_dim() const { return sizes_.joint; }                     ///< J: length of e and g
  std::size_t heard_dim() const { return sizes_.projection; }                ///< length of h
  std::string_view piece(std::size_t token) const;                           ///< UTF-8; blank is ""
  std::span<const std::string> phone_names() const { return phone_names_; }  ///< [phones]; blank is ""
  /// Features are normalised as (value - mean) * inverse_deviation, both [bands].
  std::span<const float> feature_mean() const { return mean_; }
  std::span<const float> feature_inverse_deviation() const { return inverse_deviation_; }
  std::size_t bytes() const;  ///< of the weights in memory

  EncoderState make_state() const;
  /// One encoder step. x [frame_dim()]: `stack` normalised frames, oldest first -> e [J], and h [heard_dim()], what
  /// phones are told from; empty: not wanted.
  void encode(EncoderState& state, std::span<const float> x, std::span<float> e, std::span<float> h = {}) const;
  /// What was said in T steps, once they are over: h [T, heard_dim()] -> out [kPhoneFrames * T, phones], log P(phone)
  /// of a CTC (Graves et al. 2006), natural. A layer goes through h from its end (Schuster and Paliwal 1997): the
  /// earlier parts of a sound are heard with what came after them. Needs phones > 0. Cost of a step: a tenth of
  /// encode's.
  void tell_phones(std::span<const float> h, std::span<float> out) const;
  /// window [context()]: the last tokens, oldest first, blank (0) before the start -> g [J].
  void predict(std::span<const std::int32_t> window, std::span<float> g) const;
  /// out [V] = log softmax (W tanh(e + g) + b), natural logarithm.
  void log_probs(std::span<const float> e, std::span<const float> g, std::span<float> out) const;

 private:
  struct Layer {
    Lstm lstm;
    LayerNorm norm;
  };
  Transducer() = default;

  TransducerSizes sizes_;
  std::vector<float> mean_, inverse_deviation_;
  std::vector<Layer> layers_;
  std::vector<Layer> back_;  // none, or one
  Embedding embedding_;
  Linear window_, joint_predictor_, joint_encoder_, joint_out_, phones_out_;
  std::vector<std::string> pieces_, phone_names_;
};

}  // namespace pipit
