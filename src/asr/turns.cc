#include "asr/turns.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "audio/log_mel.h"
#include "base/contract.h"

namespace pipit {

std::string_view name_of(TurnEvent::Kind kind) {
  constexpr std::array<std::string_view, 4> kNames = {"partial", "endpoint_speculative", "revised", "endpoint_final"};
  return kNames[static_cast<std::size_t>(kind)];
}

struct Turns::Stream {
  Stream(const Transducer& model, const TurnOptions& o)
      : options(o), recogniser(model, o.search), voice(o.voice), machine(o.weights, o.end) {
    recent.resize((Cadence::kBefore + 2) * model.heard_dim());
    heard_at_pause.resize(Cadence::kParts * model.heard_dim());
    expects(o.cadence.size() == 0 || o.cadence.size() == heard_at_pause.size(),
            "Turns: the cadence is of another model");
    refresh();
  }

  static constexpr double kTick_s = static_cast<double>(kHop_samples) / 16000;
  double now_s() const { return static_cast<double>(num_ticks) * kTick_s; }

  void hear() {
    std::array<float, kNumBands> frame;
    while (mel.ready() > 0) {
      mel.pop(frame);
      ++num_ticks;
      voice.push(frame);
      const int before = recogniser.steps();
      recogniser.push_frame(frame);
      if (voice.voice()) asked = false, tick.evidence[kCadence] = 0;
      if (recogniser.steps() != before) {
        listen();
        refresh();
      }
      observe();
      signal(machine.step(tick));
    }
  }

  // After a step of the recogniser: how it sounded where the voice has just stopped.
  void listen() {
    const std::span<const float> newest = recogniser.heard();
    recent.erase(recent.begin(), recent.begin() + static_cast<std::ptrdiff_t>(newest.size()));
    recent.insert(recent.end(), newest.begin(), newest.end());
    if (asked || !voice.any_voice() || voice.silence_s() < Cadence::kAskAfter_s) return;
    asked = true;
    ++num_pauses;
    const std::size_t dim = newest.size(), before = Cadence::kBefore;
    for (std::size_t k = 0; k < dim; ++k) {
      float sum = 0;
      for (std::size_t step = 0; step < before; ++step) sum += recent[step * dim + k];
      heard_at_pause[k] = sum / static_cast<float>(before);
    }
    std::copy(recent.end() - static_cast<std::ptrdiff_t>(2 * dim),
              recent.end(),
              heard_at_pause.begin() + static_cast<std::ptrdiff_t>(dim));
    tick.evidence[kCadence] = options.cadence(heard_at_pause);
  }

  // After a step of the recogniser: its beam and, where that has changed, its best text.
  void refresh() {
    recogniser.alive(beam);
    const Alive* best = &beam[0];
    for (const Alive& one : beam)
      if (one.log_score > best->log_score) best = &one;
    double total = 0;
    for (const Alive& one : beam) total += std::exp(one.log_score - best->log_score);
    entropy = mean_emitted_s = 0;
    for (const Alive& one : beam) {
      const double p = std::exp(one.log_score - best->log_score) / total;
      if (p > 0) entropy -= p * std::log(p);
      mean_emitted_s += p * emitted_s(one);
    }
    best_emitted_s = emitted_s(*best);
    tick.any_label = best->last_frame >= 0;
    tell_beginning();
    if (best->labels == tick.labels) return;
    tick.labels = best->labels;
    changed_s = now_s();
    text = later(recogniser.best(), start_s);
    tick.evidence[kSentenceEnd] = text.words.empty() ? 0 : options.sentence_ends.after(text.words.back().text);
    if (tick.any_label) emit(TurnEvent::Kind::Partial, -1, text);
  }
  /// A first word is shared among many hypotheses, and silence is one alone: told as soon as they outweigh it.
  void tell_beginning() {
    if (begun || tick.any_label) return;
    Transcript first = later(recogniser.partial(), start_s);
    begun = !first.words.empty();
    if (begun) emit(TurnEvent::Kind::Partial, -1, std::move(first));
  }
  Transcript settled() const { return later(recogniser.settled(), start_s); }
  double emitted_s(const Alive& one) const { return start_s + (one.last_frame + 1) * recogniser.step_s(); }

