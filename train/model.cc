#include "train/model.h"

#include <algorithm>
#include <cmath>

#include "base/contract.h"
#include "train/rnnt_loss.h"

namespace pipit::train {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

Tensor gather_labels(const Tensor& logits, const Tensor& tokens) {
  const auto index = tokens.unsqueeze(1).unsqueeze(3).expand({-1, logits.size(1), -1, 1});
  return logits.narrow(2, 0, tokens.size(1)).gather(3, index).squeeze(3);
}

// The transducer's loss and gradient of a few utterances; e and g are leaves, whose gradients are added to.
double backward_part(Transducer& model,
                     const Tensor& e,
                     const Tensor& g,
                     const Tensor& tokens,
                     std::span<const std::int64_t> num_frames,
                     std::span<const std::int64_t> num_labels,
                     double weight,
                     Workers& workers) {
  const Tensor logits = model->join(e.unsqueeze(2), g.unsqueeze(1));
  const Tensor norm = logits.logsumexp(3);
  const Tensor blank = logits.select(3, 0) - norm;
  const Tensor label = gather_labels(logits, tokens) - norm.narrow(2, 0, tokens.size(1));
  const Tensor blank_cpu = blank.detach().to(torch::kCPU).contiguous(),
               label_cpu = label.detach().to(torch::kCPU).contiguous();
  Tensor blank_gradient = torch::zeros_like(blank_cpu), label_gradient = torch::zeros_like(label_cpu);
  std::vector<TransducerScores<float>> scores;
  for (std::size_t b = 0; b < num_frames.size(); ++b) {
    const auto row = static_cast<std::int64_t>(b);
    scores.push_back({.num_frames = static_cast<int>(num_frames[b]),
                      .num_labels = static_cast<int>(num_labels[b]),
                      .blank = blank_cpu[row].data_ptr<float>(),
                      .label = label_cpu[row].data_ptr<float>(),
                      .blank_stride = blank_cpu.size(2),
                      .label_stride = label_cpu.size(2),
                      .blank_gradient = blank_gradient[row].data_ptr<float>(),
                      .label_gradient = label_gradient[row].data_ptr<float>()});
  }
  std::vector<double> losses(scores.size());
  transducer_losses<float>(scores, losses, workers);
  const auto device = logits.device();
  torch::autograd::backward({blank, label},
                            {(blank_gradient * weight).to(device), (label_gradient * weight).to(device)});
  double sum = 0;
  for (const double loss : losses) sum += std::isfinite(loss) ? loss : 0;
  return sum;
}

}  // namespace

EncoderImpl::EncoderImpl(const ModelSizes& s, double p) {
  for (std::int64_t l = 0; l < s.layers; ++l) {
    lstms.push_back(register_module("lstm" + std::to_string(l),
                                    nn::LSTM(nn::LSTMOptions(l == 0 ? s.bands * s.stack : s.projection, s.hidden)
                                                 .batch_first(true)
                                                 .proj_size(s.projection))));
    norms.push_back(register_module("norm" + std::to_string(l), nn::LayerNorm(nn::LayerNormOptions({s.projection}))));
  }
  dropout = register_module("dropout", nn::Dropout(p));
}

Tensor EncoderImpl::forward(Tensor x) {
  for (std::size_t l = 0; l < lstms.size(); ++l) {
    const Tensor y = norms[l]->forward(std::get<0>(lstms[l]->forward(x)));
    x = l == 0 ? dropout->forward(y) : x + dropout->forward(y);
  }
  return x;
}

PredictorImpl::PredictorImpl(const ModelSizes& s) : context(s.context) {
  embedding = register_module("embedding", nn::Embedding(s.tokens, s.embedding));
  window = register_module("window", nn::Linear(s.context * s.embedding, s.joint));
}

