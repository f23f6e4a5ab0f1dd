// pipit eval endpoint — when the end-pointers end a turn: too early, too late, against a time-out of plain silence.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/parallel.h"
#include "clips.h"
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
  ClipOptions clips;
  std::string json, plot, fit, fit_cadence;
  int own_ms = 10000;
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

std::vector<TurnEvent> listen(
    const Ears& ears, const TurnOptions& options, const Row& row, Track* track, double* push_s) {
  constexpr std::size_t kPush = 160;
  Turns turns(*ears.model, options);
  std::vector<TurnEvent> out;
  const std::span<const float> samples = row.sound.samples;
  std::int64_t seen = 0, pauses = 0;
  for (std::size_t at = 0; at < samples.size(); at += kPush) {
    const Stopwatch watch;
    turns.push(samples.subspan(at, std::min(kPush, samples.size() - at)));
    const double seconds = watch.seconds();
    if (track != nullptr && turns.num_ticks() > std::exchange(seen, turns.num_ticks()))
      track->ticks.push_back(turns.tick());
    if (track != nullptr && turns.num_pauses() > std::exchange(pauses, turns.num_pauses()))
      track->pauses.push_back(
          {track->ticks.size() - 1, {turns.heard_at_pause().begin(), turns.heard_at_pause().end()}});
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

Result<std::vector<Row>> load_rows(const EndpointOptions& o, const std::vector<Clip>& clips, const Ears& ears) {
  std::vector<Row> rows;
  for (const Clip& clip : clips) rows.push_back({.clip = &clip});
  const Status heard = hear_clips(o.clips, clips, [&](std::size_t k, const Audio& audio) {
    rows[k].sound = make_turn_sound(*ears.model, clips[k], audio, o.sounds);
  });
  if (!heard) return heard.error();
  std::erase_if(rows, [](const Row& row) { return row.sound.samples.empty(); });
  if (rows.empty())
    return Error{Code::NotFound, o.clips.folder + "/manifest.tsv: no clip has words to end a turn with"};
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

struct Curves {
  std::vector<EndPoint> ours, plain;  // plain: a time-out of silence alone
  EndPoint here;                      // with the patience that was asked for
};

Figure picture(const Curves& curves) {
  Figure figure("Too early or too late");
  figure.x_axis({.label = "final end-point after the true end, median", .unit = "s", .low = 0, .high = 2});
  figure.y_axis({.label = "utterances cut early", .unit = "%"});
  const auto draw = [&](const std::string& name, const std::vector<EndPoint>& curve, Style style) {
    std::vector<double> x, y;
    for (const EndPoint& p : curve) x.push_back(p.median_s), y.push_back(100 * p.early);
    figure.line(name, x, y, style);
  };
  draw("silence time-out", curves.plain, {.ink = Ink::Grey, .dashed = true});
  draw("end-pointer", curves.ours, {.ink = Ink::Blue, .width_px = 2});
  const double x = curves.here.median_s, y = 100 * curves.here.early;
  figure.points("patience as set", {&x, 1}, {&y, 1}, {.ink = Ink::Orange, .width_px = 8});
  return figure;
}

void print_curves(const Curves& curves) {
  const auto at_most = [](const std::vector<EndPoint>& curve, double early) {
    for (const EndPoint& p : curve)
      if (p.early <= early) return p;
    return curve.back();
  };
  fmt::print("  early at most       end-pointer: patience, median, 90 % (s)       silence alone\n");
  for (const double early : {0.01, 0.02, 0.05, 0.1, 0.2, 0.4}) {
    fmt::print("  {:11.0f} %", 100 * early);
    for (const auto* curve : {&curves.ours, &curves.plain}) {
      const EndPoint p = at_most(*curve, early);
      fmt::print("       {:11.2f} {:8.2f} {:7.2f}", p.patience_s, p.median_s, p.p90_s);
    }
    fmt::print("\n");
  }
}

Json summarise(const std::vector<Row>& rows, const EndOptions& end, const EndpointOptions& o) {
  std::vector<Outcome> all;
  EditCounts edits;
  std::vector<double> compute_s;
  int by_alignment = 0, inserted = 0, own = 0;
  for (const Row& row : rows) {
    all.push_back(outcome_of(row));
    edits += row.edits;
    compute_s.push_back(row.seconds_final);
    by_alignment += row.sound.by_alignment ? 1 : 0;
    for (const SilentSpan& pause : row.sound.pauses) ++(pause.inserted ? inserted : own);
  }
  compute_s = sorted(compute_s);
  const auto latency = known(all, &Outcome::latency_s, true), lead = known(all, &Outcome::lead_s, false),
             partial = known(all, &Outcome::first_partial_s, false);
  return {{"utterances", rows.size()},
          {"pauses_put_in", inserted},
          {"own_pauses", own},
          {"end_by_alignment", by_alignment},
          {"patience_s", end.patience_s},
          {"carry_context", !o.fresh},
          {"early", share(all, &Outcome::early)},
          {"early_in_pause_put_in", share(all, &Outcome::early_in_inserted)},
          {"revised", share(all, &Outcome::revised)},
          {"finals_as_single", share(all, &Outcome::same)},
          {"latency_median_s", number(quantile(latency, 0.5))},
          {"latency_p90_s", number(quantile(latency, 0.9))},
          {"lead_median_s", number(quantile(lead, 0.5))},
          {"compute_of_final_median_s", number(quantile(compute_s, 0.5))},
          {"compute_of_final_p90_s", number(quantile(compute_s, 0.9))},
          {"first_partial_median_s", number(quantile(partial, 0.5))},
          {"first_partial_p90_s", number(quantile(partial, 0.9))},
          {"wer_in_turns", edits.rate()}};
}

void print_summary(const Json& s) {
  const auto percent = [&](const char* key) { return 100 * s[key].get<double>(); };
  const auto ms = [&](const char* key) { return s[key].is_null() ? std::nan("") : 1e3 * s[key].get<double>(); };
  fmt::print("{} utterances, {} pauses put in, {} of the speakers' own of 0.2 s or more; end by alignment in {}\n",
             s["utterances"].get<int>(),
             s["pauses_put_in"].get<int>(),
             s["own_pauses"].get<int>(),
             s["end_by_alignment"].get<int>());
  fmt::print(
      "patience {:.0f} ms: early cuts {:.1f} % (in a pause put in {:.1f} %), revised {:.1f} %, finals as of a single "
      "end-pointer {:.1f} %\n",
      ms("patience_s"),
      percent("early"),
      percent("early_in_pause_put_in"),
      percent("revised"),
      percent("finals_as_single"));
  fmt::print(
      "final after the true end: median {:.0f} ms, 90 % within {:.0f} ms; speculative leads by {:.0f} ms (median)\n",
      ms("latency_median_s"),
      ms("latency_p90_s"),
      ms("lead_median_s"));
  fmt::print(
      "compute of the push that brings the final, and with it the last word: median {:.2f} ms, 90 % within {:.2f} ms\n"
      "first partial after speech begins: median {:.0f} ms, 90 % within {:.0f} ms; WER over turns {:.2f} %\n",
      ms("compute_of_final_median_s"),
      ms("compute_of_final_p90_s"),
      ms("first_partial_median_s"),
      ms("first_partial_p90_s"),
      percent("wer_in_turns"));
}

Status run(const EndpointOptions& o) {
  for (const std::string& path : {o.json, o.plot, o.fit, o.fit_cadence})
    if (const Status fine = can_write(path); !fine) return fine;
  const auto clips = choose_clips(o.clips);
  if (!clips) return clips.error();
  const auto ears = load_ears(o.speech);
  if (!ears) return ears.error();
  auto turn_options = load_turns(o.speech, o.turns, *ears);
  if (!turn_options) return turn_options.error();
  turn_options->carry_context = !o.fresh;
  Workers workers(o.clips.num_threads);
  auto rows = load_rows(o, *clips, *ears);
  if (!rows) return rows.error();

  TurnOptions endless = *turn_options;
  endless.end.patience_s = 1e9, endless.end.lead_s = 0;
  workers.run(rows->size(), [&](std::size_t k) {
    Row& row = (*rows)[k];
    listen(*ears, endless, row, &row.track, nullptr);
    row.track.end = static_cast<std::int64_t>(std::ceil((row.sound.end_s - 0.025) / 0.01)) + 1;
  });
  std::vector<Track> tracks;
  for (Row& row : *rows) tracks.push_back(std::move(row.track));
  if (!o.fit_cadence.empty())
    return write_file(o.fit_cadence,
                      fmt::format("# How an end sounds (src/endpoint/cadence.h), made by\n# {}\n{}",
                                  command_line(),
                                  fit_cadence(tracks).text()));
  if (!o.fit.empty())
    turn_options->weights =
        fit_end_weights(tracks, {kSilence, kEntropy, kSentenceEnd, kFall, kCadence}, turn_options->end);
  const Curves curves{try_all(tracks, turn_options->weights, turn_options->end),
                      try_all(tracks, {}, turn_options->end),
                      try_patience(tracks, turn_options->weights, turn_options->end, turn_options->end.patience_s)};
  if (!o.fit.empty()) {
    print_curves(curves);
    return write_file(
        o.fit,
        fmt::format("# Seconds of silence that evidence is worth (src/endpoint/evidence.h), made by\n# {}\n{}",
                    command_line(),
                    format_end_weights(turn_options->weights)));
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

  if (!o.plot.empty())
    if (const Status fine = write_file(o.plot, picture(curves).svg()); !fine) return fine;
  const Json summary = summarise(*rows, turn_options->end, o);
  if (!is_standard_output(o.json)) {
    print_summary(summary);
    print_curves(curves);
  }
  return write_json(o.json,
                    {{"split", o.clips.split},
                     {"seed", o.sounds.seed},
                     {"pauses", o.sounds.pauses},
                     {"own_pauses_s", o.sounds.own_s},
                     {"summary", summary},
                     {"curve", curve_json(curves.ours)},
                     {"silence_time_out", curve_json(curves.plain)}});
}

}  // namespace

void add_eval_endpoint(CLI::App& eval, Task& task) {
  auto o = std::make_shared<EndpointOptions>();
  CLI::App& app = *eval.add_subcommand("endpoint", "how early and how late turns end, on clips with pauses put in");
  add_clips(app, o->clips);
  add_number(app, "--pauses", o->sounds.pauses, 0, 20, "put into a clip at most, 0.2 to 1 s long");
  add_number(app, "--seed", o->sounds.seed, std::uint64_t{0}, std::uint64_t{1} << 62, "of the pauses");
  add_number(app, "--own", o->own_ms, 0, 10000, "ms to which the speaker's own pauses are shortened");
  app.add_flag("--fresh", o->fresh, "every turn begins without what was heard before");
  add_output(app, "--fit-cadence", o->fit_cadence, "fit how an end sounds to these clips and write it");
  add_output(app, "--fit", o->fit, "fit the weights of the evidence to these clips and write them");
  app.get_option("--fit")->excludes("--fit-cadence");
  add_turns(app, o->turns);
  add_speech(app, o->speech);
  add_json(app, o->json);
  add_plot(app, o->plot, "early cuts against latency");
  app.callback([o, &task] {
    o->sounds.own_s = o->own_ms / 1e3;
    task = [o] { return run(*o); };
  });
}

}  // namespace pipit
