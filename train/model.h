// train/model.h — the recogniser as libtorch sees it: what nn/transducer.h computes on the device, with gradients.
// Source: Graves (2012) for the transducer; Sak et al., Long short-term memory based recurrent neural network
// architectures (2014) for the projection; Ghodsi et al., RNN-transducer with stateless prediction network (2020).
#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "nn/transducer.h"

namespace pipit::train {

/// Sizes. The defaults are pipit-en-small.
struct ModelSizes {
  std::int64_t bands = 64;  ///< of one 10 ms frame
  std::int64_t stack = 6;   ///< frames of 10 ms in one step of the encoder
  std::int64_t layers = 4;
  std::int64_t hidden = 448;
  std::int64_t projection = 256;  ///< also the width of the encoder's output
  std::int64_t tokens = 256;      ///< with blank, token 0
  std::int64_t context = 2;       ///< tokens that the prediction network sees
  std::int64_t embedding = 128;
  std::int64_t joint = 256;  ///< also the width of the prediction network's output
  std::int64_t phones = 0;   ///< with blank, phone 0; 0: no phones, and the CTC head hears tokens
  std::int64_t back_hidden = 176, back_projection = 96;  ///< of the layer that hears the end first
};

/// Frames of phones in one step of the encoder, as the device has them.
inline constexpr std::int64_t kPhoneFrames = pipit::kPhoneFrames;

/// x [B, T, stack * bands], normalised -> [B, T, projection]. Layer: y = LayerNorm(LSTM(x)), plus x where it fits.
struct EncoderImpl : torch::nn::Module {
  EncoderImpl(const ModelSizes& sizes, double dropout);
  torch::Tensor forward(torch::Tensor x);
  std::vector<torch::nn::LSTM> lstms;
  std::vector<torch::nn::LayerNorm> norms;
  torch::nn::Dropout dropout;
};
TORCH_MODULE(Encoder);

/// tokens [B, U + context] (blank before the first) -> [B, U + 1, joint]: ReLU of a window over `context` embeddings.
struct PredictorImpl : torch::nn::Module {
  explicit PredictorImpl(const ModelSizes& sizes);
  torch::Tensor forward(const torch::Tensor& tokens);
  std::int64_t context;
  torch::nn::Embedding embedding{nullptr};
  torch::nn::Linear window{nullptr};
};
TORCH_MODULE(Predictor);

/// Phones, told when a sound is over: what the encoder heard up to each step, and what a layer heard that went through
/// its outputs from the end (Schuster and Paliwal, Bidirectional recurrent neural networks, 1997).
struct PhoneTellerImpl : torch::nn::Module {
  PhoneTellerImpl(const ModelSizes& sizes, double dropout);
  /// e [B, T, projection], num_frames [B] of it -> logits [B, kPhoneFrames * T, phones].
  torch::Tensor forward(const torch::Tensor& e, const std::vector<std::int64_t>& num_frames);
  std::int64_t phones;
  torch::nn::LSTM lstm{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Dropout dropout;
  torch::nn::Linear out{nullptr};
};
TORCH_MODULE(PhoneTeller);

struct TransducerImpl : torch::nn::Module {
  TransducerImpl(const ModelSizes& sizes, double dropout);

  /// e [.., projection], g [.., joint], broadcast against each other -> logits [.., tokens].
  torch::Tensor join(const torch::Tensor& e, const torch::Tensor& g);
  /// Logits of CTC on the encoder's output: [B, T, tokens], or of phones [B, kPhoneFrames * T, phones].
  torch::Tensor ctc(const torch::Tensor& e, const std::vector<std::int64_t>& num_frames);

  ModelSizes sizes;
  Encoder encoder{nullptr};
  Predictor predictor{nullptr};
  torch::nn::Linear joint_encoder{nullptr}, joint_predictor{nullptr}, joint_out{nullptr};
  torch::nn::Linear ctc_out{nullptr};  // where there are no phones
  PhoneTeller phone_teller{nullptr};   // where there are
};
TORCH_MODULE(Transducer);

/// One batch, on the device of the model.
struct Batch {
  torch::Tensor x;                       ///< [B, T, stack * bands]
  std::vector<std::int64_t> num_frames;  ///< of the encoder, <= T
  torch::Tensor tokens;                  ///< [B, U] int64, 0 beyond the end
  std::vector<std::int64_t> num_labels;  ///< <= U
  torch::Tensor phones;                  ///< [B, P], likewise
  std::vector<std::int64_t> num_phones;  ///< <= P; 0: not known
};

/// Means over the batch, per utterance.
struct StepLosses {
  double transducer = 0, ctc = 0;
};

/// Losses of a batch, and their gradients added to the parameters': transducer_weight * transducer + ctc_weight * ctc;
/// weight 0 leaves that part out. The joint network is computed for a few utterances at a time, up to `joint_cells`
/// places (t, u) at once, so that its logits never stand in memory all together. Utterances that no alignment fits
/// count as zero.
StepLosses backward(Transducer& model,
                    const Batch& batch,
                    double transducer_weight,
                    double ctc_weight,
                    std::int64_t joint_cells,
                    Workers& workers);

/// Best path: the most likely token at every step, at most `per_frame` labels a frame.
std::vector<std::vector<std::int64_t>> greedy(Transducer& model, const Batch& batch, int per_frame = 3);

}  // namespace pipit::train
