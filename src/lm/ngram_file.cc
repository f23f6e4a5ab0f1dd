// A model file: "PIPITNGM", version, checksum (XXH64 of what follows), tokens, levels; then of each level the numbers
// of nodes and entries, and its arrays: tokens and shares, and how many children and entries each node has.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <cstring>

#include "base/file.h"
#include "base/mapped_file.h"
#include "lm/ngram.h"

namespace pipit {

static_assert(std::endian::native == std::endian::little, "n-gram files are read as they lie in memory");

namespace {

constexpr char kMagic[] = "PIPITNGM";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHead = 8 + 4 + 8;

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
void put_all(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// Where each node's begin, as how many each has.
template <class Count>
std::vector<Count> counts(const std::vector<std::uint32_t>& first) {
  std::vector<Count> out;
  for (std::size_t k = 1; k < first.size(); ++k) out.push_back(static_cast<Count>(first[k] - first[k - 1]));
  return out;
}
// Takes values off the front; false where there are not so many.
struct Reader {
  std::span<const std::byte> rest;
  template <class T>
  bool take(T& value) {
    if (rest.size() < sizeof value) return false;
    std::memcpy(&value, rest.data(), sizeof value);
    rest = rest.subspan(sizeof value);
    return true;
  }
  template <class T>
  bool take(std::vector<T>& values, std::uint64_t count) {
    if (rest.size() / sizeof(T) < count) return false;
    values.resize(count);
    if (count > 0) std::memcpy(values.data(), rest.data(), count * sizeof(T));
    rest = rest.subspan(count * sizeof(T));
    return true;
  }
  // The other way round from `counts`, without a copy in between: a program starts with this. False where there are
  // more than 2^32.
  template <class Count>
  bool add_up(std::vector<std::uint32_t>& first, std::uint64_t nodes) {
    if (rest.size() / sizeof(Count) < nodes) return false;
    first.resize(nodes + 1);
    std::uint64_t sum = 0;
    for (std::size_t k = 0; k < nodes; ++k) {
      Count count;
      std::memcpy(&count, rest.data() + k * sizeof count, sizeof count);
      first[k + 1] = static_cast<std::uint32_t>(sum += count);
    }
    rest = rest.subspan(nodes * sizeof(Count));
    return sum <= 0xffff'ffff;
  }
};

}  // namespace

struct NgramFile {
  static std::string bytes(const NgramModel& model) {
    std::string body;
    put(body, static_cast<std::uint32_t>(model.num_tokens_));
    put(body, static_cast<std::uint32_t>(model.levels_.size()));
    for (const auto& l : model.levels_) {
      put(body, static_cast<std::uint64_t>(l.token.size()));
      put(body, static_cast<std::uint64_t>(l.entry_token.size()));
      put_all(body, l.token);
      put_all(body, l.left_over);
      put_all(body, counts<std::uint16_t>(l.first_child));
      put_all(body, counts<std::uint8_t>(l.first_entry));
      put_all(body, l.entry_token);
      put_all(body, l.entry_share);
    }
    std::string out(kMagic, 8);
    put(out, kVersion);
    put(out, static_cast<std::uint64_t>(XXH64(body.data(), body.size(), 0)));
    return out + body;
  }

  // What log_probs reads without looking: indices that stay inside, tokens that exist.
  static bool sound(const NgramModel& model) {
    for (std::size_t d = 0; d < model.levels_.size(); ++d) {
      const auto& l = model.levels_[d];
      const std::size_t children = d + 1 < model.levels_.size() ? model.levels_[d + 1].token.size() : 0;
      if (l.first_child.back() != children || l.first_entry.back() != l.entry_token.size()) return false;
      for (const std::uint8_t token : l.entry_token)
        if (token >= model.num_tokens_) return false;
    }
    return model.levels_[0].token.size() == 1;
  }

  static bool read(Reader in, NgramModel& model) {
    std::uint32_t tokens = 0, levels = 0;
    if (!in.take(tokens) || !in.take(levels) || tokens < 2 || tokens > 256 || levels < 1 || levels > 8) return false;
    model.num_tokens_ = static_cast<int>(tokens);
    model.levels_.resize(levels);
    for (auto& l : model.levels_) {
      std::uint64_t nodes = 0, entries = 0;
      if (!in.take(nodes) || !in.take(entries) || nodes > 0xffff'fffe || entries > 0xffff'ffff) return false;
      if (!in.take(l.token, nodes) || !in.take(l.left_over, nodes) || !in.add_up<std::uint16_t>(l.first_child, nodes) ||
          !in.add_up<std::uint8_t>(l.first_entry, nodes) || !in.take(l.entry_token, entries) ||
          !in.take(l.entry_share, entries))
        return false;
    }
    return in.rest.empty() && sound(model);
  }
};

Status NgramBuilder::write(const std::string& path) { return write_file(path, NgramFile::bytes(build())); }

Result<NgramModel> NgramModel::open(const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  Reader in{file->bytes()};
  const auto bad = [&](const char* what) { return Error{Code::BadFormat, path + ": " + what}; };
  if (in.rest.size() < kHead || std::memcmp(in.rest.data(), kMagic, 8) != 0)
    return bad("no n-gram model (PIPITNGM wanted)");
  in.rest = in.rest.subspan(8);
  std::uint32_t version = 0;
  std::uint64_t sum = 0;
  in.take(version);
  in.take(sum);
  if (version != kVersion)
    return Error{Code::Unsupported, path + ": version " + std::to_string(version) + ", 1 wanted"};
  if (XXH64(in.rest.data(), in.rest.size(), 0) != sum) return bad("cut short or changed: the checksum differs");
  NgramModel model;
  if (!NgramFile::read(in, model)) return bad("sizes that do not fit together");
  return model;
}

}  // namespace pipit