  void observe() {
    Evidence& e = tick.evidence;
    e[kSilence] = static_cast<float>(voice.silence_s());
    e[kPause] = static_cast<float>(now_s() - best_emitted_s);
    e[kExpectedPause] = static_cast<float>(now_s() - mean_emitted_s);
    e[kStable] = static_cast<float>(now_s() - changed_s);
    e[kEntropy] = static_cast<float>(entropy);
    e[kFall] = voice.fall();
    tick.voice = voice.voice();
  }

  void signal(const TurnSignals& signals) {
    if (signals.revised) emit(TurnEvent::Kind::Revised, signals.withdrawn, text);
    if (signals.speculative) {
      Transcript said = settled();
      speculated = said.text();
      emit(TurnEvent::Kind::Speculative, signals.speculation, std::move(said));
    }
    if (!signals.final) return;
    Transcript said = settled();
    int speculation = signals.speculation;
    if (speculation >= 0 && said.text() != speculated) {  // the last silence changed a second look
      emit(TurnEvent::Kind::Revised, speculation, said);
      speculation = -1;
    }
    emit(TurnEvent::Kind::Final, speculation, std::move(said));
    ++turn;
    steps_before += recogniser.steps();
    if (options.carry_context) {
      recogniser.start_turn();
      start_s = steps_before * recogniser.step_s();
    } else {
      recogniser.reset();
      start_s = now_s();
    }
    voice.start_turn();
    tick.labels = 0;
    begun = false;
    tick.evidence[kSentenceEnd] = 0;
    text = {};
    changed_s = now_s();
    refresh();
  }

  void emit(TurnEvent::Kind kind, int speculation, Transcript transcript) {
    const double at_s = static_cast<double>((num_ticks - 1) * kHop_samples + kWindow_samples) / 16000;
    events.push_back({kind, turn, speculation, std::max(at_s, 0.0), std::move(transcript)});
  }

  TurnOptions options;
  LogMel mel;
  Recogniser recogniser;
  VoiceActivity voice;
  TurnMachine machine;
  TurnTick tick;
  bool begun = false;  // its beginning has been told
  std::int64_t num_ticks = 0;
  std::int64_t steps_before = 0;  // of the recogniser in earlier turns
  int turn = 0;
  double start_s = 0;                         // of this turn's first step
  std::vector<float> recent, heard_at_pause;  // [kBefore + 2, heard_dim()], [kParts, heard_dim()] of Cadence
  std::int64_t num_pauses = 0;
  bool asked = false;  // about the silence under way
  std::vector<Alive> beam;
  double entropy = 0, mean_emitted_s = 0, best_emitted_s = 0, changed_s = 0;
  Transcript text;
  std::string speculated;  // text of the newest speculation
  std::vector<TurnEvent> events;
};

Turns::Turns(const Transducer& model, const TurnOptions& options) : stream_(std::make_unique<Stream>(model, options)) {}
Turns::~Turns() = default;
Turns::Turns(Turns&&) noexcept = default;
Turns& Turns::operator=(Turns&&) noexcept = default;

void Turns::push(std::span<const float> samples) {
  constexpr std::size_t kPiece = 16000;  // so that a whole file handed over at once stands in memory once only
  for (std::size_t at = 0; at < samples.size(); at += kPiece) {
    stream_->mel.push(samples.subspan(at, std::min(kPiece, samples.size() - at)));
    stream_->hear();
  }
}

void Turns::finish() {
  stream_->mel.finish();
  stream_->hear();
  stream_->signal(stream_->machine.finish(stream_->tick));
}

std::vector<TurnEvent> Turns::take() { return std::exchange(stream_->events, {}); }
const TurnTick& Turns::tick() const { return stream_->tick; }
std::int64_t Turns::num_ticks() const { return stream_->num_ticks; }
std::int64_t Turns::num_pauses() const { return stream_->num_pauses; }
std::span<const float> Turns::heard_at_pause() const { return stream_->heard_at_pause; }
const Transcript& Turns::text() const { return stream_->text; }

}  // namespace pipit
