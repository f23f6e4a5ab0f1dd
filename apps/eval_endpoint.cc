// pipit eval endpoint — when the end-pointers end a turn: too early, too late, against a time-out of plain silence.
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "audio/corpus.h"
#include "base/clock.h"
#include "base/parallel.h"
#include "end_fit.h"
#include "eval.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "speech.h"
#include "statistics.h"
#include "text/edit_distance.h"
#include "turn_sounds.h"
#include "view/plot.h"

namespace pipit {
namespace {

struct EndpointOptions {
  SpeechOptions speech;
  TurnSetting turns;
  TurnSoundOptions sounds;
  std::string folder, split = "dev", speakers, json, plot, fit;
  int most = 0, num_threads = 1;
  bool fresh = false;
};

struct Row {
  const Clip* clip = nullptr;
  TurnSound sound = {};
  Track track = {};
  std::vector<TurnEvent> events = {}, alone = {};  // of both end-pointers; of the final one by itself
  double seconds_final = 0;                        // that the push took which ended in the last final
  EditCounts edits = {};
};

// What an utterance came to.
struct Outcome {
  bool early = false, early_in_inserted = false, revised = false, same = true;
  double latency_s = std::nan(""), lead_s = std::nan(""), first_partial_s = std::nan("");
  int finals = 0;
};

std::vector<TurnEvent> listen(const Ears& ears, const TurnOptions& options, const Row& row, Track* track, double* push_s) {
  constexpr std::size_t kPush = 160;
  Turns turns(*ears.model, options);
  std::vector<TurnEvent> out;
  const std::span<const float> samples = row.sound.samples;
  std::int64_t seen = 0;
  for (std::size_t at = 0; at < samples.size(); at += kPush) {
    const Stopwatch watch;
    turns.push(samples.subspan(at, std::min(kPush, samples.size() - at)));
    const double seconds = watch.seconds();
    if (track != nullptr && turns.num_ticks() > std::exchange(seen, turns.num_ticks()))
      track->ticks.push_back(turns.tick());
    for (TurnEvent& event : turns.take()) {
      if (push_s != nullptr && event.kind == TurnEvent::Kind::Final) *push_s = seconds;
      out.push_back(std::move(event));
    }
  }
  if (track == nullptr) {
    turns.finish();
    for (TurnEvent& event : turns.take()) out.push_back(std::move(event));
  }
  return out;
}

bool same_finals(const std::vector<TurnEvent>& a, const std::vector<TurnEvent>& b) {
  const auto finals = [](const std::vector<TurnEvent>& events) {
    std::vector<const TurnEvent*> out;
    for (const TurnEvent& event : events)
      if (event.kind == TurnEvent::Kind::Final) out.push_back(&event);
    return out;
  };
  const auto x = finals(a), y = finals(b);
  return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), [](const TurnEvent* p, const TurnEvent* q) {
           return p->at_s == q->at_s && p->turn == q->turn && p->transcript.text() == q->transcript.text() &&
                  p->transcript.log_score == q->transcript.log_score;
         });
}

Outcome outcome_of(const Row& row) {
  Outcome out;
  out.same = same_finals(row.events, row.alone);
  double speculative_s = std::nan("");
  for (const TurnEvent& event : row.events) {
    if (event.kind == TurnEvent::Kind::Partial && std::isnan(out.first_partial_s))
      out.first_partial_s = event.at_s - row.sound.start_s;
    if (event.kind == TurnEvent::Kind::Revised) out.revised = true;
    if (event.kind == TurnEvent::Kind::Speculative) speculative_s = event.at_s;
    if (event.kind != TurnEvent::Kind::Final) continue;
    ++out.finals;
    if (event.at_s < row.sound.end_s) {
      out.early = true;
      for (const SilentSpan& pause : row.sound.pauses)
        if (pause.inserted && event.at_s > pause.begin_s && event.at_s < pause.begin_s + pause.length_s + 0.1)
          out.early_in_inserted = true;
    } else if (std::isnan(out.latency_s)) {
      out.latency_s = event.at_s - row.sound.end_s;
      if (event.speculation >= 0) out.lead_s = event.at_s - speculative_s;
    }
  }
  return out;
}