Tensor PredictorImpl::forward(const Tensor& tokens) {
  const Tensor embedded = embedding->forward(tokens);
  const std::int64_t positions = tokens.size(1) - context + 1;
  std::vector<Tensor> seen;  // the oldest first
  for (std::int64_t k = 0; k < context; ++k) seen.push_back(embedded.narrow(1, k, positions));
  return torch::relu(window->forward(torch::cat(seen, 2)));
}

TransducerImpl::TransducerImpl(const ModelSizes& s, double p) : sizes(s) {
  encoder = register_module("encoder", Encoder(s, p));
  predictor = register_module("predictor", Predictor(s));
  joint_encoder = register_module("joint_encoder", nn::Linear(s.projection, s.joint));
  joint_predictor = register_module("joint_predictor", nn::Linear(nn::LinearOptions(s.joint, s.joint).bias(false)));
  joint_out = register_module("joint_out", nn::Linear(s.joint, s.tokens));
  if (s.phones > 0)
    phone_teller = register_module("phone_teller", PhoneTeller(s, p));
  else
    ctc_out = register_module("ctc_out", nn::Linear(s.projection, s.tokens));
}

Tensor TransducerImpl::ctc(const Tensor& e, const std::vector<std::int64_t>& num_frames) {
  return sizes.phones > 0 ? phone_teller->forward(e, num_frames) : ctc_out->forward(e);
}

PhoneTellerImpl::PhoneTellerImpl(const ModelSizes& s, double p) : phones(s.phones) {
  lstm = register_module(
      "lstm", nn::LSTM(nn::LSTMOptions(s.projection, s.back_hidden).batch_first(true).proj_size(s.back_projection)));
  norm = register_module("norm", nn::LayerNorm(nn::LayerNormOptions({s.back_projection})));
  dropout = register_module("dropout", nn::Dropout(p));
  out = register_module("out", nn::Linear(s.projection + s.back_projection, kPhoneFrames * s.phones));
}

Tensor PhoneTellerImpl::forward(const Tensor& e, const std::vector<std::int64_t>& num_frames) {
  // Each utterance from its own end; what is beyond it stays there.
  const std::int64_t size = e.size(0), steps = e.size(1);
  Tensor order = torch::empty({size, steps, 1}, torch::kLong);
  auto* at = order.data_ptr<std::int64_t>();
  for (std::int64_t b = 0; b < size; ++b)
    for (std::int64_t t = 0; t < steps; ++t) {
      const std::int64_t length = num_frames[static_cast<std::size_t>(b)];
      *at++ = t < length ? length - 1 - t : t;
    }
  order = order.to(e.device());
  const Tensor reversed = e.gather(1, order.expand({-1, -1, e.size(2)}));
  const Tensor heard = norm->forward(std::get<0>(lstm->forward(reversed)));
  const Tensor back = heard.gather(1, order.expand({-1, -1, heard.size(2)}));
  return out->forward(torch::cat({dropout->forward(e), dropout->forward(back)}, 2))
      .view({size, kPhoneFrames * steps, phones});
}

Tensor TransducerImpl::join(const Tensor& e, const Tensor& g) {
  return joint_out->forward(torch::tanh(joint_encoder->forward(e) + joint_predictor->forward(g)));
}

