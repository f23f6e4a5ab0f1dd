#include "nn/transducer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/contract.h"
#include "nn/json.h"
#include "nn/kernels.h"

namespace pipit {
namespace {

using nlohmann::json;

struct Workspace {
  Scratch layer;
  std::vector<float> h, normed, words, hidden;
};
/// One per thread whatever the model: all it keeps between calls is memory.
thread_local Workspace workspace;

constexpr std::string_view kArchitecture = "rnnt-lstm";

/// A value of the card as it may stand in a line.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true);
  if (text.size() > 32) text.replace(32, std::string::npos, "...");
  return text;
}

Result<TransducerSizes> read_sizes(const json& card, const std::string& path) {
  const auto sizes = card.find("sizes");
  if (sizes == card.end() || !sizes->is_object())
    return Error{Code::BadFormat, path + ": the card has no object 'sizes'"};
  TransducerSizes out;
  struct Field {
    const char* key;
    std::size_t* value;
    std::size_t most;
  };
  constexpr std::size_t kWide = 1 << 16;
  const Field fields[] = {{"bands", &out.bands, 4096},
                          {"stack", &out.stack, 64},
                          {"layers", &out.layers, 64},
                          {"hidden", &out.hidden, kWide},
                          {"projection", &out.projection, kWide},
                          {"tokens", &out.tokens, kWide},
                          {"context", &out.context, 16},
                          {"embedding", &out.embedding, 4096},
                          {"joint", &out.joint, kWide},
                          {"phones", &out.phones, 256},
                          {"back_hidden", &out.back_hidden, kWide},
                          {"back_projection", &out.back_projection, kWide}};
  for (const auto& [key, value, most] : fields) {
    const auto at = sizes->find(key);
    const bool of_phones = value == &out.phones || value == &out.back_hidden || value == &out.back_projection;
    if (of_phones && !sizes->contains("phones")) continue;
    if (at == sizes->end() || !at->is_number_unsigned() || at->get<std::uint64_t>() < 1 ||
        at->get<std::uint64_t>() > most)
      return Error{Code::BadFormat,
                   path + ": card: sizes." + key + " is " + (at == sizes->end() ? "missing" : shown(*at)) +
                       ", wanted a whole number from 1 to " + std::to_string(most)};
    *value = at->get<std::size_t>();
  }
  return out;
}

// The list `field` of the card: what each of `wanted` outputs means.
Result<std::vector<std::string>> read_names(const json& card,
                                            const std::string& path,
                                            const std::string& field,
                                            std::size_t wanted) {
  const auto names = card.find(field);
  const auto bad = [&](const std::string& why) {
    return Error{Code::BadFormat, path + ": card: " + field + " " + why};
  };
  if (names == card.end() || !names->is_array() || names->size() != wanted)
    return bad("is no list of " + std::to_string(wanted) + " texts, as many as its size");
  std::vector<std::string> out;
  for (const json& name : *names) {
    if (!name.is_string() || name.get_ref<const std::string&>().empty() != out.empty())
      return bad("number " + std::to_string(out.size()) + " is " + shown(name) +
                 ", wanted a text, empty for number 0 (blank) alone");
    out.push_back(name.get<std::string>());
  }
  return out;
}

/// Loads tensor after tensor; once one has failed, nothing more happens and `error` says why.
struct Loader {
  const ModelFile& file;
  Arithmetic arithmetic;
  std::optional<Error> error = {};

