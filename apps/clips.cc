#include "clips.h"

#include <map>
#include <set>

#include "base/parallel.h"
#include "options.h"

namespace pipit {

void add_clips(CLI::App& app, ClipOptions& o) {
  app.add_option("FOLDER", o.folder, "folder of manifest.tsv and its tar shards")->required();
  app.add_option("--split", o.split, "which clips (default dev)")->option_text("NAME");
  app.add_option("--speakers", o.speakers, "file of speakers, one a line: these alone (default: all)")
      ->option_text("FILE");
  add_number(app, "--most", o.most, 0, 1'000'000, "so many clips at most; 0: all");
  add_number(app, "--threads", o.num_threads, 1, 64, "clips decoded side by side");
}

Result<std::vector<Clip>> choose_clips(const ClipOptions& o) {
  const auto clips = read_manifest(o.folder + "/manifest.tsv");
  if (!clips) return clips.error();
  std::set<std::string> speakers;  // none: all
  if (!o.speakers.empty()) {
    auto named = read_speakers(o.speakers);
    if (!named) return named.error();
    speakers = std::move(*named);
  }
  std::vector<Clip> chosen;
  for (const Clip& clip : *clips)
    if (clip.split == o.split && (speakers.empty() || speakers.contains(clip.speaker))) chosen.push_back(clip);
  if (o.most > 0 && chosen.size() > static_cast<std::size_t>(o.most)) chosen.resize(static_cast<std::size_t>(o.most));
  if (chosen.empty())
    return Error{
        Code::NotFound,
        o.folder + "/manifest.tsv: no clip of split " + o.split + (speakers.empty() ? "" : " by those speakers")};
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
