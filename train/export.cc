#include <nlohmann/json.hpp>

#include "nn/model_file.h"
#include "train/trainer.h"

namespace pipit::train {
namespace {

using torch::Tensor;

// Calls visit(name in the file, parameter) for everything that is trained. Of an LSTM's two biases the file has the
// sum.
template <class Visit>
void each_tensor(Transducer& model, const Visit& visit) {
  for (std::size_t l = 0; l < model->encoder->lstms.size(); ++l) {
    const std::string at = "encoder." + std::to_string(l) + '.';
    auto of = model->encoder->lstms[l]->named_parameters();
    visit(at + "w_ih", of["weight_ih_l0"]);
    visit(at + "w_hh", of["weight_hh_l0"]);
    visit(at + "w_hr", of["weight_hr_l0"]);
    visit(at + "norm_gain", model->encoder->norms[l]->weight);
    visit(at + "norm_bias", model->encoder->norms[l]->bias);
  }
  visit("predictor.embedding", model->predictor->embedding->weight);
  visit("predictor.window", model->predictor->window->weight);
  visit("predictor.window_bias", model->predictor->window->bias);
  visit("joint.encoder", model->joint_encoder->weight);
  visit("joint.encoder_bias", model->joint_encoder->bias);
  visit("joint.predictor", model->joint_predictor->weight);
  visit("joint.out", model->joint_out->weight);
  visit("joint.out_bias", model->joint_out->bias);
  visit("ctc.out", model->ctc_out->weight);
  visit("ctc.out_bias", model->ctc_out->bias);
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
  for (std::size_t l = 0; l < model->encoder->lstms.size(); ++l) {
    auto of = model->encoder->lstms[l]->named_parameters();
    add(writer, "encoder." + std::to_string(l) + ".bias", of["bias_ih_l0"] + of["bias_hh_l0"]);
  }
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
  json["prior_frames"] = kPriorFrames;
  json["pieces"] = pieces;
  json["pieces"][0] = "";  // blank
  writer.set_card(json.dump());
  if (Status status = writer.write(folder + "/model.pipit"); !status) return status;

  Random unused(1);
  const auto& set = cache.tune().empty() ? cache.train() : cache.tune();
  const Batch clip = make_batch(cache, set, {{0, set[0].original}}, s, nullptr, unused);
  const Tensor e = model->joint_encoder->forward(model->encoder->forward(clip.x));
  const Tensor g =
      model->joint_predictor->forward(model->predictor->forward(torch::zeros({1, s.context}, clip.tokens.options())));
  ModelWriter golden;
  add(golden, "golden.x", clip.x[0]);
  add(golden, "golden.encoder", e[0]);
  add(golden, "golden.log_probs", torch::log_softmax(model->joint_out->forward(torch::tanh(e + g)), 2)[0]);
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
    if (!status) return;
    const auto found = file->get(name, into.sizes().vec());
    if (!found) {
      status = found.error();
      return;
    }
    const std::vector<float> values = found->values();
    into.copy_(torch::tensor(values).view(into.sizes()));
  };
  each_tensor(model, take);
  for (std::size_t l = 0; l < model->encoder->lstms.size(); ++l) {
    auto of = model->encoder->lstms[l]->named_parameters();
    take("encoder." + std::to_string(l) + ".bias", of["bias_ih_l0"]);
    of["bias_hh_l0"].zero_();
  }
  return status;
}

}  // namespace pipit::train
