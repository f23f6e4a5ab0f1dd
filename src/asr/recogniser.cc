#include "asr/recogniser.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "asr/own_text.h"
#include "asr/word_lattice.h"
#include "audio/feature_norm.h"
#include "audio/log_mel.h"
#include "lattice/confidence.h"
#include "lattice/paths.h"
#include "lattice/posteriors.h"
#include "nn/encoder_views.h"
#include "text/pieces.h"

namespace pipit {
namespace {

constexpr int kAll = 1'000'000;

FeatureNorm norm_of(const Transducer& model) {
  FeatureNorm norm;
  expects(model.sizes().bands == kNumBands, "Recogniser: the model hears other bands");
  std::copy(model.feature_mean().begin(), model.feature_mean().end(), norm.mean.begin());
  std::copy(model.feature_inverse_deviation().begin(),
            model.feature_inverse_deviation().end(),
            norm.inverse_deviation.begin());
  return norm;
}

// Pieces joined to words; a word lasts from its first piece's frame to the end of its last one's.
Transcript words_of(const Transducer& model, const Hypothesis& hypothesis, double step_s) {
  Transcript out;
  out.log_score = hypothesis.log_score;
  for (std::size_t k = 0; k < hypothesis.emissions.size();) {
    std::vector<std::string> pieces;
    const std::size_t first = k;
    do pieces.emplace_back(model.piece(static_cast<std::size_t>(hypothesis.emissions[k++].token)));
    while (k < hypothesis.emissions.size() &&
           !begins_word(model.piece(static_cast<std::size_t>(hypothesis.emissions[k].token))));
    std::string text = join_pieces(pieces);
    if (text.empty()) continue;  // the mark of a word and no letter
    out.words.push_back({std::move(text),
                         hypothesis.emissions[first].frame * step_s,
                         (hypothesis.emissions[k - 1].frame + 1) * step_s});
  }
  return out;
}

}  // namespace

std::string Transcript::text() const {
  std::string out;
  for (const Word& word : words) out.append(out.empty() ? "" : " ").append(word.text);
  return out;
}

struct Recogniser::Stream {
  Stream(const Transducer& m, const RecogniserOptions& o)
      : model(m),
        options(o),
        norm(norm_of(m)),
        encoder(m, std::min(o.views, static_cast<int>(m.sizes().stack))),
        scorer(m, options.lm != nullptr ? options.own_text_weight : 0),
        search(scorer, options) {}

  void decode() {
    std::array<float, kNumBands> frame;
    while (mel.ready() > 0) {
      mel.pop(frame);
      push_frame(frame);
    }
  }
  void push_frame(std::span<const float> log_mel) {
    std::array<float, kNumBands> frame;
    std::copy(log_mel.begin(), log_mel.end(), frame.begin());
    norm.apply(frame);
    if (!encoder.push(frame)) return;
    if (model.sizes().phones > 0 && search.frame() < options.lattice_frames)
      heard.insert(heard.end(), encoder.h().begin(), encoder.h().end());
    search.step(encoder.e());
  }
  void restart() {
    search.reset();
    heard.clear();
  }
  bool looks_twice() const {
    return options.lexicon != nullptr && !heard.empty() && search.frame() <= options.lattice_frames;
  }
  double step_s() const { return static_cast<double>(model.sizes().stack) * kHop_samples / 16000; }

