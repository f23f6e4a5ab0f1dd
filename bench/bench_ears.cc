// bench_ears — the ears against the clock and against a peer, on the dev split of a speech bundle, on one core.
//
//   bench_ears --data FOLDER [--program PIPIT] [--models DIR] [--peer none] [--most N] [--json FILE]
//
// Of `pipit transcribe`, a process each time: seconds until it has heard a sound of no length (all is loaded) and one
// of 1 s, and its peak memory. Of the recogniser, in int8 and fp32, greedy, with beam, and with beam and language
// model: word error rate and real-time factor (CPU seconds of this one thread for a second of sound, decoding of files
// left out on both sides). Of PocketSphinx with Debian's en-us model the same, its loading taken off. Of a stream that
// is handed over 10 ms at a time: when the first word is there, after the sound has become speech.
#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "apps/json.h"
#include "asr/recogniser.h"
#include "audio/audio_file.h"
#include "audio/corpus.h"
#include "base/clock.h"
#include "child.h"
#include "lm/word_ngram.h"
#include "pin.h"
#include "text/edit_distance.h"
#include "text/normalise.h"

namespace pipit {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string data, program = "build/release/bin/pipit", models = "models", json;
  std::size_t most = 1'000'000;
  bool peer = true;
};

struct Spoken {
  std::string id, text;
  Audio audio;
};

struct Score {
  std::string name;
  std::vector<EditCounts> edits = {};
  double cpu_s = 0, wall_s = 0, load_s = 0, peak_mb = 0;
};

double cpu_now_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values.empty() ? NAN : values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

/// 16-bit samples, with the 44 bytes of a WAV header in front or without.
std::string pcm(std::span<const float> samples, bool header) {
  std::string out;
  const auto put = [&](std::size_t value, int bytes) {
    for (int k = 0; k < bytes; ++k) out += static_cast<char>(value >> (8 * k));
  };
  if (header) {
    out += "RIFF", put(36 + 2 * samples.size(), 4), out += "WAVEfmt ", put(16, 4), put(1, 2), put(1, 2);
    put(16000, 4), put(32000, 4), put(2, 2), put(16, 2), out += "data", put(2 * samples.size(), 4);
  }
  for (const float x : samples)
    put(static_cast<std::size_t>(std::lround(32767 * std::clamp(x, -1.0F, 1.0F))) & 0xffff, 2);
  return out;
}

/// Runs `command` so often; the medians of wall and CPU seconds, the largest peak.
Result<ChildRun> repeated(const std::vector<std::string>& command, int times) {
  std::vector<double> wall, cpu;
  ChildRun out;
  for (int k = 0; k < times; ++k) {
    const auto run = run_child(command);
    if (!run) return run.error();
    wall.push_back(run->wall_s), cpu.push_back(run->cpu_s);
    out.peak_mb = std::max(out.peak_mb, run->peak_mb);
  }
  out.wall_s = quantile(wall, 0.5), out.cpu_s = quantile(cpu, 0.5);
  return out;
}

/// Where a clip becomes speech: the first of six frames of 10 ms of which five are louder than a quarter of the way, in
/// dB, from the quietest tenth of its frames to the loudest twentieth.
double speech_start_s(std::span<const float> samples) {
  std::vector<double> level_db;
  for (std::size_t at = 0; at + 160 <= samples.size(); at += 160) {
    double sum = 1e-9;
    for (const float x : samples.subspan(at, 160)) sum += static_cast<double>(x) * static_cast<double>(x);
    level_db.push_back(10 * std::log10(sum));
  }
  const double low = quantile(level_db, 0.1), high = quantile(level_db, 0.95), least = low + 0.25 * (high - low);
  for (std::size_t k = 0; k + 6 <= level_db.size(); ++k)
    if (level_db[k] > least && std::count_if(level_db.begin() + static_cast<std::ptrdiff_t>(k),
                                             level_db.begin() + static_cast<std::ptrdiff_t>(k) + 6,
                                             [&](double v) { return v > least; }) >= 5)
      return 0.01 * static_cast<double>(k);
  return 0;
}

