// asr/recogniser.h — the door of the room: samples in, words out, as they come.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "asr/search.h"
#include "lattice/lattice.h"
#include "nn/transducer.h"
#include "phones/second_look.h"

namespace pipit {

struct RecogniserOptions : SearchOptions {
  /// The encoder hears the sound in so many views (nn/encoder_views.h), 1 to 6: surer, and as much more to compute.
  int views = 3;  ///< never more than a step of the model has frames
  /// How words are said, by the model's phones (Transducer::phone_names). Null: no second look.
  const Lexicon* lexicon = nullptr;
  SecondLookOptions second_look = {};
};

struct Word {
  std::string text;
  double start_s = 0, end_s = 0;  ///< since the first sample; to one step of the encoder (60 ms)
  /// In [0, 1]: share of the beam's probability that has this word at this time. Quick and not calibrated: where it
  /// matters, ask the lattice (lattice/confidence.h).
  double confidence = 0;
};

struct Transcript {
  std::vector<Word> words;
  double log_score = 0;  ///< log P of the label sequence
  std::string text() const;
};

/// A transcript with its times moved.
Transcript later(Transcript words, double by_s);
/// The words of a lattice's best path, whose frames last step_s. Confidence: the part of all paths, their scores made
/// flatter (PosteriorScale::sharp), that says the word at about its time.
Transcript best_transcript(const Lattice& lattice, double step_s);
/// The likeliest `most` texts of a lattice, best first, without confidence.
std::vector<Transcript> best_transcripts(const Lattice& lattice, int most, double step_s);

/// One stream. The model is shared and const; everything that changes is in here.
///
/// In        16 kHz samples, nominally [-1, 1], cut in any way: the words do not depend on it.
/// Memory    bounded but for the words themselves, however long the sound.
/// Threads   one per stream; many streams may share a model.
class Recogniser {
 public:
  Recogniser(const Transducer& model, const RecogniserOptions& options);
  ~Recogniser();
  Recogniser(Recogniser&&) noexcept;
  Recogniser& operator=(Recogniser&&) noexcept;

  /// Takes sound in and decodes as far as it reaches.
  void push(std::span<const float> samples);
  /// In place of samples: the next log-mel frame [bands] (audio/log_mel.h), where somebody else looks at them too.
  void push_frame(std::span<const float> log_mel);
  /// No more will come; what does not fill a step is dropped.
  void finish();
  /// As new, for another sound.
  void reset();
  /// Words from here on, their times counted from here; what encoder and normalisation heard before stays with them as
  /// context (papers.md B7). After finish() another recording of the same voice may follow.
  void start_turn();

  /// The likeliest words so far, as the search has them: cheap, for what may still change.
  Transcript best() const;
  /// The same while more is to come: where the likeliest says nothing yet, but all that say something weigh more
  /// together (a first word is shared among many), the likeliest of those.
  Transcript partial() const;
  /// The words of lattice()'s best path. They are those of best() where there is no second look.
  Transcript settled() const;
  std::vector<Transcript> n_best(int most) const { return best_transcripts(lattice(), most, step_s()); }
  /// What may have been said so far: words with times, within SearchOptions::lattice_beam of the search's best path,
  /// after a second look at the phones (phones/second_look.h) where options and model have what it takes. Costs what
  /// that does: keep it. Prune it (lattice/posteriors.h) before it goes anywhere.
  /// What is older than SearchOptions::lattice_frames has no alternatives left and looks surer than it is: read it
  /// before.
  Lattice lattice() const;
  /// The same as the search left it, without a second look: the best path says best() with its score.
  Lattice search_lattice() const;
  /// log P(phone) of what was decoded since the start or the last start_turn(): [kPhoneFrames * steps(), phones]
  /// (nn/transducer.h). Empty where the model tells none, or the turn is longer than SearchOptions::lattice_frames.
  std::vector<float> phones() const;
  /// What the encoder made of the newest step: [Transducer::heard_dim()]; before the first step none.
  std::span<const float> heard() const;
  double seconds_decoded() const;
  /// Since the start, or the last start_turn().
  int steps() const;
  double step_s() const;
  /// Of the search, see there.
  void alive(std::vector<Alive>& out) const;

 private:
  struct Stream;
  std::vector<Transcript> hypotheses() const;  // by score
  std::unique_ptr<Stream> stream_;
};

}  // namespace pipit
