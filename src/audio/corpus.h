// audio/corpus.h — the clips of a speech bundle: one manifest, and tar shards that are read in place.
// Source: POSIX.1-2017, pax, "ustar Interchange Format".
#pragma once
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"

namespace pipit {

/// One line of a manifest. What its bundle does not tell is empty, or 0.
struct Clip {
  std::string id, shard, member, source, speaker, split, text;
  double duration_s = 0;
};

/// Reads a tab-separated file with a header line; columns are found by name, others are passed over. `utt` (or `clip`,
/// or `id`), `shard` and `member` must be there; `source`, `speaker`, `split`, `text`, `duration_s` may be.
/// Fails with BadFormat naming file and line: a column missing or named twice, too few or too many fields, an empty id,
/// shard or member, an id seen before, a shard that is a path, a duration that is no number of seconds >= 0.
Result<std::vector<Clip>> read_manifest(const std::string& path);
Result<std::vector<Clip>> parse_manifest(std::string_view text, std::string_view name);

/// Speakers, one a line; lines that are empty or begin with '#' say nothing.
/// Fails with NotFound, Io, or BadFormat: nobody is named, or a line is longer than any text (base/file.h).
Result<std::set<std::string>> read_speakers(const std::string& path);

/// A tar file (ustar) in memory, its members found by name. Spans live as long as the shard does.
class TarShard {
 public:
  struct Member {
    std::string name;
    std::span<const std::byte> bytes;
  };

  /// Walks all headers. Fails as MappedFile does, or with BadFormat naming the byte: a header that is cut or whose
  /// checksum is wrong, a size that the file has no room for, a name twice, no closing zero block (a file cut between
  /// two members looks like that); or with Unsupported for names beyond ustar (pax and GNU extensions).
  static Result<TarShard> open(const std::string& path);

  /// Fails with NotFound, naming shard and member. O(log members), no copy.
  Result<std::span<const std::byte>> member(std::string_view name) const;
  /// Plain files only, sorted by name.
  const std::vector<Member>& members() const { return members_; }

 private:
  TarShard(std::string path, MappedFile file, std::vector<Member> members)
      : path_(std::move(path)), file_(std::move(file)), members_(std::move(members)) {}
  std::string path_;
  MappedFile file_;
  std::vector<Member> members_;
};

}  // namespace pipit