StepLosses backward(Transducer& model,
                    const Batch& batch,
                    double transducer_weight,
                    double ctc_weight,
                    std::int64_t joint_cells,
                    Workers& workers) {
  StepLosses out;
  const std::int64_t size = batch.x.size(0);
  const Tensor e = model->encoder->forward(batch.x);
  std::vector<Tensor> roots, gradients;
  if (ctc_weight > 0) {
    const bool phones = model->sizes.phones > 0;
    const Tensor log_probs = torch::log_softmax(model->ctc(e, batch.num_frames), 2).transpose(0, 1);
    const Tensor lengths = torch::tensor(batch.num_frames, torch::kLong) * (phones ? kPhoneFrames : 1),
                 labels = torch::tensor(phones ? batch.num_phones : batch.num_labels, torch::kLong);
    const Tensor each =
        torch::ctc_loss(log_probs, phones ? batch.phones : batch.tokens, lengths, labels, 0, at::Reduction::None, true);
    const Tensor known = labels.gt(0).to(each.device());  // a clip without phones teaches nothing here
    const Tensor loss = torch::where(known, each, torch::zeros_like(each)).sum() / static_cast<double>(size);
    out.ctc = loss.item<double>();
    roots.push_back(loss);
    gradients.push_back(torch::full_like(loss, ctc_weight));
  }
  if (transducer_weight > 0) {
    const auto context = model->sizes.context;
    const Tensor before = torch::zeros({size, context}, batch.tokens.options());
    const Tensor g = model->predictor->forward(torch::cat({before, batch.tokens}, 1));
    const Tensor e_leaf = e.detach().requires_grad_(true), g_leaf = g.detach().requires_grad_(true);
    for (std::int64_t begin = 0; begin < size;) {
      std::int64_t end = begin, frames = 0, labels = 0;
      while (end < size) {
        const auto k = static_cast<std::size_t>(end);
        const std::int64_t T = std::max(frames, batch.num_frames[k]), U = std::max(labels, batch.num_labels[k]);
        if (end > begin && (end + 1 - begin) * T * (U + 1) > joint_cells) break;
        frames = T, labels = U, ++end;
      }
      const auto part = [&](const auto& lengths) {
        return std::span(lengths).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
      };
      out.transducer += backward_part(model,
                                      e_leaf.narrow(0, begin, end - begin).narrow(1, 0, frames),
                                      g_leaf.narrow(0, begin, end - begin).narrow(1, 0, labels + 1),
                                      batch.tokens.narrow(0, begin, end - begin).narrow(1, 0, labels),
                                      part(batch.num_frames),
                                      part(batch.num_labels),
                                      transducer_weight / static_cast<double>(size),
                                      workers);
      begin = end;
    }
    out.transducer /= static_cast<double>(size);
    roots.insert(roots.end(), {e, g});
    gradients.insert(gradients.end(), {e_leaf.grad(), g_leaf.grad()});
  }
  torch::autograd::backward(roots, gradients);
  return out;
}

std::vector<std::vector<std::int64_t>> greedy(Transducer& model, const Batch& batch, int per_frame) {
  const torch::NoGradGuard no_gradient;
  const std::int64_t size = batch.x.size(0), context = model->sizes.context;
  const Tensor e = model->joint_encoder->forward(model->encoder->forward(batch.x));
  Tensor window = torch::zeros({size, context}, batch.tokens.options());
  std::vector<std::vector<std::int64_t>> out(static_cast<std::size_t>(size));
  Tensor g = model->joint_predictor->forward(model->predictor->forward(window)).squeeze(1);
  for (std::int64_t t = 0; t < batch.x.size(1); ++t) {
    Tensor alive = torch::ones({size}, torch::TensorOptions(torch::kBool).device(window.device()));
    for (int k = 0; k < per_frame; ++k) {
      const Tensor best = model->joint_out->forward(torch::tanh(e.select(1, t) + g)).argmax(1);
      alive = alive.logical_and(best.ne(0));
      const Tensor emitted = torch::where(alive, best, torch::zeros_like(best)).to(torch::kCPU);
      bool any = false;
      for (std::int64_t b = 0; b < size; ++b) {
        const auto token = emitted.data_ptr<std::int64_t>()[b];
        if (token == 0 || t >= batch.num_frames[static_cast<std::size_t>(b)]) continue;
        out[static_cast<std::size_t>(b)].push_back(token);
        any = true;
      }
      if (!any) break;
      const Tensor moved = torch::cat({window.narrow(1, 1, context - 1), best.unsqueeze(1)}, 1);
      window = torch::where(alive.unsqueeze(1), moved, window);
      g = model->joint_predictor->forward(model->predictor->forward(window)).squeeze(1);
    }
  }
  return out;
}

}  // namespace pipit::train
