// A model file: "PIPITWLM", version, checksum (XXH64 of what follows), tokens, how many contexts and listed words there
// are; a byte for each token that tells whether it begins a word; the tree of words; the speller; a share for every
// word and the unknown one; the arrays of contexts, then of listed words. Arrays are as they are in memory, each at a
// multiple of its numbers' width, so that opening a file is looking it over: its checksum, then what would lead astray.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "lm/checks.h"
#include "lm/shares.h"
#include "lm/word_ngram.h"

namespace pipit {
namespace {

constexpr char kMagic[] = "PIPITWLM";
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHead = 8 + 4 + 8;
constexpr int kMostContext = 3;

}  // namespace

struct WordNgramFile {
  static std::string bytes(const WordNgramModel& m) {
    std::string body;
    put(body, static_cast<std::uint32_t>(m.begins_word_.size()));
    put(body, static_cast<std::uint32_t>(m.word_.size()));
    put(body, static_cast<std::uint32_t>(m.entry_word_.size()));
    put_all(body, m.begins_word_);
    m.trie_.write(body);
    m.speller_.write(body);
    put_all(body, m.word_share_);
    put_all(body, m.parent_);
    put_all(body, m.first_child_);
    put_all(body, m.first_entry_);
    put_all(body, m.scale_);
    put_all(body, m.word_);
    put_all(body, m.left_over_);
    put_all(body, m.entry_word_);
    put_all(body, m.entry_share_);
    std::string out(kMagic, 8);
    put(out, kVersion);
    put(out, static_cast<std::uint64_t>(XXH64(body.data(), body.size(), 0)));
    return out + body;
  }

  // What is wrong; nothing where all is well.
  static const char* read(ByteReader in, WordNgramModel& m) {
    std::uint32_t tokens = 0, contexts = 0, entries = 0;
    if (!in.take(tokens) || !in.take(contexts) || !in.take(entries) || tokens < 2 || tokens > 256 || contexts < 1 ||
        !in.take(m.begins_word_, tokens))
      return "no 2 to 256 tokens";
    if (m.begins_word_[0] != 0 || greatest(m.begins_word_.all()) == 0) return "token 0 begins a word, or none does";
    if (!m.trie_.read(in, static_cast<int>(tokens))) return "the tree of words is out of order";
    for (std::uint32_t k = 1; k < m.trie_.num_nodes(); ++k)
      if ((m.begins_word_[static_cast<std::size_t>(m.trie_.piece(k))] != 0) != (m.trie_.parent(k) == 0))
        return "a word in the tree does not begin with its first piece alone";
    if (!m.speller_.read(in) || m.speller_.tokens() != static_cast<int>(tokens) || m.speller_.context() > 4)
      return "the speller is out of order, or of other tokens";
    const std::uint64_t starts = std::uint64_t{contexts} + 1;
    if (!in.take(m.word_share_, m.trie_.num_words() + 1) || !in.take(m.parent_, contexts) ||
        !in.take(m.first_child_, starts) || !in.take(m.first_entry_, starts) || !in.take(m.scale_, contexts) ||
        !in.take(m.word_, contexts) || !in.take(m.left_over_, contexts) || !in.take(m.entry_word_, entries) ||
        !in.take(m.entry_share_, entries) || !in.rest.empty())
      return "sizes that do not fit together";
    if (!contexts_sound(m)) return "the contexts are not in order";
    if (!are_starts(m.first_entry_.all(), 0, entries) || m.first_entry_[1] != 0 ||
        !ascend_in_lists(m.entry_word_.all(), m.first_entry_.all()) || greatest(m.entry_word_.all()) > m.unknown())
      return "the lists of words are not in order";
    const float most_scale = 1 / shares()[254];  // of the least share there is
    if (greatest(m.word_share_.all()) == 255 || greatest(m.entry_share_.all()) == 255 ||
        !are_within(m.scale_.all(), most_scale))
      return "shares or scales out of range";
    m.add_up_words();
    return nullptr;
  }

  // A context's parent is before it, and those of one parent lie together, by word: so a way up ends at the empty
  // context, and none is longer than it may be.
  static bool contexts_sound(const WordNgramModel& m) {
    const auto contexts = static_cast<std::uint32_t>(m.word_.size());
    const std::span<const std::uint32_t> first = m.first_child_.all();
    if (!are_starts(first, 1, contexts) || m.parent_[0] != 0) return false;
    // Of each length in turn, how many contexts there are up to it: those are the children of the ones before.
    std::uint32_t up_to = 1;
    for (int length = 1; length <= kMostContext; ++length) up_to = first[up_to];
    if (up_to != contexts) return false;
    bool right = true;
    for (std::uint32_t c = 1; c < contexts; ++c) {
      const std::uint32_t parent = m.parent_[c];
      if (parent >= c) return false;
      right = right && first[parent] <= c && c < first[parent + 1];
    }
    return right && ascend_in_lists(m.word_.all(), first) && greatest(m.word_.all()) <= m.sentence_start();
  }
};

Status WordNgramBuilder::write(const WordNgramModel& model, const std::string& path) {
  return write_file(path, WordNgramFile::bytes(model));
}

Result<WordNgramModel> WordNgramModel::open(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file) return file.error();
  ByteReader in{file->bytes()};
  const auto bad = [&](const char* what) { return Error{Code::BadFormat, path + ": " + what}; };
  if (in.rest.size() < kHead || std::memcmp(in.rest.data(), kMagic, 8) != 0)
    return bad("no language model (PIPITWLM wanted)");
  in.rest = in.rest.subspan(8);
  std::uint32_t version = 0;
  std::uint64_t sum = 0;
  in.take(version);
  in.take(sum);
  if (version != kVersion)
    return Error{Code::Unsupported,
                 path + ": version " + std::to_string(version) + " of the language model, " + std::to_string(kVersion) +
                     " wanted"};
  if (XXH64(in.rest.data(), in.rest.size(), 0) != sum) return bad("cut short or changed: the checksum differs");
  WordNgramModel model;
  if (const char* wrong = WordNgramFile::read(in, model)) return bad(wrong);
  model.file_ = std::move(*file);
  return model;
}

}  // namespace pipit