  template <class T>
  T take(Result<T> loaded) {
    if (loaded) return std::move(*loaded);
    if (!error) error = loaded.error();
    return {};
  }
  Matrix matrix(const std::string& name, std::size_t rows, std::size_t cols) {
    return error ? Matrix() : take(Matrix::load(file, name, rows, cols, arithmetic));
  }
  std::vector<float> vector(const std::string& name, std::size_t n) {
    return error ? std::vector<float>() : take(load_vector(file, name, n));
  }
  Linear linear(const std::string& name, const std::string& bias_name, std::size_t rows, std::size_t cols) {
    Matrix weights = matrix(name, rows, cols);
    std::vector<float> bias = bias_name.empty() ? std::vector<float>() : vector(bias_name, rows);
    return error ? Linear() : Linear(std::move(weights), std::move(bias));
  }
  /// One more of `layers`, of names that begin with `at`; none once something has failed.
  template <class Layer>
  void layer(const std::string& at, std::size_t in, std::size_t hidden, std::size_t out, std::vector<Layer>& layers) {
    Matrix w_ih = matrix(at + "w_ih", 4 * hidden, in);
    Matrix w_hh = matrix(at + "w_hh", 4 * hidden, out);
    std::vector<float> bias = vector(at + "bias", 4 * hidden);
    Matrix w_hr = matrix(at + "w_hr", out, hidden);
    std::vector<float> gain = vector(at + "norm_gain", out);
    std::vector<float> norm_bias = vector(at + "norm_bias", out);
    if (error) return;
    layers.push_back({Lstm(std::move(w_ih), std::move(w_hh), std::move(bias), std::move(w_hr)),
                      LayerNorm(std::move(gain), std::move(norm_bias))});
  }
};

}  // namespace

Result<Transducer> Transducer::load(const ModelFile& file, Arithmetic arithmetic) {
  const auto card = parse_json(file.card());
  if (!card) return Error{Code::BadFormat, file.path() + ": the card is no JSON"};
  const auto architecture = card->find("architecture");
  if (architecture == card->end() || *architecture != std::string(kArchitecture))
    return Error{Code::Unsupported,
                 file.path() + ": card: architecture is " +
                     (architecture == card->end() ? "missing" : shown(*architecture)) + ", wanted \"" +
                     std::string(kArchitecture) + "\""};
  auto sizes = read_sizes(*card, file.path());
  if (!sizes) return sizes.error();
  auto pieces = read_names(*card, file.path(), "pieces", sizes->tokens);
  if (!pieces) return pieces.error();
  auto phones =
      sizes->phones > 0 ? read_names(*card, file.path(), "phones", sizes->phones) : std::vector<std::string>();
  if (!phones) return phones.error();

  Transducer model;
  const TransducerSizes& s = model.sizes_ = *sizes;
  model.pieces_ = std::move(*pieces);
  model.phone_names_ = std::move(*phones);
  Loader from{file, arithmetic};
  model.mean_ = from.vector("features.mean", s.bands);
  model.inverse_deviation_ = from.vector("features.inverse_deviation", s.bands);
  for (std::size_t l = 0; l < s.layers && !from.error; ++l)
    from.layer("encoder." + std::to_string(l) + ".",
               l == 0 ? model.frame_dim() : s.projection,
               s.hidden,
               s.projection,
               model.layers_);
  if (!from.error) {
    const auto table =
        file.get("predictor.embedding", {static_cast<std::int64_t>(s.tokens), static_cast<std::int64_t>(s.embedding)});
    if (!table) return table.error();
    std::vector<float> values = table->values();
    if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); }))
      return Error{Code::BadFormat, file.path() + ": tensor 'predictor.embedding' holds a number that is not finite"};
    model.embedding_ = Embedding(std::move(values), s.embedding);
  }
  model.window_ = from.linear("predictor.window", "predictor.window_bias", s.joint, s.context * s.embedding);
  model.joint_encoder_ = from.linear("joint.encoder", "joint.encoder_bias", s.joint, s.projection);
  model.joint_predictor_ = from.linear("joint.predictor", "", s.joint, s.joint);
  model.joint_out_ = from.linear("joint.out", "joint.out_bias", s.tokens, s.joint);
  if (s.phones > 0) {
    from.layer("phones.", s.projection, s.back_hidden, s.back_projection, model.back_);
    model.phones_out_ =
        from.linear("phones.out", "phones.out_bias", kPhoneFrames * s.phones, s.projection + s.back_projection);
  }
  if (from.error) return *from.error;
  return model;
}

std::string_view Transducer::piece(std::size_t token) const {
  expects(token < pieces_.size(), "Transducer::piece: no such token");
  return pieces_[token];
}

