#include "audio/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/file.h"
#include "base/text.h"

namespace pipit {
namespace {

// Fields between tabs, empty ones too.
std::vector<std::string_view> split_tabs(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

enum Column { Id, Shard, MemberName, Source, Speaker, Split, Text, Duration, kNumColumns };

constexpr std::array<std::string_view, kNumColumns> kTitles = {
    "utt", "shard", "member", "source", "speaker", "split", "text", "duration_s"};

}  // namespace

Result<std::vector<Clip>> parse_manifest(std::string_view text, std::string_view name) {
  Lines lines(text);
  const auto bad = [&](std::string_view what) {
    return Error{Code::BadFormat, fmt::format("{}:{}: {}", name, lines.number(), what)};
  };
  const auto header = lines.next();
  if (!header) return Error{Code::BadFormat, fmt::format("{}: empty, wanted a header line", name)};
  const auto titles = split_tabs(*header);
  std::array<std::optional<std::size_t>, kNumColumns> where;
  for (std::size_t i = 0; i < titles.size(); ++i) {
    const std::string_view title = titles[i] == "clip" || titles[i] == "id" ? kTitles[Id] : titles[i];
    const auto column = std::find(kTitles.begin(), kTitles.end(), title) - kTitles.begin();
    if (column == kNumColumns) continue;
    if (where[column]) return bad(fmt::format("a second column {}", in_quotes(titles[i])));
    where[column] = i;
  }
  for (const Column needed : {Id, Shard, MemberName})
    if (!where[needed]) return bad(fmt::format("no column '{}' in the header", kTitles[needed]));

  std::vector<Clip> clips;
  std::unordered_map<std::string_view, long> lines_by_id;
  while (const auto line = lines.next()) {
    const auto fields = split_tabs(*line);
    if (fields.size() != titles.size())
      return bad(fmt::format("{} fields, wanted {} as in the header", fields.size(), titles.size()));
    const auto field = [&](Column column) { return where[column] ? fields[*where[column]] : std::string_view(); };
    for (const Column needed : {Id, Shard, MemberName})
      if (field(needed).empty()) return bad(fmt::format("no {}", kTitles[needed]));
    if (const auto [first, fresh] = lines_by_id.try_emplace(field(Id), lines.number()); !fresh)
      return bad(fmt::format("{} was there before, in line {}", in_quotes(field(Id)), first->second));
    if (field(Shard).find('/') != std::string_view::npos || field(Shard).front() == '.')
      return bad(fmt::format("shard {} is a path, wanted the name of a file", in_quotes(field(Shard))));
    Clip clip;
    clip.id = field(Id);
    clip.shard = field(Shard);
    clip.member = field(MemberName);
    clip.source = field(Source);
    clip.speaker = field(Speaker);
    clip.split = field(Split);
    clip.text = field(Text);
    if (where[Duration]) {
      const auto seconds = parse_number<double>(field(Duration));
      if (!seconds || !std::isfinite(*seconds) || *seconds < 0)
        return bad(fmt::format("duration_s is {}, wanted seconds", in_quotes(field(Duration))));
      clip.duration_s = *seconds;
    }
    clips.push_back(std::move(clip));
  }
  return clips;
}

Result<std::vector<Clip>> read_manifest(const std::string& path) {
  const auto text = read_file(path, std::size_t{1} << 30);
  if (!text) return text.error();
  return parse_manifest(*text, path);
}

namespace {

constexpr std::size_t kBlock = 512;

using Block = std::span<const std::byte, kBlock>;

bool all_zero(Block block) {
  return std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{0}; });
}

// A field of characters, up to its first zero.
std::string_view text_field(Block block, std::size_t at, std::size_t length) {
  const std::string_view all(reinterpret_cast<const char*>(block.data()) + at, length);
  return all.substr(0, all.find('\0'));
}

// Octal digits, blanks around them. GNU's binary numbers (first bit set) are not octal: nothing below 8 GiB needs them.
std::optional<std::uint64_t> octal_field(Block block, std::size_t at, std::size_t length) {
  std::string_view digits = text_field(block, at, length);
  digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
  digits = digits.substr(0, digits.find(' '));
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');  // at most 12 digits: 36 bits
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

// The sum of all bytes, those of the checksum's own field taken as blanks.
std::uint64_t checksum(Block block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    sum += i >= 148 && i < 156 ? std::uint64_t{' '} : std::to_integer<std::uint64_t>(block[i]);
  return sum;
}

}  // namespace

Result<std::set<std::string>> read_speakers(const std::string& path) {
  auto file = InputFile::open(path);
  if (!file) return file.error();
  LineReader lines(std::move(*file));
  std::set<std::string> out;
  for (;;) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!*line) break;
    if (!(*line)->empty() && (*line)->front() != '#') out.emplace(**line);
  }
  if (out.empty()) return Error{Code::BadFormat, path + ": names no speaker, wanted one a line"};
  return out;
}

Result<TarShard> TarShard::open(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file) return file.error();
  const std::span<const std::byte> bytes = file->bytes();
  std::vector<Member> members;
  std::size_t at = 0;
  const auto bad = [&](std::string_view what, Code code = Code::BadFormat) {
    return Error{code, fmt::format("{}: byte {}: {}", path, at, what)};
  };
  for (;;) {
    if (bytes.size() - at < kBlock)
      return bad(fmt::format("{} bytes left, wanted a header or the closing zero block: the file was cut short",
                             bytes.size() - at));
    const Block header(bytes.data() + at, kBlock);
    if (all_zero(header)) break;
    if (octal_field(header, 148, 8) != checksum(header)) return bad("no tar header here (its checksum is wrong)");
    const char type = static_cast<char>(header[156]);
    std::string member(text_field(header, 0, 100));
    if (text_field(header, 257, 5) == "ustar" && static_cast<char>(header[262]) == '\0')
      if (const auto prefix = text_field(header, 345, 155); !prefix.empty())
        member = fmt::format("{}/{}", prefix, member);
    if (type == 'x' || type == 'g' || type == 'L' || type == 'K' || type == 'S')
      return bad(fmt::format("an extended header of type '{}', wanted plain ustar (tar --format=ustar)", type),
                 Code::Unsupported);
    const auto size = octal_field(header, 124, 12);
    if (!size) return bad(fmt::format("the size of {} is no octal number", in_quotes(member)));
    const std::size_t begin = at + kBlock;
    if (*size > bytes.size() - begin)
      return bad(
          fmt::format("{} has {} bytes, but {} are left in the file", in_quotes(member), *size, bytes.size() - begin));
    if (type == '0' || type == '\0') members.push_back({std::move(member), bytes.subspan(begin, *size)});
    const std::size_t padded = (*size + kBlock - 1) / kBlock * kBlock;
    at = begin + std::min<std::size_t>(padded, bytes.size() - begin);
  }
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(
      members.begin(), members.end(), [](const Member& a, const Member& b) { return a.name == b.name; });
  if (twice != members.end())
    return Error{Code::BadFormat, fmt::format("{}: member {} is there twice", path, in_quotes(twice->name))};
  return TarShard(path, std::move(*file), std::move(members));
}

Result<std::span<const std::byte>> TarShard::member(std::string_view name) const {
  const auto found = std::lower_bound(
      members_.begin(), members_.end(), name, [](const Member& a, std::string_view b) { return a.name < b; });
  if (found == members_.end() || found->name != name)
    return Error{Code::NotFound, fmt::format("{}: no member {} among {}", path_, in_quotes(name), members_.size())};
  return found->bytes;
}

}  // namespace pipit
