// asr/recogniser.h — the door of the room: samples in, words out, as they come.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "asr/search.h"
#include "lattice/lattice.h"
#include "nn/transducer.h"

namespace pipit {

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

/// One stream. The model is shared and const; everything that changes is in here.
///
/// In        16 kHz samples, nominally [-1, 1], cut in any way: the words do not depend on it.
/// Memory    bounded but for the words themselves, however long the sound.
/// Threads   one per stream; many streams may share a model.
class Recogniser {
 public:
  Recogniser(const Transducer& model, const SearchOptions& options);
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

  /// The likeliest words so far.
  Transcript best() const;
  /// The likeliest `most` texts of the lattice, best first, without confidence.
  std::vector<Transcript> n_best(int most) const;
  /// What may have been said so far: words with times, within SearchOptions::lattice_beam of the best path, which says
  /// best() with its score. Prune it (lattice/posteriors.h) before it goes anywhere.
  /// What is older than SearchOptions::lattice_frames has no alternatives left and looks surer than it is: read it
  /// before.
  Lattice lattice() const;
  double seconds_decoded() const;
  /// Since the start, or the last start_turn().
  int steps() const;
  double step_s() const;
  /// Of the search, see there.
  void alive(std::vector<Alive>& out) const;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace pipit
