// pipit model info — what a model file holds.
#include "app.h"
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

}  // namespace

void add_model(CLI::App& root, Task& task) {
  CLI::App& model = *root.add_subcommand("model", "look into model files");
  model.require_subcommand(1);
  auto o = std::make_shared<InfoOptions>();
  CLI::App& app = *model.add_subcommand("info", "sizes, training and licence notes, metrics of a model file");
  app.add_option("FILE", o->speech.model, "model file (default: the one that came with the program)");
  add_json(app, o->json);
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