  const Transducer& model;
  const RecogniserOptions options;
  LogMel mel;
  RunningNorm norm;
  EncoderViews encoder;
  LessOwnText<Transducer> scorer;
  BeamSearch<LessOwnText<Transducer>> search;
  std::vector<float> heard;  // [steps of this turn, heard_dim()], for phones
  bool finished = false;
};

Recogniser::Recogniser(const Transducer& model, const RecogniserOptions& options)
    : stream_(std::make_unique<Stream>(model, options)) {}
Recogniser::~Recogniser() = default;
Recogniser::Recogniser(Recogniser&&) noexcept = default;
Recogniser& Recogniser::operator=(Recogniser&&) noexcept = default;

void Recogniser::push(std::span<const float> samples) {
  // In pieces of a second, so that a whole file handed over at once stands in memory once only.
  constexpr std::size_t kPiece = 16000;
  for (std::size_t at = 0; at < samples.size(); at += kPiece) {
    stream_->mel.push(samples.subspan(at, std::min(kPiece, samples.size() - at)));
    stream_->decode();
  }
}

void Recogniser::finish() {
  stream_->mel.finish();
  stream_->decode();
  stream_->finished = true;
}

void Recogniser::reset() {
  stream_->mel.reset();
  stream_->norm.reset();
  stream_->finished = false;
  stream_->encoder.reset();
  stream_->restart();
}

void Recogniser::start_turn() {
  stream_->restart();
  if (!stream_->finished) return;
  stream_->mel.reset();
  stream_->encoder.start();
  stream_->finished = false;
}

void Recogniser::push_frame(std::span<const float> log_mel) {
  expects(log_mel.size() == kNumBands, "Recogniser: a frame has the model's bands");
  stream_->push_frame(log_mel);
}

Transcript later(Transcript words, double by_s) {
  for (Word& word : words.words) word.start_s += by_s, word.end_s += by_s;
  return words;
}

namespace {

Transcript transcript_of(const Lattice& lattice, std::span<const std::int32_t> arcs, double step_s) {
  Transcript out;
  for (const std::int32_t a : arcs) {
    const LatticeArc& arc = lattice.arcs[static_cast<std::size_t>(a)];
    out.log_score += arc.acoustic + arc.label;
    if (arc.word == kNoWord) continue;
    out.words.push_back(
        {lattice.words[static_cast<std::size_t>(arc.word)], arc.start_frame * step_s, arc.end_frame * step_s});
  }
  return out;
}

}  // namespace

Transcript best_transcript(const Lattice& lattice, double step_s) {
  const std::vector<std::int32_t> path = best_path(lattice).arcs;
  Transcript out = transcript_of(lattice, path, step_s);
  const std::vector<double> share = posteriors(lattice, {PosteriorScale().sharp, PosteriorScale().sharp}).arc;
  auto word = out.words.begin();
  for (const std::int32_t a : path) {
    const LatticeArc& arc = lattice.arcs[static_cast<std::size_t>(a)];
    if (arc.word == kNoWord) continue;
    double sum = 0;
    for (std::size_t k = 0; k < lattice.arcs.size(); ++k) {
      const LatticeArc& other = lattice.arcs[k];
      if (other.word == arc.word && other.start_frame < arc.end_frame && arc.start_frame < other.end_frame)
        sum += share[k];
    }
    word++->confidence = std::min(1.0, sum);
  }
  return out;
}

// Paths come by score, and some say the same: as many more are asked for as it takes, up to 64 for each text.
std::vector<Transcript> best_transcripts(const Lattice& lattice, int most, double step_s) {
  std::vector<Transcript> out;
  for (int paths = 4 * most; static_cast<int>(out.size()) < most && paths <= 64 * most; paths *= 4) {
    out.clear();
    const std::vector<LatticePath> found = n_best(lattice, paths);
    for (const LatticePath& path : found) {
      if (static_cast<int>(out.size()) == most) break;
      Transcript one = transcript_of(lattice, path.arcs, step_s);
      const std::string text = one.text();
      if (std::none_of(out.begin(), out.end(), [&](const Transcript& other) { return other.text() == text; }))
        out.push_back(std::move(one));
    }
    if (static_cast<int>(found.size()) < paths) break;
  }
  return out;
}

Transcript Recogniser::settled() const {
  return stream_->looks_twice() ? best_transcript(lattice(), step_s()) : best();
}

namespace {

double weight(const Transcript& one, const Transcript& best) { return std::exp(one.log_score - best.log_score); }

/// One of all hypotheses, its words weighed against the others.
Transcript with_confidence(const std::vector<Transcript>& all, std::size_t which) {
  Transcript out = all[which];
  double total = 0;
  for (const Transcript& one : all) total += weight(one, all[0]);
  for (Word& word : out.words) {
    double share = 0;
    for (const Transcript& one : all)
      if (std::any_of(one.words.begin(), one.words.end(), [&](const Word& other) {
            return other.text == word.text && other.start_s < word.end_s + 0.1 && word.start_s < other.end_s + 0.1;
          }))
        share += weight(one, all[0]);
    word.confidence = std::min(1.0, share / total);
  }
  return out;
}

}  // namespace

std::vector<Transcript> Recogniser::hypotheses() const {
  std::vector<Transcript> all;
  for (const Hypothesis& hypothesis : stream_->search.best(kAll))
    all.push_back(words_of(stream_->model, hypothesis, stream_->step_s()));
  return all;
}

Transcript Recogniser::best() const { return with_confidence(hypotheses(), 0); }

// What is kept in the beam of a first word is a part of it, and its language model's price is paid at once: silence is
// ahead for another 100 ms. At one to twenty no clip of dev, two of 534 of tune, begin before their speech does.
constexpr double kBegun = 0.05;

Transcript Recogniser::partial() const {
  const std::vector<Transcript> all = hypotheses();
  double silent = 0, spoken = 0;
  for (const Transcript& one : all) (one.words.empty() ? silent : spoken) += weight(one, all[0]);
  const auto first = std::find_if(all.begin(), all.end(), [](const Transcript& one) { return !one.words.empty(); });
  return with_confidence(all, spoken > kBegun * silent ? static_cast<std::size_t>(first - all.begin()) : 0);
}

std::vector<float> Recogniser::phones() const {
  const Stream& s = *stream_;
  if (s.heard.empty() || steps() > s.options.lattice_frames) return {};
  std::vector<float> out(static_cast<std::size_t>(steps()) * kPhoneFrames * s.model.sizes().phones);
  s.model.tell_phones(s.heard, out);
  return out;
}

std::span<const float> Recogniser::heard() const { return stream_->encoder.h(); }
double Recogniser::seconds_decoded() const { return steps() * step_s(); }
int Recogniser::steps() const { return stream_->search.frame(); }
double Recogniser::step_s() const { return stream_->step_s(); }
void Recogniser::alive(std::vector<Alive>& out) const { stream_->search.alive(out); }

Lattice Recogniser::search_lattice() const {
  const Stream& s = *stream_;
  return word_lattice(s.search.lattice(),
                      [&](std::int32_t token) { return s.model.piece(static_cast<std::size_t>(token)); });
}

Lattice Recogniser::lattice() const {
  const Stream& s = *stream_;
  Lattice out = search_lattice();
  if (!s.looks_twice()) return out;
  return second_look(out, phones(), s.model.sizes().phones, *s.options.lexicon, s.options.second_look);
}

}  // namespace pipit
