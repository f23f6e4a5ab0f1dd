// A model file: "PIPITWLM", version, checksum (XXH64 of what follows), tokens, a byte for each that tells whether it
// begins a word; the tree of words; the speller; a share for every word and the unknown one; how many contexts there
// are, then of each, the empty one first: how many are one word longer, how many words it lists, what it leaves over,
// the words that make it longer, and the listed ones with their shares. Words ascend and are told as steps from the one
// before; steps and numbers of words take 7 bits a byte.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "base/file.h"
#include "base/mapped_file.h"
#include "lm/word_ngram.h"

namespace pipit {
namespace {

constexpr char kMagic[] = "PIPITWLM";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHead = 8 + 4 + 8;
constexpr std::size_t kMostWords = 65'533;  // two numbers more: the unknown word, the start of a sentence
constexpr int kMostContext = 3;

}  // namespace

struct WordNgramFile {
  static std::string bytes(const WordNgramModel& m) {
    std::string body;
    put(body, static_cast<std::uint32_t>(m.begins_word_.size()));
    put_all(body, m.begins_word_);
    m.trie_.write(body);
    m.speller_.write(body);
    put_all(body, m.word_share_);
    put(body, static_cast<std::uint32_t>(m.word_.size()));
    for (std::size_t c = 0; c < m.word_.size(); ++c) {
      put_short(body, m.first_child_[c + 1] - m.first_child_[c]);
      put_short(body, m.first_entry_[c + 1] - m.first_entry_[c]);
      put(body, m.left_over_[c]);
      std::uint32_t before = 0;
      for (std::uint32_t k = m.first_child_[c]; k < m.first_child_[c + 1]; ++k) {
        put_short(body, m.word_[k] - before);
        before = m.word_[k];
      }
      before = 0;
      for (std::uint32_t e = m.first_entry_[c]; e < m.first_entry_[c + 1]; ++e) {
        put_short(body, m.entry_word_[e] - before);
        put(body, m.entry_share_[e]);
        before = m.entry_word_[e];
      }
    }
    std::string out(kMagic, 8);
    put(out, kVersion);
    put(out, static_cast<std::uint64_t>(XXH64(body.data(), body.size(), 0)));
    return out + body;
  }

  // One more word of an ascending list: false where it is not there, does not ascend, or is beyond `most`.
  static bool take_word(ByteReader& in, bool first, std::uint32_t& word, std::uint32_t most) {
    std::uint32_t step = 0;
    if (!in.take_short(step) || (step == 0 && !first) || step > most) return false;
    word += step;
    return word <= most;
  }

  static bool read(ByteReader in, WordNgramModel& m) {
    std::uint32_t tokens = 0, contexts = 0;
    if (!in.take(tokens) || tokens < 2 || tokens > 256 || !in.take(m.begins_word_, tokens)) return false;
    if (m.begins_word_[0] != 0 || std::count(m.begins_word_.begin(), m.begins_word_.end(), 0) == tokens) return false;
    if (!m.trie_.read(in, static_cast<int>(tokens)) || m.trie_.num_words() > kMostWords) return false;
    for (std::uint32_t k = 1; k < m.trie_.num_nodes(); ++k)
      if ((m.begins_word_[static_cast<std::size_t>(m.trie_.piece(k))] != 0) != (m.trie_.parent(k) == 0)) return false;
    if (!m.speller_.read(in) || m.speller_.tokens() != static_cast<int>(tokens) || m.speller_.context() > 4)
      return false;
    if (!in.take(m.word_share_, m.trie_.num_words() + 1)) return false;
    for (const std::uint8_t share : m.word_share_)
      if (share == 255) return false;
    if (!in.take(contexts) || contexts < 1 || contexts > in.rest.size()) return false;
    m.word_.assign(1, 0), m.parent_.assign(1, 0);
    std::vector<std::uint8_t> length = {0};
    m.entry_word_.reserve(in.rest.size() / 3);  // a listed word takes three bytes or so
    m.entry_share_.reserve(in.rest.size() / 3);
    m.word_.reserve(contexts), m.parent_.reserve(contexts), length.reserve(contexts);
    m.first_child_.reserve(contexts + 1), m.first_entry_.reserve(contexts + 1), m.left_over_.reserve(contexts);
    for (std::uint32_t c = 0; c < contexts; ++c) {
      std::uint32_t children = 0, entries = 0, word = 0;
      std::uint8_t left = 0;
      if (c >= m.word_.size() || !in.take_short(children) || !in.take_short(entries) || !in.take(left)) return false;
      if (children > contexts - m.word_.size() || (children > 0 && length[c] == kMostContext)) return false;
      if (c == 0 && entries > 0) return false;
      m.first_child_.push_back(static_cast<std::uint32_t>(m.word_.size()));
      m.first_entry_.push_back(static_cast<std::uint32_t>(m.entry_word_.size()));
      m.left_over_.push_back(left);
      for (std::uint32_t k = 0; k < children; ++k) {
        if (!take_word(in, k == 0, word, m.sentence_start())) return false;
        m.word_.push_back(static_cast<std::uint16_t>(word));
        m.parent_.push_back(c);
        length.push_back(static_cast<std::uint8_t>(length[c] + 1));
      }
      word = 0;
      for (std::uint32_t e = 0; e < entries; ++e) {
        std::uint8_t share = 0;
        if (!take_word(in, e == 0, word, m.unknown()) || !in.take(share) || share == 255) return false;
        m.entry_word_.push_back(static_cast<std::uint16_t>(word));
        m.entry_share_.push_back(share);
      }
    }
    if (m.word_.size() != contexts || !in.rest.empty()) return false;
    m.first_child_.push_back(contexts);
    m.first_entry_.push_back(static_cast<std::uint32_t>(m.entry_word_.size()));
    m.set_scales();
    return true;
  }
};

Status WordNgramBuilder::write(const WordNgramModel& model, const std::string& path) {
  return write_file(path, WordNgramFile::bytes(model));
}

Result<WordNgramModel> WordNgramModel::open(const std::string& path) {
  const auto file = MappedFile::open(path);
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
    return Error{Code::Unsupported, path + ": version " + std::to_string(version) + ", 1 wanted"};
  if (XXH64(in.rest.data(), in.rest.size(), 0) != sum) return bad("cut short or changed: the checksum differs");
  WordNgramModel model;
  if (!WordNgramFile::read(in, model)) return bad("sizes that do not fit together");
  return model;
}

}  // namespace pipit
