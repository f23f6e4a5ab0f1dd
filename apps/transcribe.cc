// pipit transcribe — what was said, with times. Words are printed as soon as they are settled: a day of sound, or one
// that never ends, takes no more memory than a minute.
#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>

#include "app.h"
#include "asr/long_recogniser.h"
#include "audio/audio_reader.h"
#include "base/clock.h"
#include "base/file.h"
#include "json.h"
#include "lattice/lattice_io.h"
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
  bool json = false, times = false, raw = false, turns = false, quiet = false;
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

// One sound on its way: where its samples come from, and what was heard in it so far.
class Listening {
 public:
  /// `lattice`: where it goes, without the ending; empty: nowhere.
  Listening(const std::string& file, std::string lattice, const Ears& ears, const TranscribeOptions& o)
      : file_(file), lattice_(std::move(lattice)), ears_(ears), o_(o) {}

  Status hear() {
    if (const Status opened = open(); !opened) return opened;
    SegmentOptions segments;
    if (o_.raw) segments = {.least_s = 0, .most_s = 30, .pause_s = 0.8};  // somebody may be waiting
    if (o_.n_best > 1) segments = {.least_s = 1e9, .most_s = 2e9};        // runners-up of the whole sound
    LongRecogniser recogniser(
        *ears_.model, ears_.search, segments, [&](double begin_s, const Recogniser& heard) { take(begin_s, heard); });
    Stopwatch since_told;
    std::vector<float> samples;
    for (bool more = true; more && !interrupted();) {
      samples.clear();
      const auto read = next(samples);
      if (!read) {
        end_line();
        return read.error();
      }
      more = *read;
      num_samples_ += samples.size();
      {
        const Timed timed(seconds_compute_);
        recogniser.push(samples);
      }
      if (!written_) return written_;
      if (since_told.seconds() > 2 && !o_.raw) tell_progress(), since_told.restart();
    }
    {
      const Timed timed(seconds_compute_);
      recogniser.finish();
    }
    if (!written_) return written_;
    if (o_.json)
      fmt::print("{}\n", as_json().dump(-1, ' ', false, Json::error_handler_t::replace));
    else if (o_.n_best > 1)
      for (const Transcript& one : n_best_) fmt::print("{}{:.3f}\t{}\n", front(), one.log_score, one.text());
    else if (!o_.times)
      fmt::print("{}\n", begun_ ? "" : front());
    std::fflush(stdout);
    return Done{};
  }

 private:
  double seconds_audio() const { return static_cast<double>(num_samples_) / kSampleRate; }
  std::string front() const { return o_.files.size() > 1 ? file_ + "\t" : ""; }

  Status open() {
    if (o_.raw) {
      auto input = InputFile::open(file_);
      if (!input) return input.error();
      raw_.emplace(std::move(*input));
      return Done{};
    }
    auto reader = AudioReader::open(file_);
    if (!reader) return reader.error();
    reader_.emplace(std::move(*reader));
    return Done{};
  }

  Result<bool> next(std::vector<float>& samples) {
    if (reader_) return reader_->read(samples);
    std::array<char, 3200> block;  // 0.1 s
    const auto n = raw_->read(block);
    if (!n) return n.error();
    for (std::size_t k = 0; k + 1 < *n; k += 2) {
      std::int16_t x;
      std::memcpy(&x, block.data() + k, sizeof x);
      samples.push_back(static_cast<float>(x) / 32768);
    }
    return *n == block.size();
  }

  // A segment is done: what is to be printed as it comes is printed, the rest kept.
  void take(double begin_s, const Recogniser& recogniser) {
    Heard heard = heard_by(
        ears_,
        recogniser,
        {.n_best = o_.n_best > 1 ? o_.n_best : 0, .confidence = o_.json || o_.times, .lattice = !lattice_.empty()});
    const Transcript words = later(std::move(heard.best), begin_s);
    n_best_ = std::move(heard.n_best);
    if (!lattice_.empty()) write_lattice(heard.lattice, std::lround(begin_s / recogniser.step_s()));
    if (o_.json) {
      for (const Word& word : words.words) {
        words_.push_back({{"word", word.text},
                          {"start_s", word.start_s},
                          {"end_s", word.end_s},
                          {"confidence", number(word.confidence)}});
        text_.append(text_.empty() ? "" : " ").append(word.text);
      }
    } else if (o_.times) {
      for (const Word& word : words.words)
        fmt::print("{}{:.2f}\t{:.2f}\t{:.2f}\t{}\n", front(), word.start_s, word.end_s, word.confidence, word.text);
    } else if (o_.n_best == 1 && !words.words.empty()) {
      fmt::print("{}{}", begun_ ? " " : front(), words.text());
      begun_ = true;
    }
    std::fflush(stdout);
  }

