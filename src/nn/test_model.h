// nn/test_model.h — for tests and benchmarks: a transducer of given sizes with random weights, as a model file.
#pragma once
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "nn/model_file.h"
#include "nn/transducer.h"

namespace pipit {

struct TestModel {
  TransducerSizes sizes;
  std::map<std::string, std::vector<float>> values;
  std::map<std::string, std::vector<std::int64_t>> shapes;
  std::string card;

  TestModel(const TransducerSizes& s, std::uint64_t seed) : sizes(s) {
    Random random(seed);
    const auto add = [&](const std::string& name, std::vector<std::size_t> shape, double size, double mean = 0) {
      std::size_t n = 1;
      for (const std::size_t axis : shape) n *= axis;
      std::vector<float>& v = values[name];
      for (std::size_t k = 0; k < n; ++k) v.push_back(static_cast<float>(mean + size * random.normal()));
      shapes[name] = {shape.begin(), shape.end()};
    };
    const auto matrix = [&](const std::string& name, std::size_t rows, std::size_t cols) {
      add(name, {rows, cols}, 1 / std::sqrt(static_cast<double>(cols)));
    };
    const auto layer = [&](const std::string& at, std::size_t in, std::size_t hidden, std::size_t out) {
      matrix(at + "w_ih", 4 * hidden, in);
      matrix(at + "w_hh", 4 * hidden, out);
      add(at + "bias", {4 * hidden}, 0.5);
      matrix(at + "w_hr", out, hidden);
      add(at + "norm_gain", {out}, 0.1, 1);
      add(at + "norm_bias", {out}, 0.1);
    };
    add("features.mean", {s.bands}, 1);
    add("features.inverse_deviation", {s.bands}, 0.1, 1);
    for (std::size_t l = 0; l < s.layers; ++l)
      layer("encoder." + std::to_string(l) + ".", l == 0 ? s.stack * s.bands : s.projection, s.hidden, s.projection);
    if (s.phones > 0) {
      layer("phones.", s.projection, s.back_hidden, s.back_projection);
      matrix("phones.out", kPhoneFrames * s.phones, s.projection + s.back_projection);
      add("phones.out_bias", {kPhoneFrames * s.phones}, 0.1);
    }
    matrix("predictor.embedding", s.tokens, s.embedding);
    matrix("predictor.window", s.joint, s.context * s.embedding);
    add("predictor.window_bias", {s.joint}, 0.1);
    matrix("joint.encoder", s.joint, s.projection);
    add("joint.encoder_bias", {s.joint}, 0.1);
    matrix("joint.predictor", s.joint, s.joint);
    matrix("joint.out", s.tokens, s.joint);
    add("joint.out_bias", {s.tokens}, 0.1);

    card = R"({"architecture": "rnnt-lstm", "sizes": {"bands": )" + std::to_string(s.bands) + R"(, "stack": )" +
           std::to_string(s.stack) + R"(, "layers": )" + std::to_string(s.layers) + R"(, "hidden": )" +
           std::to_string(s.hidden) + R"(, "projection": )" + std::to_string(s.projection) + R"(, "tokens": )" +
           std::to_string(s.tokens) + R"(, "context": )" + std::to_string(s.context) + R"(, "embedding": )" +
           std::to_string(s.embedding) + R"(, "joint": )" + std::to_string(s.joint);
    if (s.phones > 0)
      card += R"(, "phones": )" + std::to_string(s.phones) + R"(, "back_hidden": )" + std::to_string(s.back_hidden) +
              R"(, "back_projection": )" + std::to_string(s.back_projection);
    card += R"(}, "pieces": )" + names("p", s.tokens);
    if (s.phones > 0) card += R"(, "phones": )" + names("S", s.phones);
    card += "}";
  }

  /// The list "", "<stem>1", "<stem>2" ..
  static std::string names(const std::string& stem, std::size_t size) {
    std::string out = "[\"\"";
    for (std::size_t k = 1; k < size; ++k) out += ", \"" + stem + std::to_string(k) + "\"";
    return out + "]";
  }

  /// `without` leaves one tensor out.
  Status write(const std::string& path, StoredAs as = StoredAs::Single, const std::string& without = "") const {
    ModelWriter writer;
    for (const auto& [name, v] : values)
      if (name != without) writer.add(name, shapes.at(name), v, shapes.at(name).size() == 1 ? StoredAs::Single : as);
    writer.set_card(card);
    return writer.write(path);
  }
};

}  // namespace pipit
