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

  Approx encode(const EncoderState& state, std::span<const float> x) const {
    Approx h{x};
    for (std::size_t l = 0; l < model.sizes.layers; ++l) {
      const std::string at = "encoder." + std::to_string(l) + ".";
      Approx c{state.layers[l].c};
      const Approx out = lstm_step(matrix(at + "w_ih"),
                                   matrix(at + "w_hh"),
                                   vector(at + "bias"),
                                   matrix(at + "w_hr"),
                                   h,
                                   Approx(state.layers[l].h),
                                   c,
                                   arithmetic);
      const Approx y = norm_of(out, vector(at + "norm_gain"), vector(at + "norm_bias"));
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

  /// Log softmax moves by at most twice what a logit moves by.
  Approx log_probs(std::span<const float> e, std::span<const float> g) const {
    Approx hidden(e.size());
    for (std::size_t k = 0; k < e.size(); ++k) {
      const double sum = static_cast<double>(e[k]) + static_cast<double>(g[k]);
      hidden.value[k] = std::tanh(sum);
      hidden.error[k] = kActivationError + 0x1p-24 * std::fabs(sum);
    }
    Approx out = multiply_add(matrix("joint.out"), hidden, Approx(vector("joint.out_bias")), arithmetic);
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
