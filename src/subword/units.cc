#include "subword/units.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <exception>
#include <unordered_map>

#include "base/file.h"

namespace pipit {
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

class LinesIterator : public sentencepiece::SentenceIterator {
 public:
  explicit LinesIterator(std::span<const std::string> lines) : lines_(lines) { skip_empty(); }
  bool done() const override { return at_ == lines_.size(); }
  void Next() override {
    ++at_;
    skip_empty();
  }
  const std::string& value() const override { return lines_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void skip_empty() {
    while (at_ < lines_.size() && lines_[at_].empty()) ++at_;
  }
  std::span<const std::string> lines_;
  std::size_t at_ = 0;
};

}  // namespace

struct Units::Model {
  sentencepiece::SentencePieceProcessor processor;
};

Units::Units(std::unique_ptr<Model> model, std::vector<std::string> pieces)
    : model_(std::move(model)), pieces_(std::move(pieces)) {}
Units::Units(Units&&) noexcept = default;
Units& Units::operator=(Units&&) noexcept = default;
Units::~Units() = default;

Result<Units> Units::load(const std::string& path) {
  const auto bytes = read_file(path, std::size_t{64} << 20);
  if (!bytes) return bytes.error();
  try {
    auto model = std::make_unique<Model>();
    auto& processor = model->processor;
    if (const auto status = processor.LoadFromSerializedProto(*bytes); !status.ok())
      return Error{Code::BadFormat, path + ": not a SentencePiece model: " + one_line(status.error_message())};
    if (processor.unk_id() != 0 || processor.bos_id() >= 0 || processor.eos_id() >= 0 || processor.pad_id() >= 0)
      return Error{Code::Unsupported,
                   path + ": unknown, begin, end and padding have ids " + std::to_string(processor.unk_id()) + ", " +
                       std::to_string(processor.bos_id()) + ", " + std::to_string(processor.eos_id()) + ", " +
                       std::to_string(processor.pad_id()) + ", want 0 for unknown and no others"};
    std::vector<std::string> pieces(static_cast<std::size_t>(processor.GetPieceSize()));
    for (std::size_t id = 0; id < pieces.size(); ++id) pieces[id] = processor.IdToPiece(static_cast<int>(id));
    return Units(std::move(model), std::move(pieces));
  } catch (const std::exception& e) {
    return Error{Code::BadFormat, path + ": not a SentencePiece model: " + one_line(e.what())};
  }
}

Status Units::train(std::span<const std::string> lines, int size, const std::string& path) {
  expects(size >= 30,
          "Units::train: size must be at least 30: blank, word mark, apostrophe and 26 letters stand alone");
  if (std::all_of(lines.begin(), lines.end(), [](const std::string& line) { return line.empty(); }))
    return Error{Code::InvalidArgument, "units: no text to train on"};
  const std::unordered_map<std::string, std::string> options = {
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(size)},
      {"character_coverage", "1"},
      {"required_chars", "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"},
      {"normalization_rule_name", "identity"},
      {"unk_id", "0"},
      {"bos_id", "-1"},
      {"eos_id", "-1"},
      {"pad_id", "-1"},
      {"num_threads", "1"},  // sums in one order
      {"input_sentence_size", "0"},
      {"max_sentence_length", "1000000"},
      {"minloglevel", "4"},  // the library is quiet
  };
  std::string model;
  try {
    LinesIterator iterator(lines);
    if (const auto status = sentencepiece::SentencePieceTrainer::Train(options, &iterator, &model); !status.ok())
      return Error{Code::InvalidArgument,
                   "units: no model of " + std::to_string(size) + " units: " + one_line(status.error_message())};
  } catch (const std::exception& e) {
    return Error{Code::InvalidArgument, std::string("units: training failed: ") + one_line(e.what())};
  }
  return write_file(path, model);
}

std::vector<std::int32_t> Units::encode(std::string_view text) const {
  std::vector<int> ids;
  try {
    const auto status = model_->processor.Encode(text, &ids);
    expects(status.ok(), "Units::encode: a loaded model must encode");
  } catch (const std::exception&) {
    expects(false, "Units::encode: a loaded model must not throw");
  }
  return {ids.begin(), ids.end()};
}

std::string Units::decode(std::span<const std::int32_t> ids) const {
  std::vector<std::string> chosen;
  chosen.reserve(ids.size());
  for (const std::int32_t id : ids)
    if (const std::string& text = piece(id); id != 0) chosen.push_back(text);
  return join_pieces(chosen);
}

const std::string& Units::piece(std::int32_t id) const {
  expects(id >= 0 && id < size(), "Units::piece: no such id");
  return pieces_[static_cast<std::size_t>(id)];
}

}  // namespace pipit
