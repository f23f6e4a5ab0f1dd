// pipit transcribe — what was said, with times.
#include "app.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "speech.h"
#include "transcribe_turns.h"

namespace pipit {
namespace {

struct TranscribeOptions {
  SpeechOptions speech;
  std::vector<std::string> files;
  TurnSetting turn;
  bool json = false, times = false, turns = false;
  int n_best = 1;
};

Json as_json(const std::string& file, const Heard& heard, const TranscribeOptions& o) {
  Json words = Json::array();
  for (const Word& word : heard.best.words)
    words.push_back({{"word", word.text},
                     {"start_s", word.start_s},
                     {"end_s", word.end_s},
                     {"confidence", number(word.confidence)}});
  Json out{{"file", file},
           {"text", heard.best.text()},
           {"words", std::move(words)},
           {"seconds_audio", heard.seconds_audio},
           {"seconds_compute", heard.seconds_compute}};
  if (o.n_best > 1) {
    out["n_best"] = Json::array();
    for (const Transcript& one : heard.n_best)
      out["n_best"].push_back({{"text", one.text()}, {"log_score", number(one.log_score)}});
  }
  return out;
}

void print(const std::string& file, const Heard& heard, const TranscribeOptions& o) {
  const std::string front = o.files.size() > 1 ? file + "\t" : "";
  if (o.times) {
    for (const Word& word : heard.best.words)
      fmt::print("{}{:.2f}\t{:.2f}\t{:.2f}\t{}\n", front, word.start_s, word.end_s, word.confidence, word.text);
    return;
  }
  if (o.n_best == 1) return fmt::print("{}{}\n", front, heard.best.text());
  for (const Transcript& one : heard.n_best) fmt::print("{}{:.3f}\t{}\n", front, one.log_score, one.text());
}

Status run(const TranscribeOptions& o) {
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  if (o.turns) {
    const auto turns = load_turns(o.speech, o.turn, *ears);
    if (!turns) return turns.error();
    return transcribe_turns(o.files, *ears, *turns, o.json);
  }
  for (const std::string& file : o.files) {
    const auto audio = read_audio(file);
    if (!audio) return audio.error();
    const Heard heard = hear(*ears, *audio, o.n_best);
    if (o.json)
      fmt::print("{}\n", as_json(file, heard, o).dump(-1, ' ', false, Json::error_handler_t::replace));
    else
      print(file, heard, o);
  }
  return Done{};
}

}  // namespace

void add_transcribe(CLI::App& root, Task& task) {
  auto o = std::make_shared<TranscribeOptions>();
  CLI::App& app = *root.add_subcommand("transcribe", "what was said in sound files: WAV, FLAC, Ogg, Opus, MP3");
  app.add_option("FILES", o->files, "sound files; '-' is standard input")->required();
  add_speech(app, o->speech);
  app.add_flag("--json", o->json, "one JSON object per file and line: text, words with times and confidence");
  app.add_flag("--times", o->times, "one word a line: start (s), end (s), confidence, word");
  app.add_flag("--turns", o->turns, "as a listener hears it: what is heard so far, and where the speaker has finished");
  add_turns(app, o->turn);
  add_number(app, "--nbest", o->n_best, 1, 100, "so many likeliest transcripts with their log probability");
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
