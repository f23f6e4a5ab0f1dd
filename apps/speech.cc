#include "speech.h"

#include <cstdlib>
#include <filesystem>

#include "base/clock.h"
#include "lm/ngram.h"
#include "options.h"

namespace pipit {

void add_speech(CLI::App& app, SpeechOptions& o) {
  app.add_option("--model", o.model, "model file (default: $PIPIT_MODEL, else the one that came with the program)")
      ->option_text("FILE");
  add_choice<Arithmetic>(app,
                         "--arithmetic",
                         o.arithmetic,
                         {{"fp32", Arithmetic::Single}, {"fp16", Arithmetic::Half}, {"int8", Arithmetic::Int8}},
                         "what the weights are held in");
  add_number(app, "--beam", o.search.beam, 1, 64, "hypotheses kept after each frame; 1: the best one alone");
  app.add_option(
         "--lm", o.lm, "language model of the model's tokens; none: without (default: FILE.ngram beside the model)")
      ->option_text("FILE");
  add_number(app, "--lm-weight", o.search.lm_weight, 0.0F, 5.0F, "of the language model's log probabilities");
  add_number(
      app, "--label-bonus", o.search.label_bonus, -5.0F, 5.0F, "added for every label where a language model is used");
  add_number(
      app, "--labels-per-frame", o.search.labels_per_frame, 1, 10, "pieces of words in one frame of 60 ms, at most");
}

Result<std::string> model_path(const SpeechOptions& o) {
  namespace fs = std::filesystem;
  if (!o.model.empty()) return o.model;
  if (const char* named = std::getenv("PIPIT_MODEL"); named != nullptr && *named != '\0') return std::string(named);
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const std::string file = "pipit-en-small.pipit";
  for (fs::path folder = program.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    for (const char* place : {"", "share/pipit", "models"})
      if (const fs::path found = folder / place / file; fs::is_regular_file(found, ignored)) return found.string();
    if (folder == folder.root_path()) break;
  }
  return Error{Code::NotFound,
               file + ": not beside the program, nor in share/pipit or models above it; name one with --model"};
}

Result<Ears> load_ears(const SpeechOptions& o) {
  const auto path = model_path(o);
  if (!path) return path.error();
  const auto file = ModelFile::open(*path);
  if (!file) return file.error();
  auto model = Transducer::load(*file, o.arithmetic);
  if (!model) return model.error();
  Ears ears{.model = std::make_unique<Transducer>(std::move(*model)), .lm = nullptr, .search = o.search};
  std::string lm_path = o.lm;
  if (lm_path.empty()) {
    lm_path = std::filesystem::path(file->path()).replace_extension(".ngram").string();
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(lm_path, ignored)) return ears;
  }
  if (lm_path == "none") return ears;
  auto lm = NgramModel::open(lm_path);
  if (!lm) return lm.error();
  if (lm->tokens() != static_cast<int>(ears.model->tokens()))
    return Error{Code::InvalidArgument,
                 fmt::format("{}: {} tokens, the model has {}", lm_path, lm->tokens(), ears.model->tokens())};
  ears.lm = std::make_unique<NgramModel>(std::move(*lm));
  ears.search.lm = ears.lm.get();
  return ears;
}

void add_turns(CLI::App& app, TurnSetting& setting) {
  add_number(app,
             "--patience",
             setting.patience_ms,
             100,
             10000,
             "ms of silence that end a turn; less where it sounds finished, more where it does not");
}

Result<TurnOptions> load_turns(const SpeechOptions& o, const TurnSetting& setting, const Ears& ears) {
  namespace fs = std::filesystem;
  TurnOptions out;
  out.search = ears.search;
  out.end.patience_s = setting.patience_ms / 1e3;
  const auto model = model_path(o);
  if (!model) return model.error();
  std::error_code ignored;
  if (const fs::path file = fs::path(*model).replace_extension(".endpoint"); fs::exists(file, ignored)) {
    const auto weights = read_end_weights(file.string());
    if (!weights) return weights.error();
    out.weights = *weights;
  }
  if (const fs::path file = fs::path(*model).replace_filename("english.ends"); fs::exists(file, ignored)) {
    auto ends = SentenceEnds::open(file.string());
    if (!ends) return ends.error();
    out.sentence_ends = std::move(*ends);
  }
  return out;
}

Heard hear(const Ears& ears, const Audio& audio, int most) {
  const Stopwatch watch;
  Recogniser recogniser(*ears.model, ears.search);
  recogniser.push(audio.samples);
  recogniser.finish();
  Heard heard;
  heard.best = recogniser.best();
  heard.seconds_audio = audio.seconds();
  if (most > 0) heard.n_best = recogniser.n_best(most);
  heard.seconds_compute = watch.seconds();
  return heard;
}

}  // namespace pipit
