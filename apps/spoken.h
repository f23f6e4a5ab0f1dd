// apps/spoken.h — the demo's spoken part: sentences to listen to, and what Pipit heard in them.
#pragma once
#include <string>
#include <vector>

#include "audio/audio_file.h"
#include "speech.h"
#include "view/report.h"

namespace pipit {

struct Spoken {
  std::string name, said, origin;
  Audio audio;
  Heard heard;
  double step_s = 0.06;  // of the lattice's frames
};

/// The sentences of examples/spoken, and one clip of the speech bundle's dev split where $PIPIT_DATA or ../shared/data
/// has it, through the model that comes with the program. Fails where model or sentences are not to be found.
Result<std::vector<Spoken>> hear_spoken();

/// "door: HE STOOD .. (1 of 14 words wrong)"
std::string spoken_line(const Spoken& one);

/// For each sentence: the sound, what was said and heard, words with times and confidence, and a picture of the
/// lattice.
void add_spoken(Report& page, const std::vector<Spoken>& all);

}  // namespace pipit
