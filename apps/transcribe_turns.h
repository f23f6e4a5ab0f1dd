// apps/transcribe_turns.h — sound files told turn by turn, as they would be heard live.
#pragma once
#include <string>
#include <vector>

#include "speech.h"

namespace pipit {

/// One event a line: seconds of sound needed for it, turn, event with the number of its speculation, text.
/// json: one object a line.
Status transcribe_turns(const std::vector<std::string>& files, const Ears& ears, const TurnOptions& options, bool json);

}  // namespace pipit
