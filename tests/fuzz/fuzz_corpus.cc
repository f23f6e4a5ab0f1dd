// Any bytes at all as a manifest and as a tar shard: clips and members that keep what corpus.h says, or one printable
// line.
#include <set>
#include <string_view>

#include "audio/corpus.h"
#include "tests/fuzz/fuzz.h"

namespace {

using pipit::fuzz::demand;

void check_manifest(std::string_view text) {
  const auto clips = pipit::parse_manifest(text, "fuzz");
  if (!clips) return pipit::fuzz::demand_clear(clips.error());
  std::set<std::string> ids;
  for (const pipit::Clip& clip : *clips) {
    demand(!clip.id.empty() && !clip.shard.empty() && !clip.member.empty() && ids.insert(clip.id).second);
    demand(clip.shard.find('/') == std::string::npos && clip.duration_s >= 0);
  }
}

void check_shard(const std::uint8_t* data, std::size_t size) {
  const pipit::fuzz::MemoryFile file(data, size);
  const auto shard = pipit::TarShard::open(file.path());
  if (!shard) return pipit::fuzz::demand_clear(shard.error());
  unsigned sum = 0;
  for (const auto& member : shard->members()) {
    const auto found = shard->member(member.name);
    demand(found.has_value() && found->data() == member.bytes.data() && found->size() == member.bytes.size());
    for (const std::byte b : member.bytes) sum += static_cast<unsigned>(b);  // all of it can be read
  }
  demand(sum <= 255 * size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_manifest({reinterpret_cast<const char*>(data), size});
  check_shard(data, size);
  // A header of a tar file says the sum of its bytes: written here, or nothing would get past it.
  std::string tar(reinterpret_cast<const char*>(data), size);
  for (std::size_t at = 0; at + 512 <= tar.size(); at += 512) {
    if (tar[at] == '\0') continue;
    unsigned sum = 8 * ' ';
    for (std::size_t k = 0; k < 512; ++k)
      if (k < 148 || k >= 156) sum += static_cast<unsigned char>(tar[at + k]);
    for (std::size_t k = 0; k < 6; ++k) tar[at + 148 + k] = static_cast<char>('0' + (sum >> (3 * (5 - k)) & 7));
    tar[at + 154] = '\0', tar[at + 155] = ' ';
  }
  check_shard(reinterpret_cast<const std::uint8_t*>(tar.data()), tar.size());
  return 0;
}
