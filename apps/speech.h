// apps/speech.h — what the commands that hear have in common: the model, its options, a clip turned into words.
#pragma once
#include <CLI/App.hpp>
#include <memory>
#include <string>

#include "asr/recogniser.h"
#include "asr/turns.h"
#include "audio/audio_file.h"
#include "lattice/confidence.h"

namespace pipit {

struct SpeechOptions {
  std::string model;  ///< empty: $PIPIT_MODEL, then pipit-en-small.pipit beside the program, in share/ or in models/
  Arithmetic arithmetic = Arithmetic::Int8;
  RecogniserOptions search;
  std::string
      lexicon;     ///< how words are said; "none": none; empty: the file X.lexicon beside the model, if there is one
  std::string lm;  ///< language model; "none": none; empty: the file X.ngram beside the model X.pipit, if there is one
};

/// --model, --arithmetic, --beam, --lm and its weights, --labels-per-frame.
void add_speech(CLI::App& app, SpeechOptions& options);

/// The model file that the options mean. Fails   NotFound, naming where it was looked for.
Result<std::string> model_path(const SpeechOptions& options);
/// What decoding needs, loaded.
struct Ears {
  std::unique_ptr<Transducer> model;
  std::unique_ptr<LabelPrior> lm;    ///< null where none was asked for
  std::unique_ptr<Lexicon> lexicon;  ///< null where there is none
  ConfidenceModel confidence;        ///< from the file X.confidence beside the model X.pipit, if there is one
  RecogniserOptions search;
};
Result<Ears> load_ears(const SpeechOptions& options);

/// Arcs of a lattice that less of all paths' probability goes through are left out; of one for confidence alone, more.
inline constexpr double kLeastPosterior = 0.007, kLeastForConfidence = 0.01;

/// What else than the best words is wanted of a clip.
struct Wanted {
  int n_best = 0;
  bool confidence = false, lattice = false;
};

struct TurnSetting {
  int patience_ms = 850;
};
/// --patience.
void add_turns(CLI::App& app, TurnSetting& setting);
/// End-pointers for these ears: weights from X.endpoint and cadence from X.cadence beside the model X.pipit, sentence
/// ends from english.ends there. Without any of them silence alone counts. Fails   as reading does, BadFormat where the
/// cadence is of another model.
Result<TurnOptions> load_turns(const SpeechOptions& options, const TurnSetting& setting, const Ears& ears);

struct Heard {
  Transcript best;
  std::vector<PathWord> words;  ///< of `best`, for its confidence
  std::vector<Transcript> n_best;
  Lattice lattice;
  double seconds_audio = 0, seconds_compute = 0;  ///< compute: of one core
};
/// Of what a recogniser has heard so far; without the seconds.
Heard heard_by(const Ears& ears, const Recogniser& recogniser, const Wanted& wanted);
/// Words of a whole clip.
Heard hear(const Ears& ears, const Audio& audio, const Wanted& wanted = {});
/// The same, by ears that have heard this voice before: what encoder and normalisation know of it carries on.
Heard hear_on(const Ears& ears, Recogniser& carried, const Audio& audio, const Wanted& wanted = {});

}  // namespace pipit
