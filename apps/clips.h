// apps/clips.h — the clips of a speech bundle that an evaluation hears, side by side.
#pragma once
#include <CLI/App.hpp>
#include <functional>
#include <string>
#include <vector>

#include "audio/audio_file.h"
#include "audio/corpus.h"

namespace pipit {

struct ClipOptions {
  std::string folder, split = "dev";
  std::string speakers, without;             ///< files: these speakers alone, and not those; empty: all, and none
  int most = 0, every = 1, num_threads = 1;  ///< most: clips; 0: all
};

/// FOLDER, --split, --speakers, --without, --every, --most and --threads.
void add_clips(CLI::App& app, ClipOptions& options);

/// The clips that the options mean, in the manifest's order. Fails   NotFound where there are none, or as reading
/// fails.
Result<std::vector<Clip>> choose_clips(const ClipOptions& options);
/// Decodes each and hands it over, from any thread.
Status hear_clips(const ClipOptions& options,
                  const std::vector<Clip>& clips,
                  const std::function<void(std::size_t, const Audio&)>& hear);

}  // namespace pipit