Result<std::vector<Row>> load_rows(const EndpointOptions& o,
                                   const std::vector<Clip>& clips,
                                   const Ears& ears,
                                   Workers& workers) {
  std::set<std::string> speakers;  // none: all
  if (!o.speakers.empty()) {
    auto named = read_speakers(o.speakers);
    if (!named) return named.error();
    speakers = std::move(*named);
  }
  std::vector<Row> rows;
  for (const Clip& clip : clips)
    if (clip.split == o.split && (speakers.empty() || speakers.contains(clip.speaker))) rows.push_back({.clip = &clip});
  if (o.most > 0 && rows.size() > static_cast<std::size_t>(o.most)) rows.resize(static_cast<std::size_t>(o.most));
  std::map<std::string, TarShard> shards;
  for (const Row& row : rows) {
    if (shards.contains(row.clip->shard)) continue;
    auto shard = TarShard::open(o.folder + "/" + row.clip->shard);
    if (!shard) return shard.error();
    shards.emplace(row.clip->shard, std::move(*shard));
  }
  std::vector<std::string> failed(rows.size());
  workers.run(rows.size(), [&](std::size_t k) {
    const auto bytes = shards.at(rows[k].clip->shard).member(rows[k].clip->member);
    if (!bytes) return void(failed[k] = bytes.error().message);
    const auto audio = decode_audio(*bytes, rows[k].clip->member);
    if (!audio) return void(failed[k] = audio.error().message);
    rows[k].sound = make_turn_sound(*ears.model, *rows[k].clip, *audio, o.sounds);
  });
  for (const std::string& message : failed)
    if (!message.empty()) return Error{Code::BadFormat, message};
  std::erase_if(rows, [](const Row& row) { return row.sound.samples.empty(); });
  if (rows.empty())
    return Error{Code::NotFound,
                 o.folder + "/manifest.tsv: no clip of split " + o.split + " by those speakers that has speech"};
  return rows;
}

double share(const std::vector<Outcome>& all, bool Outcome::*what) {
  const auto n = std::count_if(all.begin(), all.end(), [&](const Outcome& one) { return one.*what; });
  return static_cast<double>(n) / static_cast<double>(all.size());
}

std::vector<double> known(const std::vector<Outcome>& all, double Outcome::*what, bool late_only) {
  std::vector<double> out;
  for (const Outcome& one : all)
    if (std::isfinite(one.*what) && !(late_only && one.early)) out.push_back(one.*what);
  return sorted(out);
}

Json curve_json(const std::vector<EndPoint>& curve) {
  Json out = Json::array();
  for (const EndPoint& p : curve)
    out.push_back({{"patience_s", p.patience_s},
                   {"early", p.early},
                   {"median_s", number(p.median_s)},
                   {"p90_s", number(p.p90_s)}});
  return out;
}

Figure picture(const std::vector<EndPoint>& ours, const std::vector<EndPoint>& plain, const EndPoint& here) {
  Figure figure("Too early or too late");
  figure.x_axis({.label = "final end-point after the true end, median", .unit = "s", .low = 0, .high = 2});
  figure.y_axis({.label = "utterances cut early", .unit = "%"});
  const auto draw = [&](const std::string& name, const std::vector<EndPoint>& curve, Style style) {
    std::vector<double> x, y;
    for (const EndPoint& p : curve) x.push_back(p.median_s), y.push_back(100 * p.early);
    figure.line(name, x, y, style);
  };
  draw("silence time-out", plain, {.ink = Ink::Grey, .dashed = true});
  draw("end-pointer", ours, {.ink = Ink::Blue, .width_px = 2});
  figure.points("patience as set", std::vector{here.median_s}, std::vector{100 * here.early}, {.ink = Ink::Orange, .width_px = 8});
  return figure;
}

