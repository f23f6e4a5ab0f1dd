// bench_stream — one stream that does not end: the clips of some speakers one after another, the whole round again and
// again, through one recogniser. Memory must stay flat, and the words of the last round must be those of the first
// ones.
//
//   bench_stream --data FOLDER --speakers FILE [--hours 10] [--models DIR] [--json FILE]
//
// A word belongs to the clip that was playing in the middle of it. Of each round: word errors, how many words differ
// from those of the second round (in the first one the normalisation has yet to learn the mean of such sound, which
// from then on hardly moves), CPU seconds for a second of sound, memory.
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>

#include "apps/json.h"
#include "asr/long_recogniser.h"
#include "audio/audio_file.h"
#include "audio/corpus.h"
#include "lm/word_ngram.h"
#include "pin.h"
#include "text/edit_distance.h"

namespace pipit {
namespace {

struct Options {
  std::string data, speakers, models = "models", json;
  double hours = 10;
};

struct Played {
  std::string text;
  std::vector<std::int16_t> samples;
  double begin_s = 0;  // in the round
};

double cpu_now_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double resident_mb() {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return 1e-6 * static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

Result<std::vector<Played>> clips_of(const Options& o) {
  const auto manifest = read_manifest(o.data + "/manifest.tsv");
  if (!manifest) return manifest.error();
  const auto speakers = read_speakers(o.speakers);
  if (!speakers) return speakers.error();
  std::map<std::string, TarShard> shards;
  std::vector<Played> out;
  double at_s = 0;
  for (const Clip& clip : *manifest) {
    if (clip.split != "train" || !speakers->contains(clip.speaker)) continue;
    if (!shards.contains(clip.shard)) {
      auto shard = TarShard::open(o.data + "/" + clip.shard);
      if (!shard) return shard.error();
      shards.emplace(clip.shard, std::move(*shard));
    }
    const auto bytes = shards.at(clip.shard).member(clip.member);
    if (!bytes) return bytes.error();
    const auto audio = decode_audio(*bytes, clip.member);
    if (!audio) return audio.error();
    Played played{clip.text, {}, at_s};
    for (const float x : audio->samples)
      played.samples.push_back(static_cast<std::int16_t>(std::lround(32767 * std::clamp(x, -1.0F, 1.0F))));
    at_s += audio->seconds();
    out.push_back(std::move(played));
  }
  // A round is a whole number of the encoder's steps (60 ms), or a clip would be cut into steps elsewhere in each
  // round.
  if (!out.empty()) {
    const auto end = static_cast<std::size_t>(std::lround(at_s * kSampleRate));
    out.back().samples.resize(out.back().samples.size() + (960 - end % 960) % 960);
  }
  if (out.empty()) return Error{Code::NotFound, o.data + ": no clip of those speakers"};
  return out;
}

Status run(const Options& o) {
  const auto clips = clips_of(o);
  if (!clips) return clips.error();
  const double round_s = clips->back().begin_s + static_cast<double>(clips->back().samples.size()) / kSampleRate;
  const auto file = ModelFile::open(o.models + "/pipit-en-small.pipit");
  if (!file) return file.error();
  const auto model = Transducer::load(*file, Arithmetic::Int8);
  if (!model) return model.error();
  const auto lm = WordNgramModel::open(o.models + "/pipit-en-small.ngram");
  if (!lm) return lm.error();

  const auto lexicon = Lexicon::open(o.models + "/pipit-en-small.lexicon", model->phone_names());
  if (!lexicon) return lexicon.error();
  RecogniserOptions options{{.lm = &*lm}};
  options.lexicon = &*lexicon;

  const int rounds = static_cast<int>(std::ceil(3600 * o.hours / round_s));
  std::vector<std::vector<std::string>> said(static_cast<std::size_t>(rounds), std::vector<std::string>(clips->size()));
  int segments = 0;
  double longest_s = 0;
  LongRecogniser recogniser(*model, options, {}, [&](double begin_s, const Recogniser& heard) {
    ++segments;
    longest_s = std::max(longest_s, heard.seconds_decoded());
    for (const Word& word : later(heard.settled(), begin_s).words) {
      const double at_s = (word.start_s + word.end_s) / 2;
      const auto round = std::min(static_cast<std::size_t>(at_s / round_s), said.size() - 1);
      const auto next = std::upper_bound(
          clips->begin(), clips->end(), at_s - static_cast<double>(round) * round_s, [](double s, const Played& clip) {
            return s < clip.begin_s;
          });
      std::string& text = said[round][static_cast<std::size_t>(next - clips->begin()) - 1];
      text.append(text.empty() ? "" : " ").append(word.text);
    }
  });
  std::vector<double> cpu_s, memory_mb;
  std::vector<float> samples;
  for (int round = 0; round < rounds; ++round) {
    const double start = cpu_now_s();
    for (const Played& clip : *clips) {
      samples.resize(clip.samples.size());
      std::transform(clip.samples.begin(), clip.samples.end(), samples.begin(), [](std::int16_t x) {
        return static_cast<float>(x) / 32768;
      });
      recogniser.push(samples);
    }
    if (round + 1 == rounds) recogniser.finish();
    cpu_s.push_back(cpu_now_s() - start), memory_mb.push_back(resident_mb());
    fmt::print("round {:2}: {:5.2f} h heard, {:7.2f} MB resident, real-time factor {:.4f}\n",
               round + 1,
               recogniser.seconds_decoded() / 3600,
               memory_mb.back(),
               cpu_s.back() / round_s);
    std::fflush(stdout);
  }
  fmt::print(
      "{} clips, {:.0f} s a round; {} segments, the longest {:.0f} s\n", clips->size(), round_s, segments, longest_s);
  Json rows = Json::array();
  for (std::size_t round = 0; round < said.size(); ++round) {
    EditCounts errors, changed;
    for (std::size_t k = 0; k < clips->size(); ++k) {
      errors += count_edits((*clips)[k].text, said[round][k]);
      changed += count_edits(said[std::min<std::size_t>(1, said.size() - 1)][k], said[round][k]);
    }
    fmt::print("round {:2}: WER {:5.2f} %; {} of {} words differ from those of round 2\n",
               round + 1,
               100 * errors.rate(),
               changed.errors(),
               changed.num_reference());
    rows.push_back({{"wer", errors.rate()},
                    {"words_that_differ", changed.errors()},
                    {"words", changed.num_reference()},
                    {"memory_mb", memory_mb[round]},
                    {"real_time_factor", cpu_s[round] / round_s}});
  }
  return write_json(o.json,
                    {{"clips", clips->size()},
                     {"round_s", round_s},
                     {"segments", segments},
                     {"longest_segment_s", longest_s},
                     {"rounds", rows}});
}

std::optional<Options> parse(int argc, char** argv) {
  Options o;
  for (int k = 1; k + 1 < argc; k += 2) {
    const std::string_view flag = argv[k];
    const std::string value = argv[k + 1];
    if (flag == "--data")
      o.data = value;
    else if (flag == "--speakers")
      o.speakers = value;
    else if (flag == "--models")
      o.models = value;
    else if (flag == "--json")
      o.json = value;
    else if (flag == "--hours" && std::atof(argv[k + 1]) > 0)
      o.hours = std::atof(argv[k + 1]);
    else
      return std::nullopt;
  }
  if (argc % 2 == 0 || o.data.empty() || o.speakers.empty()) return std::nullopt;
  return o;
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  const auto options = pipit::parse(argc, argv);
  if (!options) {
    fmt::print(stderr, "usage: bench_stream --data FOLDER --speakers FILE [--hours H] [--models DIR] [--json FILE]\n");
    return 2;
  }
  pipit::pin_to_core();
  const pipit::Status done = pipit::run(*options);
  if (!done) fmt::print(stderr, "bench_stream: {}\n", done.error().message);
  return done ? 0 : 1;
}
