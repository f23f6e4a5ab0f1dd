// pipit transcribe — what was said, with times.
#include <filesystem>
#include <set>

#include "app.h"
#include "json.h"
#include "lattice/lattice_io.h"
#include "options.h"
#include "progress.h"
#include "speech.h"

namespace pipit {
namespace {

struct TranscribeOptions {
  SpeechOptions speech;
  std::vector<std::string> files;
  bool json = false, times = false;
  int n_best = 1;
  std::string lattice_folder;  ///< empty: none
};

// A name for each file's lattice: its own without folder and ending, and a number where another had that name before.
class Names {
 public:
  std::string of(const std::string& file) {
    const std::string stem = file == "-" ? "stdin" : std::filesystem::path(file).stem().string();
    std::string name = stem;
    for (int copy = 2; !taken_.insert(name).second; ++copy) name = fmt::format("{}-{}", stem, copy);
    return name;
  }

 private:
  std::set<std::string> taken_;
};

Status write_lattice(const Lattice& lattice, const std::string& path) {
  if (const Status written = write_file(path + ".lattice", to_bytes(lattice)); !written) return written;
  return write_file(path + ".dot", to_graphviz(lattice));
}

Json as_json(const std::string& file, const std::string& lattice, const Heard& heard, const TranscribeOptions& o) {
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
  if (!lattice.empty()) out["lattice"] = lattice + ".lattice";
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
  if (!o.lattice_folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(o.lattice_folder, error);
    if (error) return Error{Code::Io, o.lattice_folder + ": no folder and cannot be made one: " + error.message()};
  }
  Names names;
  for (const std::string& file : o.files) {
    const auto audio = read_audio(file);
    if (!audio) return audio.error();
    const bool lattice = !o.lattice_folder.empty();
    const Heard heard = hear(*ears, *audio, {.n_best = o.n_best, .confidence = o.json || o.times, .lattice = lattice});
    const std::string path = lattice ? (std::filesystem::path(o.lattice_folder) / names.of(file)).string() : "";
    if (lattice)
      if (const Status written = write_lattice(heard.lattice, path); !written) return written;
    if (o.json)
      fmt::print("{}\n", as_json(file, path, heard, o).dump(-1, ' ', false, Json::error_handler_t::replace));
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
  add_number(app, "--nbest", o->n_best, 1, 100, "so many likeliest transcripts with their log probability");
  app.add_option(
         "--lattice", o->lattice_folder, "folder for what else may have been said: NAME.lattice, NAME.dot a file")
      ->option_text("DIR");
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
