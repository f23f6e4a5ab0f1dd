#include <nlohmann/json.hpp>

#include "nn/model_file.h"
#include "train/trainer.h"

namespace pipit::train {
namespace {

using torch::Tensor;
constexpr std::int64_t kGoldenSteps = 40;  // 2.4 s of a clip are enough, and small

// Calls visit(beginning of its names in the file, lstm) for every LSTM.
template <class Visit>
void each_lstm(Transducer& model, const Visit& visit) {
  for (std::size_t l = 0; l < model->encoder->lstms.size(); ++l)
    visit("encoder." + std::to_string(l) + '.', model->encoder->lstms[l]);
  if (model->sizes.phones > 0) visit("phones.", model->phone_teller->lstm);
}

// Calls visit(name in the file, parameter) for everything that is trained. Of an LSTM's two biases the file has the
// sum.
template <class Visit>
void each_tensor(Transducer& model, const Visit& visit) {
  const auto visit_lstm = [&](const std::string& at, torch::nn::LSTM& lstm, torch::nn::LayerNorm& norm) {
    auto of = lstm->named_parameters();
    visit(at + "w_ih", of["weight_ih_l0"]);
    visit(at + "w_hh", of["weight_hh_l0"]);
    visit(at + "w_hr", of["weight_hr_l0"]);
    visit(at + "norm_gain", norm->weight);
    visit(at + "norm_bias", norm->bias);
  };
  for (std::size_t l = 0; l < model->encoder->lstms.size(); ++l)
    visit_lstm("encoder." + std::to_string(l) + '.', model->encoder->lstms[l], model->encoder->norms[l]);
  visit("predictor.embedding", model->predictor->embedding->weight);
  visit("predictor.window", model->predictor->window->weight);
  visit("predictor.window_bias", model->predictor->window->bias);
  visit("joint.encoder", model->joint_encoder->weight);
  visit("joint.encoder_bias", model->joint_encoder->bias);
  visit("joint.predictor", model->joint_predictor->weight);
  visit("joint.out", model->joint_out->weight);
  visit("joint.out_bias", model->joint_out->bias);
  if (model->sizes.phones == 0) {
    visit("ctc.out", model->ctc_out->weight);
    visit("ctc.out_bias", model->ctc_out->bias);
    return;
  }
  auto& teller = *model->phone_teller;
  visit_lstm("phones.", teller.lstm, teller.norm);
  visit("phones.out", teller.out->weight);
  visit("phones.out_bias", teller.out->bias);
}

void add(ModelWriter& writer, const std::string& name, const Tensor& tensor) {
  const Tensor values = tensor.detach().to(torch::kCPU).to(torch::kFloat).contiguous();
  writer.add(name, values.sizes().vec(), std::span(values.data_ptr<float>(), static_cast<std::size_t>(values.numel())));
}

/// While it lives everything is computed in fp32. Training lets tensor cores round to 10 bits (TF32), which put golden
/// activations 2.8e-4 away from what the weights say: as far as fp16 weights do.
class FullPrecision {
 public:
  FullPrecision() { set(false, false); }
  ~FullPrecision() { set(cublas_, cudnn_); }
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  static void set(bool cublas, bool cudnn) {
    at::globalContext().setAllowTF32CuBLAS(cublas);
    at::globalContext().setAllowTF32CuDNN(cudnn);
  }
  const bool cublas_ = at::globalContext().allowTF32CuBLAS(), cudnn_ = at::globalContext().allowTF32CuDNN();
};

}  // namespace

Status export_model(Transducer& model,
                    const FeatureCache& cache,
                    const std::vector<std::string>& pieces,
                    const std::vector<std::string>& phones,
                    const std::string& card,
                    const std::string& folder) {
  const torch::NoGradGuard no_gradient;
  const FullPrecision full_precision;
  model->eval();
  const ModelSizes& s = model->sizes;
  ModelWriter writer;
  add(writer, "features.mean", cache.mean());
  add(writer, "features.inverse_deviation", cache.inverse_deviation());
  each_tensor(model, [&](const std::string& name, const Tensor& t) { add(writer, name, t); });
  each_lstm(model, [&](const std::string& at, torch::nn::LSTM& lstm) {
    auto of = lstm->named_parameters();
    add(writer, at + "bias", of["bias_ih_l0"] + of["bias_hh_l0"]);
  });
  auto json = nlohmann::json::parse(card.empty() ? "{}" : card, nullptr, false);
  if (json.is_discarded() || !json.is_object()) return Error{Code::BadFormat, "card: not a JSON object"};
  json["architecture"] = "rnnt-lstm";
  json["sizes"] = {{"bands", s.bands},
                   {"stack", s.stack},
                   {"layers", s.layers},
                   {"hidden", s.hidden},
                   {"projection", s.projection},
                   {"tokens", s.tokens},
                   {"context", s.context},
                   {"embedding", s.embedding},
                   {"joint", s.joint}};
  if (s.phones > 0) {
    json["sizes"]["phones"] = s.phones;
    json["sizes"]["back_hidden"] = s.back_hidden;
    json["sizes"]["back_projection"] = s.back_projection;
  }
  json["prior_frames"] = kPriorFrames;
  json["pieces"] = pieces;
  json["pieces"][0] = "";  // blank
  if (s.phones > 0) json["phones"] = phones, json["phones"][0] = "";
  writer.set_card(json.dump());
  if (Status status = writer.write(folder + "/model.pipit"); !status) return status;

  Random unused(1);
  const auto& set = cache.tune().empty() ? cache.train() : cache.tune();
  const Batch clip = make_batch(cache, set, {{0, set[0].original}}, s, nullptr, unused);
  const std::int64_t steps = std::min<std::int64_t>(kGoldenSteps, clip.x.size(1));
  const Tensor x = clip.x.narrow(1, 0, steps), h = model->encoder->forward(x), e = model->joint_encoder->forward(h);
  const Tensor g =
      model->joint_predictor->forward(model->predictor->forward(torch::zeros({1, s.context}, clip.tokens.options())));
  ModelWriter golden;
  add(golden, "golden.x", x[0]);
  add(golden, "golden.encoder", e[0]);
  add(golden, "golden.log_probs", torch::log_softmax(model->joint_out->forward(torch::tanh(e + g)), 2)[0]);
  if (s.phones > 0) add(golden, "golden.phones", torch::log_softmax(model->ctc(h, {steps}), 2)[0]);
  golden.set_card("{\"clip\": \"" + set[0].id + "\"}");
  Status status = golden.write(folder + "/golden.pipit");
  model->train();
  return status;
}

Status start_from(Transducer& model, const std::string& path) {
  const torch::NoGradGuard no_gradient;
  const auto file = ModelFile::open(path);
  if (!file) return file.error();
  Status status = Done{};
  const auto take = [&](const std::string& name, Tensor into) {
    if (!status || (name.starts_with("phones.") && file->find(name) == nullptr))
      return;  // a first model of tokens alone will do
    const auto found = file->get(name, into.sizes().vec());
    if (!found) {
      status = found.error();
      return;
    }
    const std::vector<float> values = found->values();
    into.copy_(torch::tensor(values).view(into.sizes()));
  };
  each_tensor(model, take);
  each_lstm(model, [&](const std::string& at, torch::nn::LSTM& lstm) {
    auto of = lstm->named_parameters();
    take(at + "bias", of["bias_ih_l0"]);
    of["bias_hh_l0"].zero_();
  });
  return status;
}

}  // namespace pipit::train
