// pipit model — what a model file holds (info), and the same model with its matrices stored otherwise (convert).
#include "app.h"
#include "base/file.h"
#include "json.h"
#include "nn/model_file.h"
#include "options.h"
#include "progress.h"
#include "speech.h"

namespace pipit {
namespace {

struct InfoOptions {
  SpeechOptions speech;
  std::string json;
};

Status run(const InfoOptions& o) {
  const auto path = model_path(o.speech);
  if (!path) return path.error();
  const auto file = ModelFile::open(*path);
  if (!file) return file.error();
  std::size_t parameters = 0;
  Json tensors = Json::array();
  for (const auto& [called, tensor] : file->tensors()) {
    parameters += tensor.size();
    tensors.push_back({{"name", called}, {"format", name(tensor.stored_as)}, {"shape", tensor.shape}});
  }
  Json card = Json::parse(file->card(), nullptr, false);
  if (!is_standard_output(o.json)) {
    fmt::print(
        "{}: {} parameters in {} tensors, {} bytes\n", *path, parameters, file->tensors().size(), file->size_bytes());
    for (const auto& [key, value] : card.items())
      if (key != "pieces") fmt::print("{}: {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return write_json(o.json,
                    {{"file", *path},
                     {"parameters", parameters},
                     {"bytes", file->size_bytes()},
                     {"card", card},
                     {"tensors", tensors}});
}

struct ConvertOptions {
  std::string file, out, card;
  StoredAs as = StoredAs::Half;
};

// Vectors (biases, norms, statistics of the features) stay fp32: they are few, and every sum begins with one.
Status run(const ConvertOptions& o) {
  if (const Status fine = can_write(o.out); !fine) return fine;
  const auto file = ModelFile::open(o.file);
  if (!file) return file.error();
  Json card = Json::parse(file->card(), nullptr, false);
  if (!o.card.empty()) {
    const auto text = read_file(o.card);
    if (!text) return text.error();
    const Json more = Json::parse(*text, nullptr, false);
    if (!more.is_object()) return Error{Code::BadFormat, o.card + ": is no JSON object"};
    card.merge_patch(more);
  }
  card["stored_as"] = name(o.as);
  ModelWriter writer;
  for (const auto& [called, tensor] : file->tensors())
    writer.add(called, tensor.shape, tensor.values(), tensor.shape.size() == 1 ? StoredAs::Single : o.as);
  writer.set_card(card.dump());
  return writer.write(o.out);
}

}  // namespace

void add_model(CLI::App& root, Task& task) {
  CLI::App& model = *root.add_subcommand("model", "look into model files, and store them in fewer bytes");
  model.require_subcommand(1);
  auto o = std::make_shared<InfoOptions>();
  CLI::App& app = *model.add_subcommand("info", "sizes, training and licence notes, metrics of a model file");
  app.add_option("FILE", o->speech.model, "model file (default: the one that came with the program)");
  add_json(app, o->json);
  app.callback([o, &task] { task = [o] { return run(*o); }; });

  auto c = std::make_shared<ConvertOptions>();
  CLI::App& convert = *model.add_subcommand("convert", "the same model with its matrices stored in another format");
  convert.add_option("FILE", c->file, "model file")->required();
  add_choice<StoredAs>(convert,
                       "--as",
                       c->as,
                       {{"f32", StoredAs::Single}, {"f16", StoredAs::Half}, {"i8", StoredAs::Int8}},
                       "format of the matrices; vectors stay f32");
  convert.add_option("--out", c->out, "model file to write; may be FILE itself")->option_text("FILE")->required();
  convert
      .add_option("--card", c->card, "JSON object whose fields replace or extend those of the card; null removes one")
      ->option_text("FILE");
  convert.callback([c, &task] { task = [c] { return run(*c); }; });
}

}  // namespace pipit