Status run(const EndpointOptions& o) {
  for (const std::string& path : {o.json, o.plot, o.fit})
    if (const Status fine = can_write(path); !fine) return fine;
  const auto clips = read_manifest(o.folder + "/manifest.tsv");
  if (!clips) return clips.error();
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  auto turn_options = load_turns(o.speech, o.turns, *ears);
  if (!turn_options) return turn_options.error();
  turn_options->carry_context = !o.fresh;
  Workers workers(o.num_threads);
  auto rows = load_rows(o, *clips, *ears, workers);
  if (!rows) return rows.error();

  TurnOptions endless = *turn_options;
  endless.end.patience_s = endless.end.grace_s = 1e9, endless.end.lead_s = 0;
  workers.run(rows->size(), [&](std::size_t k) {
    Row& row = (*rows)[k];
    listen(*ears, endless, row, &row.track, nullptr);
    row.track.end = static_cast<std::int64_t>(std::ceil((row.sound.end_s - 0.025) / 0.01)) + 1;
  });
  std::vector<Track> tracks;
  for (Row& row : *rows) tracks.push_back(row.track);
  if (!o.fit.empty()) {
    turn_options->weights = fit_end_weights(tracks, {kSilence, kPause, kExpectedPause, kStable, kEntropy, kSentenceEnd, kFall});
    fmt::print("{}", format_end_weights(turn_options->weights));
    if (const Status fine = write_file(o.fit, format_end_weights(turn_options->weights)); !fine) return fine;
  }
  TurnOptions single = *turn_options;
  single.end.lead_s = 0;
  workers.run(rows->size(), [&](std::size_t k) {
    Row& row = (*rows)[k];
    row.events = listen(*ears, *turn_options, row, nullptr, &row.seconds_final);
    row.alone = listen(*ears, single, row, nullptr, nullptr);
    std::string text;
    for (const TurnEvent& event : row.events)
      if (event.kind == TurnEvent::Kind::Final) text.append(text.empty() ? "" : " ").append(event.transcript.text());
    row.edits = count_edits(row.clip->text, text);
  });

  std::vector<Outcome> all;
  EditCounts edits;
  std::vector<double> compute_s;
  int by_alignment = 0, inserted = 0, own = 0;
  for (const Row& row : *rows) {
    all.push_back(outcome_of(row));
    edits += row.edits;
    compute_s.push_back(row.seconds_final);
    by_alignment += row.sound.by_alignment ? 1 : 0;
    for (const SilentSpan& pause : row.sound.pauses) ++(pause.inserted ? inserted : own);
  }
  compute_s = sorted(compute_s);
  const auto latency = known(all, &Outcome::latency_s, true), lead = known(all, &Outcome::lead_s, false),
             partial = known(all, &Outcome::first_partial_s, false);
  const EndWeights plain;
  EndOptions no_grace = turn_options->end;
  no_grace.grace_s = 1e9;
  const auto ours = try_all(tracks, turn_options->weights, turn_options->end), timeout = try_all(tracks, plain, no_grace);
  const auto at_most = [](const std::vector<EndPoint>& curve, double early) {
    for (const EndPoint& p : curve)
      if (p.early <= early) return p;
    return curve.back();
  };
  fmt::print("{} utterances, {} pauses put in, {} of the speakers' own of 0.2 s or more; end by alignment in {}\n"
             "patience {:.2f} s: early cuts {:.1f} % (in a pause put in {:.1f} %), revised {:.1f} %, finals as of a single end-pointer {:.1f} %\n"
             "final after the true end: median {:.0f} ms, 90 % within {:.0f} ms; lead of speculative: median {:.0f} ms\n"
             "compute of the push that ends it: median {:.1f} ms, 90 % within {:.1f} ms; first partial after speech begins: median {:.0f} ms, 90 % within {:.0f} ms; WER in turns {:.2f} %\n",
             rows->size(), inserted, own, by_alignment, turn_options->end.patience_s, 100 * share(all, &Outcome::early),
             100 * share(all, &Outcome::early_in_inserted), 100 * share(all, &Outcome::revised), 100 * share(all, &Outcome::same),
             1e3 * quantile(latency, 0.5), 1e3 * quantile(latency, 0.9), 1e3 * quantile(lead, 0.5), 1e3 * quantile(compute_s, 0.5),
             1e3 * quantile(compute_s, 0.9), 1e3 * quantile(partial, 0.5), 1e3 * quantile(partial, 0.9), 100 * edits.rate());
  for (const double early : {0.01, 0.02, 0.05, 0.1, 0.2, 0.4}) {
    const EndPoint a = at_most(ours, early), b = at_most(timeout, early);
    fmt::print("at most {:3.0f} % early: end-pointer patience {:.2f} s, median {:.0f} ms, 90 % {:.0f} ms; silence time-out {:.2f} s, median {:.0f} ms, 90 % {:.0f} ms\n",
               100 * early, a.patience_s, 1e3 * a.median_s, 1e3 * a.p90_s, b.patience_s, 1e3 * b.median_s, 1e3 * b.p90_s);
  }
  if (!o.plot.empty())
    if (const Status fine = write_file(o.plot, picture(ours, timeout, try_patience(tracks, turn_options->weights, turn_options->end, turn_options->end.patience_s)).svg()); !fine)
      return fine;
  return write_json(o.json, {{"split", o.split}, {"curve", curve_json(ours)}, {"silence", curve_json(timeout)}});
}

}  // namespace

void add_eval_endpoint(CLI::App& eval, Task& task) {
  auto o = std::make_shared<EndpointOptions>();
  CLI::App& app = *eval.add_subcommand("endpoint", "how early and how late turns end, on clips with pauses put in");
  app.add_option("FOLDER", o->folder, "folder of manifest.tsv and its tar shards")->required();
  app.add_option("--split", o->split, "which clips (default dev)")->option_text("NAME");
  app.add_option("--speakers", o->speakers, "file of speakers, one a line: these alone (default: all)")
      ->option_text("FILE");
  add_number(app, "--most", o->most, 0, 1'000'000, "so many clips at most; 0: all");
  add_number(app, "--pauses", o->sounds.pauses, 0, 20, "put into a clip at most, 0.2 to 1 s long");
  add_number(app, "--seed", o->sounds.seed, std::uint64_t{0}, std::uint64_t{1} << 62, "of the pauses");
  add_number(app, "--threads", o->num_threads, 1, 64, "clips side by side");
  app.add_flag("--fresh", o->fresh, "every turn begins without what was heard before");
  add_output(app, "--fit", o->fit, "fit the weights of the evidence to these clips and write them");
  add_turns(app, o->turns);
  add_speech(app, o->speech);
  add_json(app, o->json);
  add_plot(app, o->plot, "early cuts against latency");
  app.callback([o, &task] { task = [o] { return run(*o); }; });
}

}  // namespace pipit