/// Seconds from the start of speech to the first word of the stream: its sound, and what was computed for the last 10
/// ms of it. Nothing where no word comes.
std::optional<double> first_word_s(const Transducer& model, const RecogniserOptions& options, const Audio& audio) {
  Recogniser recogniser(model, options);
  double before = 0;
  for (std::size_t at = 0; at + 160 <= audio.samples.size(); at += 160) {
    const double start = cpu_now_s();
    recogniser.push(std::span(audio.samples).subspan(at, 160));
    if (recogniser.seconds_decoded() == before) continue;
    before = recogniser.seconds_decoded();
    if (recogniser.partial().words.empty()) continue;
    return static_cast<double>(at + 160) / kSampleRate + cpu_now_s() - start - speech_start_s(audio.samples);
  }
  return std::nullopt;
}

/// PocketSphinx on the clips as raw files in `folder`. Its hypotheses stand one a line, "words (id score)".
Result<Score> peer(const std::vector<Spoken>& clips, const fs::path& folder) {
  const std::string model = "/usr/share/pocketsphinx/model/en-us/";
  std::string list;
  for (const Spoken& clip : clips) {
    if (const Status done = write_file(folder / (clip.id + ".raw"), pcm(clip.audio.samples, false)); !done)
      return done.error();
    list += clip.id + "\n";
  }
  if (const Status done = write_file(folder / "all.ctl", list); !done) return done.error();
  if (const Status done = write_file(folder / "none.ctl", ""); !done) return done.error();
  const std::string words = folder / "all.hyp";
  const auto command = [&](const std::string& which) {
    return std::vector<std::string>{"pocketsphinx_batch",
                                    "-hmm",
                                    model + "en-us",
                                    "-lm",
                                    model + "en-us.lm.bin",
                                    "-dict",
                                    model + "cmudict-en-us.dict",
                                    "-adcin",
                                    "yes",
                                    "-cepdir",
                                    folder,
                                    "-cepext",
                                    ".raw",
                                    "-ctl",
                                    folder / which,
                                    "-hyp",
                                    words};
  };
  const auto load = repeated(command("none.ctl"), 3);
  if (!load) return load.error();
  const auto all = run_child(command("all.ctl"));
  if (!all) return all.error();
  const auto said = read_file(words);
  if (!said) return said.error();
  std::map<std::string, std::string, std::less<>> by_id;
  for (std::size_t at = 0; at < said->size();) {
    const std::size_t end = std::min(said->find('\n', at), said->size());
    const std::string line = said->substr(at, end - at);
    at = end + 1;
    const std::size_t open = line.rfind('('), space = line.find(' ', open);
    if (open == std::string::npos || space == std::string::npos) continue;
    by_id[line.substr(open + 1, space - open - 1)] = normalise(line.substr(0, open));
  }
  Score score{.name = "PocketSphinx en-us"};
  for (const Spoken& clip : clips) score.edits.push_back(count_edits(clip.text, by_id[clip.id]));
  score.load_s = load->cpu_s, score.peak_mb = all->peak_mb;
  score.cpu_s = all->cpu_s - load->cpu_s, score.wall_s = all->wall_s - load->wall_s;
  return score;
}

Json report(const Score& score, double audio_s) {
  EditCounts sum;
  for (const EditCounts& one : score.edits) sum += one;
  const RateInterval interval = bootstrap(score.edits);
  fmt::print("{:<22} WER {:6.2f} % ({:5.2f} to {:5.2f})   real-time factor {:.4f} (wall {:.4f})\n",
             score.name,
             100 * sum.rate(),
             100 * interval.low,
             100 * interval.high,
             score.cpu_s / audio_s,
             score.wall_s / audio_s);
  std::fflush(stdout);
  Json row{{"name", score.name},
           {"wer", sum.rate()},
           {"wer_low", interval.low},
           {"wer_high", interval.high},
           {"real_time_factor", score.cpu_s / audio_s},
           {"real_time_factor_wall", score.wall_s / audio_s}};
  if (score.peak_mb > 0) row["peak_mb"] = score.peak_mb, row["load_s"] = score.load_s;
  return row;
}

