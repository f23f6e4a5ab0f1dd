// nn/test_reference.h — for tests: a transducer in double, each value with a bound on how far the fast one may be from
// it.
#pragma once
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/test_approx.h"
#include "nn/test_model.h"

namespace pipit {

/// The network in double with bounds; each encoder step begins with the state of the fast one.
struct TransducerReference {
  const TestModel& model;
  Arithmetic arithmetic;

  TestMatrix matrix(const std::string& name) const {
    Random none(0);
    const auto& shape = model.shapes.at(name);
    TestMatrix m(static_cast<std::size_t>(shape[0]), static_cast<std::size_t>(shape[1]), none);
    m.w = model.values.at(name);
    return m;
  }
  const std::vector<float>& vector(const std::string& name) const { return model.values.at(name); }

  Approx layer(const std::string& at, const LstmState& state, const Approx& x) const {
    Approx c{state.c};
    const Approx out = lstm_step(matrix(at + "w_ih"),
                                 matrix(at + "w_hh"),
                                 vector(at + "bias"),
                                 matrix(at + "w_hr"),
                                 x,
                                 Approx(state.h),
                                 c,
                                 arithmetic);
    return norm_of(out, vector(at + "norm_gain"), vector(at + "norm_bias"));
  }

  Approx encode(const EncoderState& state, std::span<const float> x) const {
    Approx h{x};
    for (std::size_t l = 0; l < model.sizes.layers; ++l) {
      const Approx y = layer("encoder." + std::to_string(l) + ".", state.layers[l], h);
      if (l == 0) {
        h = y;
        continue;
      }
      for (std::size_t k = 0; k < h.size(); ++k) {
        h.value[k] += y.value[k];
        h.error[k] += y.error[k] + 0x1p-23 * (std::fabs(h.value[k]) + h.error[k]);
      }
    }
    return multiply_add(matrix("joint.encoder"), h, Approx(vector("joint.encoder_bias")), arithmetic);
  }

  Approx predict(std::span<const std::int32_t> window) const {
    std::vector<float> words;
    const std::size_t size = model.sizes.embedding;
    for (const std::int32_t token : window)
      for (std::size_t k = 0; k < size; ++k)
        words.push_back(vector("predictor.embedding")[static_cast<std::size_t>(token) * size + k]);
    Approx hidden =
        multiply_add(matrix("predictor.window"), Approx(words), Approx(vector("predictor.window_bias")), arithmetic);
    for (double& v : hidden.value) v = std::fmax(v, 0);
    return multiply_add(matrix("joint.predictor"), hidden, Approx(model.sizes.joint), arithmetic);
  }

  Approx log_probs(std::span<const float> e, std::span<const float> g) const {
    Approx hidden(e.size());
    for (std::size_t k = 0; k < e.size(); ++k) {
      const double sum = static_cast<double>(e[k]) + static_cast<double>(g[k]);
      hidden.value[k] = std::tanh(sum);
      hidden.error[k] = kActivationError + 0x1p-24 * std::fabs(sum);
    }
    return log_softmax_of(multiply_add(matrix("joint.out"), hidden, Approx(vector("joint.out_bias")), arithmetic));
  }

  /// Of one step, the last of a sound: h as encode() gives it; [kPhoneFrames, phones].
  std::vector<Approx> phones_of_last(std::span<const float> h, const LstmState& fresh) const {
    const Approx back = layer("phones.", fresh, Approx(h));
    Approx both(h.size() + back.size());
    for (std::size_t k = 0; k < h.size(); ++k) both.value[k] = static_cast<double>(h[k]);
    for (std::size_t k = 0; k < back.size(); ++k)
      both.value[h.size() + k] = back.value[k], both.error[h.size() + k] = back.error[k];
    const Approx logits = multiply_add(matrix("phones.out"), both, Approx(vector("phones.out_bias")), arithmetic);
    std::vector<Approx> out;
    for (std::size_t f = 0; f < kPhoneFrames; ++f) {
      Approx frame(model.sizes.phones);
      for (std::size_t k = 0; k < frame.size(); ++k) {
        frame.value[k] = logits.value[f * frame.size() + k];
        frame.error[k] = logits.error[f * frame.size() + k];
      }
      out.push_back(log_softmax_of(std::move(frame)));
    }
    return out;
  }

  /// Log softmax moves by at most twice what a logit moves by.
  static Approx log_softmax_of(Approx out) {
    double logit_error = 0, most = 0;
    for (std::size_t k = 0; k < out.size(); ++k) {
      logit_error = std::fmax(logit_error, out.error[k]);
      most = std::fmax(most, std::fabs(out.value[k]) + out.error[k]);
    }
    out.value = log_softmax_ref(out.value);
    for (std::size_t k = 0; k < out.size(); ++k)
      out.error[k] = 2 * logit_error + 0x1p-23 * (most + std::fabs(out.value[k])) + 1e-6;
    return out;
  }
};

}  // namespace pipit
