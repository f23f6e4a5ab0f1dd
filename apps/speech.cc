#include "speech.h"

#include <cstdlib>
#include <filesystem>

#include "audio/log_mel.h"
#include "base/clock.h"
#include "base/file.h"
#include "lattice/posteriors.h"
#include "lm/word_ngram.h"
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
  add_number(app, "--beam", o.search.beam, 1, 256, "hypotheses kept after each frame; 1: the best one alone");
  app.add_option(
         "--lm", o.lm, "language model of the model's tokens; none: without (default: FILE.ngram beside the model)")
      ->option_text("FILE");
  add_number(app, "--lm-weight", o.search.lm_weight, 0.0F, 5.0F, "of the language model's log probabilities");
  add_number(
      app, "--label-bonus", o.search.label_bonus, -5.0F, 5.0F, "added for every label where a language model is used");
  add_number(app,
             "--own-text-weight",
             o.search.own_text_weight,
             0.0F,
             2.0F,
             "taken off of what the model says without sound, where a language model is used");
  add_number(
      app, "--views", o.search.views, 1, 6, "shifts of the sound that the network hears and averages; 1 is quicker");
  app.add_option("--lexicon",
                 o.lexicon,
                 "how words are said, for a second look at the words by their phones; none: without (default: "
                 "FILE.lexicon beside the model)")
      ->option_text("FILE");
  add_number(app, "--phone-weight", o.search.second_look.weight, 0.0, 5.0, "of the phones' log probabilities there");
  add_number(
      app, "--labels-per-frame", o.search.labels_per_frame, 1, 40, "pieces of words in one frame of 60 ms, at most");
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
  if (model->sizes().bands != kNumBands)
    return Error{Code::Unsupported,
                 fmt::format("{}: hears {} bands, wanted {}", *path, model->sizes().bands, kNumBands)};
  Ears ears{.model = std::make_unique<Transducer>(std::move(*model)),
            .lm = nullptr,
            .lexicon = nullptr,
            .confidence = {},
            .search = o.search};
  const auto beside = [&](const char* ending) {  // empty where there is none
    const std::string there = std::filesystem::path(file->path()).replace_extension(ending).string();
    std::error_code ignored;
    return std::filesystem::is_regular_file(there, ignored) ? there : std::string();
  };
  if (const std::string there = beside(".confidence"); !there.empty()) {
    const auto text = read_file(there, std::size_t{1} << 20);
    if (!text) return text.error();
    auto confidence = ConfidenceModel::parse(*text, there);
    if (!confidence) return confidence.error();
    ears.confidence = std::move(*confidence);
  }
  std::string lexicon_path = o.lexicon;
  if (lexicon_path.empty() && ears.model->sizes().phones > 0) lexicon_path = beside(".lexicon");
  if (!lexicon_path.empty() && lexicon_path != "none") {
    if (ears.model->sizes().phones == 0)
      return Error{Code::InvalidArgument, lexicon_path + ": of no use, the model " + *path + " tells no phones"};
    auto lexicon = Lexicon::open(lexicon_path, ears.model->phone_names());
    if (!lexicon) return lexicon.error();
    ears.lexicon = std::make_unique<Lexicon>(std::move(*lexicon));
    ears.search.lexicon = ears.lexicon.get();
  }
  std::string lm_path = o.lm;
  if (lm_path.empty()) lm_path = beside(".ngram");
  if (lm_path.empty()) return ears;
  if (lm_path == "none") return ears;
  auto lm = WordNgramModel::open(lm_path);
  if (!lm) return lm.error();
  if (lm->tokens() != static_cast<int>(ears.model->tokens()))
    return Error{Code::InvalidArgument,
                 fmt::format("{}: {} tokens, the model has {}", lm_path, lm->tokens(), ears.model->tokens())};
  ears.lm = std::make_unique<WordNgramModel>(std::move(*lm));
  ears.search.lm = ears.lm.get();
  return ears;
}

void add_turns(CLI::App& app, TurnSetting& setting) {
  add_number(app,
             "--patience",
             setting.patience_ms,
             100,
             10000,
             "ms of silence that end a turn; less where it sounds finished, never below 200, more where it does not");
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
  if (const fs::path file = fs::path(*model).replace_extension(".cadence"); fs::exists(file, ignored)) {
    auto cadence = Cadence::open(file.string());
    if (!cadence) return cadence.error();
    const std::size_t wanted = Cadence::kParts * ears.model->heard_dim();
    if (cadence->size() != wanted)
      return Error{Code::BadFormat,
                   fmt::format("{}: {} weights; this model wants {}", file.string(), cadence->size(), wanted)};
    out.cadence = std::move(*cadence);
  }
  if (const fs::path file = fs::path(*model).replace_filename("english.ends"); fs::exists(file, ignored)) {
    auto ends = SentenceEnds::open(file.string());
    if (!ends) return ends.error();
    out.sentence_ends = std::move(*ends);
  }
  return out;
}

Heard heard_by(const Ears& ears, const Recogniser& recogniser, const Wanted& wanted) {
  Heard heard;
  if (wanted.n_best == 0 && !wanted.lattice && !wanted.confidence) {
    heard.best = recogniser.settled();
    return heard;
  }
  const Lattice all = recogniser.lattice();
  heard.best = best_transcript(all, recogniser.step_s());
  if (wanted.n_best > 0) heard.n_best = best_transcripts(all, wanted.n_best, recogniser.step_s());
  if (wanted.lattice || wanted.confidence) {
    const ScoreWeights scale{PosteriorScale().sharp, PosteriorScale().sharp};
    heard.lattice = prune_by_posterior(all, kLeastPosterior, scale);
    heard.words = best_words(prune_by_posterior(heard.lattice, kLeastForConfidence, scale));
    expects(heard.words.size() == heard.best.words.size(), "heard_by: the lattice's best path says other words");
    for (std::size_t k = 0; k < heard.words.size(); ++k)
      heard.best.words[k].confidence = ears.confidence(heard.words[k]);
  }
  return heard;
}

Heard hear(const Ears& ears, const Audio& audio, const Wanted& wanted) {
  Recogniser recogniser(*ears.model, ears.search);
  return hear_on(ears, recogniser, audio, wanted);
}

Heard hear_on(const Ears& ears, Recogniser& recogniser, const Audio& audio, const Wanted& wanted) {
  const Stopwatch watch;
  recogniser.start_turn();
  recogniser.push(audio.samples);
  recogniser.finish();
  Heard heard = heard_by(ears, recogniser, wanted);
  heard.seconds_audio = audio.seconds();
  heard.seconds_compute = watch.seconds();
  return heard;
}

}  // namespace pipit
