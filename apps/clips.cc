#include "clips.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/parallel.h"
#include "base/text.h"
#include "options.h"

namespace pipit {
namespace {

Result<std::set<std::string>> named_in(const std::string& path) {
  return path.empty() ? std::set<std::string>() : read_speakers(path);
}

}  // namespace

void add_clips(CLI::App& app, ClipOptions& o) {
  app.add_option("FOLDER", o.folder, "folder of manifest.tsv and its tar shards")->required();
  app.add_option("--split", o.split, "which clips (default dev)")->option_text("NAME");
  app.add_option("--speakers", o.speakers, "file of speakers, one a line: these alone (default: all)")
      ->option_text("FILE");
  app.add_option("--without", o.without, "file of speakers who are left out (default: none)")->option_text("FILE");
  add_number(app, "--every", o.every, 1, 1'000'000, "the first of so many clips each");
  add_number(app, "--most", o.most, 0, 1'000'000, "so many clips at most; 0: all");
  add_number(app, "--threads", o.num_threads, 1, 64, "clips decoded side by side");
}

Result<std::vector<Clip>> choose_clips(const ClipOptions& o) {
  const auto clips = read_manifest(o.folder + "/manifest.tsv");
  if (!clips) return clips.error();
  const auto speakers = named_in(o.speakers), without = named_in(o.without);
  if (!speakers) return speakers.error();
  if (!without) return without.error();
  for (const std::string& speaker : *without)  // a name that is none would leave somebody in
    if (std::none_of(clips->begin(), clips->end(), [&](const Clip& clip) { return clip.speaker == speaker; }))
      return Error{Code::BadFormat,
                   fmt::format("{}: {} speaks no clip of the manifest", o.without, in_quotes(speaker))};
  std::vector<Clip> chosen;
  int of_these = 0;
  for (const Clip& clip : *clips)
    if (clip.split == o.split && (speakers->empty() || speakers->contains(clip.speaker)) &&
        !without->contains(clip.speaker) && of_these++ % o.every == 0)
      chosen.push_back(clip);
  if (o.most > 0 && chosen.size() > static_cast<std::size_t>(o.most)) chosen.resize(static_cast<std::size_t>(o.most));
  if (chosen.empty())
    return Error{Code::NotFound,
                 o.folder + "/manifest.tsv: no clip of split " + o.split +
                     (speakers->empty() && without->empty() ? "" : " by those speakers")};
  return chosen;
}

Status hear_clips(const ClipOptions& o,
                  const std::vector<Clip>& clips,
                  const std::function<void(std::size_t, const Audio&)>& hear) {
  std::map<std::string, TarShard> shards;
  for (const Clip& clip : clips) {
    if (shards.contains(clip.shard)) continue;
    auto shard = TarShard::open(o.folder + "/" + clip.shard);
    if (!shard) return shard.error();
    shards.emplace(clip.shard, std::move(*shard));
  }
  std::vector<std::string> failed(clips.size());
  Workers workers(o.num_threads);
  workers.run(clips.size(), [&](std::size_t k) {
    const auto bytes = shards.at(clips[k].shard).member(clips[k].member);
    if (!bytes) return void(failed[k] = bytes.error().message);
    const auto audio = decode_audio(*bytes, clips[k].member);
    if (!audio) return void(failed[k] = audio.error().message);
    hear(k, *audio);
  });
  for (const std::string& message : failed)
    if (!message.empty()) return Error{Code::BadFormat, message};
  return Done{};
}

}  // namespace pipit
