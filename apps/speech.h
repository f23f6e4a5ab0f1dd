// apps/speech.h — what the commands that hear have in common: the model, its options, a clip turned into words.
#pragma once
#include <CLI/App.hpp>
#include <memory>
#include <string>

#include "asr/recogniser.h"
#include "asr/turns.h"
#include "audio/audio_file.h"

namespace pipit {

struct SpeechOptions {
  std::string model;  ///< empty: $PIPIT_MODEL, then pipit-en-small.pipit beside the program, in share/ or in models/
  Arithmetic arithmetic = Arithmetic::Int8;
  SearchOptions search;
  std::string lm;  ///< language model; "none": none; empty: the file X.ngram beside the model X.pipit, if there is one
};

/// --model, --arithmetic, --beam and --labels-per-frame.
void add_speech(CLI::App& app, SpeechOptions& options);

/// The model file that the options mean. Fails   NotFound, naming where it was looked for.
Result<std::string> model_path(const SpeechOptions& options);
/// What decoding needs, loaded.
struct Ears {
  std::unique_ptr<Transducer> model;
  std::unique_ptr<LabelPrior> lm;  ///< null where none was asked for
  SearchOptions search;
};
Result<Ears> load_ears(const SpeechOptions& options);

struct TurnSetting {
  int patience_ms = 1100;
};
/// --patience.
void add_turns(CLI::App& app, TurnSetting& setting);
/// End-pointers for these ears: weights from X.endpoint beside the model X.pipit, sentence ends from english.ends
/// there; where a file is missing, silence alone counts.
Result<TurnOptions> load_turns(const SpeechOptions& options, const TurnSetting& setting, const Ears& ears);

/// Words of a whole clip, and up to `most` runners-up with the best one first; seconds of one core that it took.
struct Heard {
  Transcript best;
  std::vector<Transcript> n_best;
  double seconds_audio = 0, seconds_compute = 0;
};
Heard hear(const Ears& ears, const Audio& audio, int most = 0);

}  // namespace pipit