Status run(const Options& o, const fs::path& folder) {
  const auto manifest = read_manifest(o.data + "/manifest.tsv");
  if (!manifest) return manifest.error();
  const auto shard = TarShard::open(o.data + "/dev.tar");
  if (!shard) return shard.error();
  std::vector<Spoken> clips;
  std::vector<std::string> files;
  std::pair<double, std::size_t> longest;
  for (const Clip& clip : *manifest) {
    if (clip.split != "dev" || clips.size() == o.most) continue;
    const auto bytes = shard->member(clip.member);
    if (!bytes) return bytes.error();
    files.push_back(folder / (clip.id + ".opus"));
    longest = std::max(longest, {clip.duration_s, clips.size()});
    const std::string_view content(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (const Status done = write_file(files.back(), content); !done) return done;
    clips.push_back({clip.id, clip.text, {}});
  }
  if (clips.empty()) return Error{Code::NotFound, o.data + ": no clip of split dev"};

  // Processes come first, while this one is small: a child counts the memory of the parent it was forked from.
  const auto first = read_audio(files[0]);
  if (!first) return first.error();
  for (const std::size_t n : {0, 16000})
    if (const Status done =
            write_file(folder / fmt::format("{}.wav", n), pcm(std::span(first->samples).first(n), true));
        !done)
      return done;
  Json start = Json::array();
  for (const char* arithmetic : {"int8", "fp32"}) {
    const auto timed = [&](const std::vector<std::string>& sounds, int times) {
      std::vector<std::string> command{
          o.program, "transcribe", "--arithmetic", arithmetic, "--model", o.models + "/pipit-en-small.pipit"};
      command.insert(command.end(), sounds.begin(), sounds.end());
      return repeated(command, times);
    };
    const auto ready = timed({folder / "0.wav"}, 15), second = timed({folder / "16000.wav"}, 15),
               clip = timed({files[longest.second]}, 3), all = timed(files, 1);
    for (const auto* one : {&ready, &second, &clip, &all})
      if (!*one) return one->error();
    fmt::print(
        "pipit transcribe, {}: ready after {:.0f} ms ({:.0f} ms of CPU), a sound of 1 s heard after {:.0f} ms "
        "({:.0f}); peak memory {:.1f} MB for {:.0f} s, {:.1f} MB for all clips\n",
        arithmetic,
        1e3 * ready->wall_s,
        1e3 * ready->cpu_s,
        1e3 * second->wall_s,
        1e3 * second->cpu_s,
        clip->peak_mb,
        longest.first,
        all->peak_mb);
    start.push_back({{"arithmetic", arithmetic},
                     {"ready_s", ready->wall_s},
                     {"ready_cpu_s", ready->cpu_s},
                     {"one_second_s", second->wall_s},
                     {"one_second_cpu_s", second->cpu_s},
                     {"peak_mb_longest_clip", clip->peak_mb},
                     {"peak_mb_all_clips", all->peak_mb}});
  }

  double audio_s = 0;
  for (std::size_t k = 0; k < clips.size(); ++k) {
    auto audio = read_audio(files[k]);
    if (!audio) return audio.error();
    clips[k].audio = std::move(*audio);
    audio_s += clips[k].audio.seconds();
  }
  Json rows = Json::array();
  const auto file = ModelFile::open(o.models + "/pipit-en-small.pipit");
  if (!file) return file.error();
  const auto lm = WordNgramModel::open(o.models + "/pipit-en-small.ngram");
  if (!lm) return lm.error();
  Json partial;
  for (const auto& [name, arithmetic] : {std::pair{"int8", Arithmetic::Int8}, std::pair{"fp32", Arithmetic::Single}}) {
    const auto model = Transducer::load(*file, arithmetic);
    if (!model) return model.error();
    const auto lexicon = Lexicon::open(o.models + "/pipit-en-small.lexicon", model->phone_names());
    if (!lexicon) return lexicon.error();
    for (const std::string how : {"greedy", "beam", "beam, LM", "second look", "one view"}) {
      RecogniserOptions search;
      if (how == "greedy") search.beam = 1;
      if (how != "greedy" && how != "beam") search.lm = &*lm;
      if (how == "second look" || how == "one view") search.lexicon = &*lexicon;
      if (how == "one view") search.views = 1;
      Score score{.name = fmt::format("pipit {}, {}", name, how)};
      for (const Spoken& clip : clips) {
        const Stopwatch wall;
        const double cpu = cpu_now_s();
        Recogniser recogniser(*model, search);
        recogniser.push(clip.audio.samples);
        recogniser.finish();
        const std::string text = recogniser.settled().text();
        score.cpu_s += cpu_now_s() - cpu, score.wall_s += wall.seconds();
        score.edits.push_back(count_edits(clip.text, text));
      }
      rows.push_back(report(score, audio_s));
      if (arithmetic != Arithmetic::Int8 || how != "second look") continue;
      std::vector<double> waits;
      for (const Spoken& clip : clips)
        if (const auto wait = first_word_s(*model, search, clip.audio)) waits.push_back(*wait);
      const auto soon = std::count_if(waits.begin(), waits.end(), [](double w) { return w <= 0.3; });
      partial = {{"clips", waits.size()},
                 {"median_s", quantile(waits, 0.5)},
                 {"p90_s", quantile(waits, 0.9)},
                 {"within_300_ms", static_cast<double>(soon) / static_cast<double>(waits.size())}};
      fmt::print(
          "  first word of a stream after the start of speech: median {:.0f} ms, 90 % {:.0f} ms; {} of {} clips "
          "within 300 ms\n",
          1e3 * quantile(waits, 0.5),
          1e3 * quantile(waits, 0.9),
          soon,
          waits.size());
    }
  }
  if (o.peer) {
    const auto score = peer(clips, folder);
    if (score) {
      rows.push_back(report(*score, audio_s));
      fmt::print("  its loading: {:.2f} s of CPU; its peak memory: {:.0f} MB\n", score->load_s, score->peak_mb);
    } else {
      fmt::print("no peer: {} (Debian packages pocketsphinx, pocketsphinx-en-us)\n", score.error().message);
    }
  }
  return write_json(o.json,
                    {{"clips", clips.size()},
                     {"seconds_audio", audio_s},
                     {"process", start},
                     {"decoders", rows},
                     {"first_word", partial}});
}

std::optional<Options> parse(int argc, char** argv) {
  Options o;
  for (int k = 1; k + 1 < argc; k += 2) {
    const std::string_view flag = argv[k];
    const std::string value = argv[k + 1];
    if (flag == "--data")
      o.data = value;
    else if (flag == "--program")
      o.program = value;
    else if (flag == "--models")
      o.models = value;
    else if (flag == "--json")
      o.json = value;
    else if (flag == "--peer" && value == "none")
      o.peer = false;
    else if (flag == "--most" && std::atoi(argv[k + 1]) > 0)
      o.most = static_cast<std::size_t>(std::atoi(argv[k + 1]));
    else
      return std::nullopt;
  }
  if (argc % 2 == 0 || o.data.empty()) return std::nullopt;
  return o;
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  const auto options = pipit::parse(argc, argv);
  if (!options) {
    fmt::print(stderr,
               "usage: bench_ears --data FOLDER [--program PIPIT] [--models DIR] [--peer none] [--most N] "
               "[--json FILE]\n");
    return 2;
  }
  pipit::pin_to_core();  // children stay on it too
  std::string folder = (fs::temp_directory_path() / "bench_ears_XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const pipit::Status done = pipit::run(*options, folder);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  if (!done) fmt::print(stderr, "bench_ears: {}\n", done.error().message);
  return done ? 0 : 1;
}