  // NAME for the first segment, which is most often the only one, then NAME.2, NAME.3 ..; frames since the first
  // sample.
  void write_lattice(Lattice lattice, long begin_frame) {
    const auto by = static_cast<std::int32_t>(begin_frame);
    for (std::int32_t& frame : lattice.frames) frame += by;
    for (LatticeArc& arc : lattice.arcs) arc.start_frame += by, arc.end_frame += by;
    const std::string path = num_lattices_++ == 0 ? lattice_ : fmt::format("{}.{}", lattice_, num_lattices_);
    if (written_) written_ = write_file(path + ".lattice", to_bytes(lattice));
    if (written_) written_ = write_file(path + ".dot", to_graphviz(lattice));
  }

  void end_line() const {
    if (begun_) fmt::print("\n");
  }

  void tell_progress() const {
    const auto clock = [](double s) {
      return fmt::format(
          "{}:{:02}:{:02}", static_cast<int>(s / 3600), static_cast<int>(s / 60) % 60, static_cast<int>(s) % 60);
    };
    const auto all_s = reader_->seconds();
    say(o_.quiet,
        "{}: {}{} heard, {:.0f} times as fast as it was said",
        file_,
        clock(seconds_audio()),
        all_s ? " of " + clock(*all_s) : "",
        seconds_audio() / watch_.seconds());
  }

  Json as_json() {
    Json out{{"file", file_},
             {"text", text_},
             {"words", std::move(words_)},
             {"seconds_audio", seconds_audio()},
             {"seconds_compute", seconds_compute_}};
    if (!lattice_.empty()) out["lattice"] = lattice_ + ".lattice";
    if (o_.n_best > 1) {
      out["n_best"] = Json::array();
      for (const Transcript& one : n_best_)
        out["n_best"].push_back({{"text", one.text()}, {"log_score", number(one.log_score)}});
    }
    return out;
  }

  const std::string& file_;
  const std::string lattice_;
  const Ears& ears_;
  const TranscribeOptions& o_;
  std::optional<AudioReader> reader_;
  std::optional<InputFile> raw_;
  std::size_t num_samples_ = 0;
  double seconds_compute_ = 0;
  Stopwatch watch_;
  int num_lattices_ = 0;
  Status written_ = Done{};
  bool begun_ = false;  // a line of words that has no end yet
  std::string text_;
  Json words_ = Json::array();
  std::vector<Transcript> n_best_;
};

Status run(const TranscribeOptions& o) {
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  if (o.turns) {
    const auto turns = load_turns(o.speech, o.turn, *ears);
    if (!turns) return turns.error();
    return transcribe_turns(o.files, *ears, *turns, o.json);
  }
  if (!o.lattice_folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(o.lattice_folder, error);
    if (error) return Error{Code::Io, o.lattice_folder + ": no folder and cannot be made one: " + error.message()};
  }
  Names names;
  for (const std::string& file : o.files) {
    if (interrupted()) break;
    const std::string lattice =
        o.lattice_folder.empty() ? "" : (std::filesystem::path(o.lattice_folder) / names.of(file)).string();
    Listening listening(file, lattice, *ears, o);
    if (const Status heard = listening.hear(); !heard) return heard;
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
  add_number(app, "--nbest", o->n_best, 1, 100, "so many likeliest transcripts with their score, a natural logarithm");
  app.add_flag(
      "--raw", o->raw, "samples without a header: 16 bits, little-endian, one channel, 16 kHz; words as they come");
  app.add_option(
         "--lattice", o->lattice_folder, "folder for what else may have been said: NAME.lattice, NAME.dot a file")
      ->option_text("DIR");
  app.add_flag("--quiet", o->quiet, "no progress (default: a line each 2 s of work)");
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
