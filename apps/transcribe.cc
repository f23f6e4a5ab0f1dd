// pipit transcribe — what was said, with times. Words are printed as soon as they are settled: a day of sound, or one
// that never ends, takes no more memory than a minute.
#include <array>
#include <cstring>
#include <optional>

#include "app.h"
#include "asr/long_recogniser.h"
#include "audio/audio_reader.h"
#include "base/clock.h"
#include "base/file.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "speech.h"

namespace pipit {
namespace {

struct TranscribeOptions {
  SpeechOptions speech;
  std::vector<std::string> files;
  bool json = false, times = false, raw = false;
  int n_best = 1;
};

// One sound on its way: where its samples come from, and what was heard in it so far.
class Listening {
 public:
  Listening(const std::string& file, const TranscribeOptions& o) : file_(file), o_(o) {}

  Status hear(const Ears& ears) {
    if (const Status opened = open(); !opened) return opened;
    SegmentOptions segments;
    if (o_.raw) segments = {.least_s = 0, .most_s = 30, .pause_s = 0.8};  // somebody may be waiting
    if (o_.n_best > 1) segments = {.least_s = 1e9, .most_s = 2e9};        // runners-up of the whole sound
    LongRecogniser recogniser(*ears.model, ears.search, segments, [&](const Transcript& words, const Recogniser& more) {
      take(words, more);
    });
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
      if (since_told.seconds() > 2 && !o_.raw) tell_progress(), since_told.restart();
    }
    {
      const Timed timed(seconds_compute_);
      recogniser.finish();
    }
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
  void take(const Transcript& words, const Recogniser& more) {
    if (o_.n_best > 1) n_best_ = more.n_best(o_.n_best);
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
  void end_line() const {
    if (begun_) fmt::print("\n");
  }

  void tell_progress() const {
    const auto clock = [](double s) {
      return fmt::format(
          "{}:{:02}:{:02}", static_cast<int>(s / 3600), static_cast<int>(s / 60) % 60, static_cast<int>(s) % 60);
    };
    const auto all_s = reader_->seconds();
    say(false,
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
    if (o_.n_best > 1) {
      out["n_best"] = Json::array();
      for (const Transcript& one : n_best_)
        out["n_best"].push_back({{"text", one.text()}, {"log_score", number(one.log_score)}});
    }
    return out;
  }

  const std::string& file_;
  const TranscribeOptions& o_;
  std::optional<AudioReader> reader_;
  std::optional<InputFile> raw_;
  std::size_t num_samples_ = 0;
  double seconds_compute_ = 0;
  Stopwatch watch_;
  bool begun_ = false;  // a line of words that has no end yet
  std::string text_;
  Json words_ = Json::array();
  std::vector<Transcript> n_best_;
};

Status run(const TranscribeOptions& o) {
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  for (const std::string& file : o.files) {
    if (interrupted()) break;
    Listening listening(file, o);
    if (const Status heard = listening.hear(*ears); !heard) return heard;
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
  app.add_flag(
      "--raw", o->raw, "samples without a header: 16 bits, little-endian, one channel, 16 kHz; words as they come");
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
