// pipit eval wer — word errors on the clips of a manifest, with a bootstrap interval.
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "audio/corpus.h"
#include "base/clock.h"
#include "base/parallel.h"
#include "eval.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "speech.h"
#include "text/edit_distance.h"

namespace pipit {
namespace {

struct WerOptions {
  SpeechOptions speech;
  std::string folder, split = "dev", speakers, json;
  int most = 0, num_threads = 1;
};

struct Row {
  const Clip* clip = nullptr;
  std::string text = {};
  EditCounts edits = {};
  double seconds_audio = 0, seconds_compute = 0;
};

Status run(const WerOptions& o) {
  if (const Status fine = can_write(o.json); !fine) return fine;
  const auto clips = read_manifest(o.folder + "/manifest.tsv");
  if (!clips) return clips.error();
  std::set<std::string> speakers;  // none: all
  if (!o.speakers.empty()) {
    auto named = read_speakers(o.speakers);
    if (!named) return named.error();
    speakers = std::move(*named);
  }
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  std::vector<Row> rows;
  for (const Clip& clip : *clips)
    if (clip.split == o.split && (speakers.empty() || speakers.contains(clip.speaker))) rows.push_back({.clip = &clip});
  if (o.most > 0 && rows.size() > static_cast<std::size_t>(o.most)) rows.resize(static_cast<std::size_t>(o.most));
  if (rows.empty())
    return Error{
        Code::NotFound,
        o.folder + "/manifest.tsv: no clip of split " + o.split + (speakers.empty() ? "" : " by those speakers")};
  std::map<std::string, TarShard> shards;
  for (const Row& row : rows) {
    if (shards.contains(row.clip->shard)) continue;
    auto shard = TarShard::open(o.folder + "/" + row.clip->shard);
    if (!shard) return shard.error();
    shards.emplace(row.clip->shard, std::move(*shard));
  }
  std::vector<std::string> failed(rows.size());
  Workers workers(o.num_threads);
  workers.run(rows.size(), [&](std::size_t k) {
    Row& row = rows[k];
    const auto bytes = shards.at(row.clip->shard).member(row.clip->member);
    if (!bytes) return void(failed[k] = bytes.error().message);
    const auto audio = decode_audio(*bytes, row.clip->member);
    if (!audio) return void(failed[k] = audio.error().message);
    const Heard heard = hear(*ears, *audio);
    row.text = heard.best.text();
    row.edits = count_edits(row.clip->text, row.text);
    row.seconds_audio = heard.seconds_audio;
    row.seconds_compute = heard.seconds_compute;
  });
  for (const std::string& message : failed)
    if (!message.empty()) return Error{Code::BadFormat, message};

  EditCounts sum;
  double audio_s = 0, compute_s = 0;
  std::vector<EditCounts> all;
  std::map<std::string, EditCounts> by_source;
  Json list = Json::array();
  for (const Row& row : rows) {
    sum += row.edits;
    all.push_back(row.edits);
    by_source[row.clip->source] += row.edits;
    audio_s += row.seconds_audio, compute_s += row.seconds_compute;
    list.push_back({{"id", row.clip->id},
                    {"reference", row.clip->text},
                    {"hypothesis", row.text},
                    {"errors", row.edits.errors()}});
  }
  const RateInterval interval = bootstrap(all);
  if (!is_standard_output(o.json)) {
    fmt::print(
        "{} clips, {:.0f} s, {} words: WER {:.2f} % (95 %: {:.2f} to {:.2f}), {} substituted, {} inserted, {} deleted; "
        "real-time factor {:.4f}\n",
        rows.size(),
        audio_s,
        sum.num_reference(),
        100 * sum.rate(),
        100 * interval.low,
        100 * interval.high,
        sum.substitutions,
        sum.insertions,
        sum.deletions,
        compute_s / audio_s);
    if (by_source.size() > 1)
      for (const auto& [source, edits] : by_source)
        fmt::print("  {:<14} {:6.2f} % of {} words\n", source, 100 * edits.rate(), edits.num_reference());
  }
  return write_json(o.json,
                    {{"split", o.split},
                     {"clips", rows.size()},
                     {"words", sum.num_reference()},
                     {"wer", number(sum.rate())},
                     {"wer_low", number(interval.low)},
                     {"wer_high", number(interval.high)},
                     {"substitutions", sum.substitutions},
                     {"insertions", sum.insertions},
                     {"deletions", sum.deletions},
                     {"beam", o.speech.search.beam},
                     {"seconds_audio", audio_s},
                     {"seconds_compute", compute_s},
                     {"utterances", std::move(list)}});
}

}  // namespace

void add_eval_wer(CLI::App& eval, Task& task) {
  auto o = std::make_shared<WerOptions>();
  CLI::App& app = *eval.add_subcommand("wer", "word error rate on the clips of a speech bundle");
  app.add_option("FOLDER", o->folder, "folder of manifest.tsv and its tar shards")->required();
  app.add_option("--split", o->split, "which clips (default dev)")->option_text("NAME");
  app.add_option("--speakers", o->speakers, "file of speakers, one a line: these alone (default: all)")
      ->option_text("FILE");
  add_number(app, "--most", o->most, 0, 1'000'000, "so many clips at most; 0: all");
  add_number(app, "--threads", o->num_threads, 1, 64, "clips decoded side by side");
  add_speech(app, o->speech);
  add_json(app, o->json);
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