std::size_t Transducer::bytes() const {
  std::size_t total = embedding_.bytes() + window_.bytes() + joint_predictor_.bytes() + joint_encoder_.bytes() +
                      joint_out_.bytes() + phones_out_.bytes();
  for (const auto* layers : {&layers_, &back_})
    for (const Layer& layer : *layers) total += layer.lstm.bytes() + layer.norm.bytes();
  return total;
}

EncoderState Transducer::make_state() const {
  EncoderState state;
  for (const Layer& layer : layers_) state.layers.push_back(layer.lstm.make_state());
  return state;
}

void Transducer::encode(EncoderState& state,
                        std::span<const float> x,
                        std::span<float> e,
                        std::span<float> heard) const {
  expects(x.size() == frame_dim() && e.size() == joint_dim(), "Transducer::encode: lengths differ");
  expects(heard.empty() || heard.size() == heard_dim(), "Transducer::encode: lengths differ");
  expects(state.layers.size() == layers_.size(), "Transducer::encode: the state is of another model");
  Workspace& w = workspace;
  const auto h = Scratch::first(w.h, sizes_.projection), normed = Scratch::first(w.normed, sizes_.projection);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    layers_[l].lstm.step(l == 0 ? x : std::span<const float>(h), state.layers[l], w.layer);
    layers_[l].norm.apply(state.layers[l].h, l == 0 ? h : normed);
    if (l == 0) continue;
    for (std::size_t k = 0; k < h.size(); ++k) h[k] += normed[k];
  }
  joint_encoder_.apply(h, e, w.layer);
  if (!heard.empty()) std::ranges::copy(h, heard.begin());
}

void Transducer::tell_phones(std::span<const float> h, std::span<float> out) const {
  expects(!back_.empty(), "Transducer::tell_phones: the model tells no phones");
  const std::size_t P = heard_dim(), steps = h.size() / P, V = sizes_.phones;
  expects(h.size() == steps * P && out.size() == steps * kPhoneFrames * V, "Transducer::tell_phones: lengths differ");
  Workspace& w = workspace;
  LstmState state = back_[0].lstm.make_state();
  const auto both = Scratch::first(w.h, P + sizes_.back_projection);
  for (std::size_t t = steps; t-- > 0;) {
    const std::span<const float> here = h.subspan(t * P, P);
    const auto phones = out.subspan(t * kPhoneFrames * V, kPhoneFrames * V);
    std::ranges::copy(here, both.begin());
    back_[0].lstm.step(here, state, w.layer);
    back_[0].norm.apply(state.h, both.subspan(P));
    phones_out_.apply(both, phones, w.layer);
    for (std::size_t k = 0; k < kPhoneFrames; ++k) log_softmax_in_place(phones.subspan(k * V, V));
  }
}

void Transducer::predict(std::span<const std::int32_t> window, std::span<float> g) const {
  expects(window.size() == context() && g.size() == joint_dim(), "Transducer::predict: lengths differ");
  Workspace& w = workspace;
  const auto words = Scratch::first(w.words, context() * sizes_.embedding);
  for (std::size_t k = 0; k < window.size(); ++k) {
    expects(window[k] >= 0, "Transducer::predict: no such token");
    std::ranges::copy(embedding_[static_cast<std::size_t>(window[k])],
                      words.begin() + static_cast<std::ptrdiff_t>(k * sizes_.embedding));
  }
  const auto hidden = Scratch::first(w.hidden, joint_dim());
  window_.apply(words, hidden, w.layer);
  relu_in_place(hidden);
  joint_predictor_.apply(hidden, g, w.layer);
}

void Transducer::log_probs(std::span<const float> e, std::span<const float> g, std::span<float> out) const {
  expects(e.size() == joint_dim() && g.size() == joint_dim() && out.size() == tokens(),
          "Transducer::log_probs: lengths differ");
  Workspace& w = workspace;
  const auto hidden = Scratch::first(w.hidden, joint_dim());
  tanh_of_sum(e, g, hidden);
  joint_out_.apply(hidden, out, w.layer);
  log_softmax_in_place(out);
}

}  // namespace pipit
