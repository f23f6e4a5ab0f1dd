// phones/second_look.h — the words of a lattice, looked at again by their sounds: what the transducer spelled must also
// have been said, phone by phone. Source: connectionist temporal classification (Graves et al. 2006), its best
// alignment (Viterbi) in place of the sum; papers.md B2 for lattices as what a second pass chooses from. Legend: F
// frames of phones (half a frame of the lattice each), P phones.
#pragma once
#include <span>

#include "lattice/lattice.h"
#include "phones/lexicon.h"

namespace pipit {

struct SecondLookOptions {
  double acoustic = 0.8;  ///< of the lattice's acoustic scores: they heard the same sound, and were too sure of it
  double weight = 0.4;    ///< of the phones' log probabilities beside the lattice's scores
  double unknown = 1.0;   ///< nats a frame that a word of unknown sound loses against the likeliest phones
  int slack_frames = 10;  ///< how far from where the lattice has it a word may begin or end, in frames of phones
};

/// The lattice with its acoustic scores changed so that the score of its best path is that of the best path and best
/// alignment together: sum of options.acoustic * acoustic + label + weight * log P(phones), exactly; of every arc's
/// best path likewise; other paths are close. Label scores, words, times stay as they are.
///
/// phones [F, P], log probabilities, the blank first; two for each frame of the lattice, and as far beyond its end as
/// the sound goes. Where there is too little sound for any path the lattice comes back as it is.
/// Cost   some 1000 additions an arc.
Lattice second_look(const Lattice& lattice,
                    std::span<const float> phones,
                    std::size_t num_phones,
                    const Lexicon& lexicon,
                    const SecondLookOptions& options);

}  // namespace pipit
