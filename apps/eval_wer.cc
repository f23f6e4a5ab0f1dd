// pipit eval wer — word errors on the clips of a manifest, with a bootstrap interval.
#include <map>
#include <memory>

#include "clips.h"
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
  ClipOptions clips;
  std::string json;
  bool carry = false;
};

struct Row {
  const Clip* clip = nullptr;
  std::string text = {};
  EditCounts edits = {};
  double seconds_audio = 0, seconds_compute = 0;
};

Status run(const WerOptions& o) {
  if (const Status fine = can_write(o.json); !fine) return fine;
  const auto clips = choose_clips(o.clips);
  if (!clips) return clips.error();
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  if (o.carry && o.clips.num_threads > 1)
    return Error{Code::InvalidArgument, "--carry hears clips one after another: --threads must be 1"};
  std::map<std::string, Recogniser, std::less<>> carried;  // by speaker
  std::vector<Row> rows(clips->size());
  const Status all_heard = hear_clips(o.clips, *clips, [&](std::size_t k, const Audio& audio) {
    Row& row = rows[k];
    row.clip = &(*clips)[k];
    const auto ears_of = [&](const std::string& speaker) -> Recogniser& {
      return carried.try_emplace(speaker, *ears->model, ears->search).first->second;
    };
    const Heard heard = o.carry ? hear_on(*ears, ears_of(row.clip->speaker), audio) : hear(*ears, audio);
    row.text = heard.best.text();
    row.edits = count_edits(row.clip->text, row.text);
    row.seconds_audio = heard.seconds_audio;
    row.seconds_compute = heard.seconds_compute;
  });
  if (!all_heard) return all_heard;

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
                    {{"split", o.clips.split},
                     {"clips", rows.size()},
                     {"words", sum.num_reference()},
                     {"wer", number(sum.rate())},
                     {"wer_low", number(interval.low)},
                     {"wer_high", number(interval.high)},
                     {"substitutions", sum.substitutions},
                     {"insertions", sum.insertions},
                     {"deletions", sum.deletions},
                     {"beam", o.speech.search.beam},
                     {"carry", o.carry},
                     {"seconds_audio", audio_s},
                     {"seconds_compute", compute_s},
                     {"utterances", std::move(list)}});
}

}  // namespace

void add_eval_wer(CLI::App& eval, Task& task) {
  auto o = std::make_shared<WerOptions>();
  CLI::App& app = *eval.add_subcommand("wer", "word error rate on the clips of a speech bundle");
  add_clips(app, o->clips);
  add_speech(app, o->speech);
  app.add_flag("--carry", o->carry, "clips of one speaker in the manifest's order, by ears that remember the last one");
  add_json(app, o->json);
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
