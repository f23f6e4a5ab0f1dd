#include "lm/word_ngram.h"

#define XXH_INLINE_ALL
#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>

#include "base/file.h"
#include "base/random.h"
#include "lm/checks.h"

namespace pipit {
namespace {

using Pieces = std::vector<std::int32_t>;

// Pieces 1 to 4 begin words, 5 to 8 go on.
const std::vector<std::uint8_t> kBegins = {0, 1, 1, 1, 1, 0, 0, 0, 0};
const std::vector<Pieces> kWords = {
    {1}, {1, 5}, {1, 5, 6}, {1, 5, 6, 8, 7, 5}, {1, 7}, {2, 5, 5}, {2, 8}, {3}, {3, 6, 5}};
constexpr std::int32_t kUnknown = 9;
constexpr double kAll = -1e9;

std::vector<Pieces> sentences(std::uint64_t seed, std::size_t count = 80) {
  Random random(seed);
  std::vector<Pieces> out(count);
  for (Pieces& s : out) {
    std::int32_t word = 0;
    for (std::uint64_t k = 0, length = 1 + random.below(12); k < length; ++k) {
      word = random.uniform() < 0.6 ? (word * 3 + 1) % 10 : static_cast<std::int32_t>(random.below(10));
      s.push_back(word);
    }
  }
  return out;
}
// A word that is in no list, by its pieces.
Pieces strange(Random& random) {
  Pieces out = {4};
  for (std::uint64_t k = 0, length = random.below(6); k < length; ++k)
    out.push_back(5 + static_cast<std::int32_t>(random.below(4)));
  return out;
}

WordNgramModel built(const WordNgramOptions& options, std::uint64_t seed = 1) {
  WordNgramBuilder builder(kBegins, kWords, options);
  for (const Pieces& s : sentences(seed)) builder.add(s);
  Random random(seed + 100);
  for (int k = 0; k < 40; ++k) builder.add_spelling(strange(random));
  return builder.build();
}
std::vector<WordNgramModel> models() {
  std::vector<WordNgramModel> out;
  for (const int context : {1, 2, 3})
    for (const double gain : {kAll, 1.5}) out.push_back(built({.context = context, .least_gain = {gain, gain, gain}}));
  return out;
}

// Kneser and Ney's definition, by counting in maps: contexts newest word first, the start as number 10.
class Defined {
 public:
  Defined(const std::vector<Pieces>& all, int context, double discount) : context_(context), discount_(discount) {
    for (const Pieces& s : all)
      for (std::size_t k = 0; k < s.size(); ++k) {
        Pieces h;
        for (int j = 0; j <= context && j <= static_cast<int>(k) + 1; ++j) {
          ++counts_[h][s[k]];
          h.push_back(static_cast<int>(k) > j ? s[k - 1 - static_cast<std::size_t>(j)] : 10);
        }
      }
    std::map<Pieces, std::map<std::int32_t, double>> rest;
    for (int length = context; length >= 0; --length)
      for (const auto& [h, counts] : counts_) {
        if (static_cast<int>(h.size()) != length) continue;
        for (const auto& [w, n] : counts) {
          // What longer contexts leave: the discounts; all of it where there is no longer one.
          double& r = rest_[h][w];
          r = length == context ? n : n - whole_[h][w] + rest[h][w];
          if (length == 0) continue;
          const Pieces less(h.begin(), h.end() - 1);
          whole_[less][w] += n;
          rest[less][w] += r > discount_ ? discount_ : r;
        }
      }
  }
  double p(const Pieces& newest_first, std::int32_t w) const {
    double out = rest_.at({}).at(w), all = 0;
    for (const auto& [v, r] : rest_.at({})) all += r;
    out /= all;
    for (std::size_t j = 1; j <= static_cast<std::size_t>(context_) && j <= newest_first.size(); ++j) {
      const auto found =
          rest_.find(Pieces(newest_first.begin(), newest_first.begin() + static_cast<std::ptrdiff_t>(j)));
      if (found == rest_.end()) break;
      double total = 0, kept = 0, own = 0;
      for (const auto& [v, r] : found->second) {
        total += r;
        if (r <= discount_) continue;
        kept += r - discount_;
        if (v == w) own = r - discount_;
      }
      if (kept > 0) out = own / total + (1 - kept / total) * out;
    }
    return out;
  }

 private:
  int context_;
  double discount_;
  std::map<Pieces, std::map<std::int32_t, double>> counts_, rest_, whole_;
};

// Every share and every rest is rounded to e^(1/32), as are the odds of what is left over; each sum is then made one.
TEST(WordNgram, IsKneserNeyToRounding) {
  for (const int context : {1, 2, 3}) {
    const WordNgramModel model = built({.context = context, .least_gain = {kAll, kAll, kAll}});
    const Defined defined(sentences(1), context, 0.8);
    for (const Pieces& s : sentences(5)) {
      Pieces newest_first(s.rbegin(), s.rend());
      newest_first.push_back(10);
      double sum = 0;
      for (std::int32_t w = 0; w <= kUnknown; ++w) {
        const double p = model.share(s, true, w);
        sum += p;
        EXPECT_NEAR(std::log(p), std::log(defined.p(newest_first, w)), 3.0 * (context + 1) / 32) << context;
      }
      EXPECT_NEAR(sum, 1, 1e-5);
    }
  }
}

double probability_of(const WordNgramModel& model, std::uint64_t state, std::int32_t label) {
  std::vector<float> out(kBegins.size());
  model.log_probs_after(state, out);
  return std::exp(static_cast<double>(out[static_cast<std::size_t>(label)]));
}

// What pieces say one by one multiplies to what the words are worth, unknown ones among them.
TEST(WordNgram, PiecesMultiplyToWords) {
  Random random(9);
  for (const WordNgramModel& model : models())
    for (const Pieces& s : sentences(6)) {
      std::uint64_t state = model.start();
      double by_piece = 0, by_word = 0;
      Pieces before;
      for (const std::int32_t word : s) {
        const Pieces pieces = word == kUnknown ? strange(random) : kWords[static_cast<std::size_t>(word)];
        const double unknown = model.share(before, true, kUnknown);
        // A word may be drawn from the list or be spelled; what does not begin a word cannot follow one.
        double all = 1, p = unknown * model.spelled(pieces, true);
        if (word != kUnknown) p += model.share(before, true, word);
        if (!before.empty())
          for (std::int32_t piece = 5; piece <= 8; ++piece) all -= unknown * model.spelled(Pieces{piece}, false);
        by_word += std::log(p / all);
        for (const std::int32_t piece : pieces) {
          by_piece += std::log(probability_of(model, state, piece));
          state = model.next(state, piece);
        }
        before.push_back(word);
        double ends = 0;  // the part of the last word that is not yet told
        for (std::int32_t piece = 1; piece <= 4; ++piece) ends += probability_of(model, state, piece);
        EXPECT_NEAR(by_piece + std::log(ends), by_word, 1e-4 * static_cast<double>(before.size()));
      }
    }
}

TEST(WordNgram, AddsUpToOneEverywhereAndNothingIsImpossible) {
  Random random(10);
  std::vector<float> out(kBegins.size());
  for (const WordNgramModel& model : models())
    for (int round = 0; round < 30; ++round) {
      std::uint64_t state = model.start();
      for (int k = 0; k < 40; ++k) {
        model.log_probs_after(state, out);
        double sum = 0;
        for (std::size_t p = 1; p < out.size(); ++p) {
          EXPECT_TRUE(std::isfinite(out[p]));
          sum += std::exp(static_cast<double>(out[p]));
        }
        EXPECT_NEAR(sum, 1, 1e-5);
        EXPECT_TRUE(std::isinf(out[0]));
        state = model.next(state, 1 + static_cast<std::int32_t>(random.below(8)));
      }
    }
}

// A state is the future: texts that end alike for as far as the model looks stand in one place.
TEST(WordNgram, ForgetsWhatItDoesNotLookAt) {
  const WordNgramModel model = built({.context = 2, .least_gain = {kAll, kAll}});
  const auto after = [&](const Pieces& pieces) {
    std::uint64_t state = model.start();
    for (const std::int32_t piece : pieces) state = model.next(state, piece);
    return state;
  };
  EXPECT_EQ(after({1, 5, 2, 8, 3, 1, 5}), after({3, 3, 2, 8, 3, 1, 5}));
  EXPECT_NE(after({1, 5, 2, 8, 3, 1, 5}), after({1, 5, 2, 8, 1, 1, 5}));
}

TEST(WordNgram, PruningLeavesOutWhatSavesLittle) {
  std::size_t before = std::numeric_limits<std::size_t>::max();
  double nats_before = 0;
  for (const double gain : {kAll, 0.0, 2.0, 1e9}) {
    const WordNgramModel model = built({.context = 2, .least_gain = {gain, gain}});
    EXPECT_LT(model.num_entries(), before);
    before = model.num_entries();
    double nats = 0;
    for (const Pieces& s : sentences(1))
      for (std::size_t k = 0; k < s.size(); ++k) nats -= std::log(model.share(std::span(s).first(k), true, s[k]));
    EXPECT_GT(nats, nats_before);
    nats_before = nats;
  }
  EXPECT_EQ(before, 0U);
}

TEST(WordNgram, WeightIsHowOftenASentenceCounts) {
  const WordNgramOptions options{.context = 2, .least_gain = {kAll, kAll}};
  WordNgramBuilder weighed(kBegins, kWords, options), repeated(kBegins, kWords, options);
  for (const Pieces& s : sentences(2)) weighed.add(s, 3), repeated.add(s), repeated.add(s), repeated.add(s);
  for (const Pieces& s : sentences(3)) weighed.add(s), repeated.add(s);
  const WordNgramModel a = weighed.build(), b = repeated.build();
  for (const Pieces& s : sentences(4))
    for (std::int32_t w = 0; w <= kUnknown; ++w) EXPECT_EQ(a.share(s, true, w), b.share(s, true, w));
}

TEST(WordNgram, FilesComeBackAndNoChangedByteIsTaken) {
  const std::string path = ::testing::TempDir() + "pipit_word_ngram_test.bin";
  const WordNgramModel same = built({.context = 3, .least_gain = {0.5, 0.5, 0.5}});
  ASSERT_TRUE(WordNgramBuilder::write(same, path));
  const auto model = WordNgramModel::open(path);
  ASSERT_TRUE(model) << model.error().message;
  std::vector<float> a(kBegins.size()), b(kBegins.size());
  Random random(11);
  std::uint64_t state = model->start();
  for (int k = 0; k < 500; ++k) {
    model->log_probs_after(state, a);
    same.log_probs_after(state, b);
    EXPECT_EQ(a, b);
    const std::int32_t piece = 1 + static_cast<std::int32_t>(random.below(8));
    EXPECT_EQ(model->next(state, piece), same.next(state, piece));
    state = model->next(state, piece);
  }
  const auto bytes = read_file(path);
  ASSERT_TRUE(bytes);
  for (std::size_t k = 0; k < bytes->size(); ++k) {
    std::string changed = *bytes;
    changed[k] = static_cast<char>(changed[k] ^ 0x10);
    std::ofstream(path, std::ios::binary) << changed;
    EXPECT_FALSE(WordNgramModel::open(path)) << k;
  }
  for (const std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{19}, bytes->size() - 1}) {
    ASSERT_TRUE(write_file(path, bytes->substr(0, length)));
    EXPECT_FALSE(WordNgramModel::open(path));
  }
  std::filesystem::remove(path);
  EXPECT_FALSE(WordNgramModel::open(path));
}

// Damage with the checksum set right: one clear line, or a model that has an answer everywhere.
TEST(WordNgram, WhateverAFileSaysNothingGoesAstray) {
  const std::string path = ::testing::TempDir() + "pipit_word_ngram_hostile.bin";
  ASSERT_TRUE(WordNgramBuilder::write(built({.context = 3, .least_gain = {2, 2, 2}}), path));
  const std::string whole = *read_file(path);
  constexpr std::size_t kHead = 20, kSumAt = 12;
  std::vector<float> out;
  std::size_t refused = 0;
  const auto try_it = [&](std::string bytes) {
    const std::uint64_t sum = XXH64(bytes.data() + kHead, bytes.size() - kHead, 0);
    std::memcpy(bytes.data() + kSumAt, &sum, sizeof sum);
    std::ofstream(path, std::ios::binary) << bytes;
    const auto model = WordNgramModel::open(path);
    if (!model) {
      ++refused;
      EXPECT_EQ(model.error().code, Code::BadFormat);
      EXPECT_EQ(model.error().message.rfind(path + ": ", 0), 0U);
      EXPECT_EQ(model.error().message.find('\n'), std::string::npos);
      return;
    }
    out.resize(static_cast<std::size_t>(model->tokens()));
    Random random(12);
    std::uint64_t state = model->start();
    for (int step = 0; step < 40; ++step) {
      model->log_probs_after(state, out);
      double all = 0;
      for (std::size_t p = 1; p < out.size(); ++p) all += std::exp(static_cast<double>(out[p]));
      ASSERT_NEAR(all, 1, 1e-4);
      state = model->next(state, 1 + static_cast<std::int32_t>(random.below(out.size() - 1)));
    }
  };
  for (std::size_t k = kHead; k < whole.size(); ++k)
    for (const int flip : {0x01, 0xff}) {
      std::string changed = whole;
      changed[k] = static_cast<char>(changed[k] ^ flip);
      try_it(changed);
    }
  EXPECT_GT(refused, whole.size() / 2);  // sizes, trees and starts of lists are so much
  const std::size_t before = refused;
  for (std::size_t length = kHead; length < whole.size(); ++length) try_it(whole.substr(0, length));
  try_it(whole + "x");
  EXPECT_EQ(refused - before, whole.size() - kHead + 1);
  std::filesystem::remove(path);
}

TEST(WordNgram, FilesOfTheFirstVersionAreNamedAsSuch) {
  const std::string path = ::testing::TempDir() + "pipit_word_ngram_version.bin";
  ASSERT_TRUE(WordNgramBuilder::write(built({.context = 1}), path));
  std::string bytes = *read_file(path);
  bytes[8] = 1;
  ASSERT_TRUE(write_file(path, bytes));
  const auto model = WordNgramModel::open(path);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Code::Unsupported);
  EXPECT_EQ(model.error().message, path + ": version 1 of the language model, 2 wanted");
  std::filesystem::remove(path);
}

// Lists that are now and then wrong, asked one by one.
TEST(Checks, FindEveryListThatDoesNotAscend) {
  Random random(13);
  int wrong = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::uint16_t> values;
    std::vector<std::uint32_t> first = {0};
    bool ascend = true;
    for (std::uint64_t list = 0, lists = random.below(6); list < lists; ++list) {
      const std::size_t begin = values.size();
      std::uint32_t value = 0;
      for (std::uint64_t k = 0, length = random.below(12); k < length; ++k) {
        value += static_cast<std::uint32_t>(random.uniform() < 0.03 ? 0 : 1 + random.below(5000));
        values.push_back(static_cast<std::uint16_t>(value));
        ascend = ascend && (values.size() == begin + 1 || values.back() > *(values.end() - 2));
      }
      first.push_back(static_cast<std::uint32_t>(values.size()));
    }
    wrong += ascend ? 0 : 1;
    ASSERT_EQ(ascend_in_lists(values, first), ascend) << round;
    ASSERT_EQ(greatest(values), values.empty() ? 0 : *std::max_element(values.begin(), values.end()));
    ASSERT_TRUE(are_starts(first, 0, values.size()));
    ASSERT_FALSE(are_starts(first, 1, values.size()));
    ASSERT_FALSE(are_starts(first, 0, values.size() + 1));
  }
  EXPECT_GT(wrong, 200);
  EXPECT_LT(wrong, 1800);
  EXPECT_FALSE(are_starts(std::vector<std::uint32_t>{0, 3, 2, 4}, 0, 4));
}

TEST(Checks, NumbersWithinBounds) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> values(37, 0.5F);
  EXPECT_TRUE(are_within(values, 0.5F));
  for (const float bad : {0.6F, -0.1F, -0.0F, inf, -inf, nan, -nan})
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k] = bad;
      EXPECT_FALSE(are_within(values, 0.5F)) << bad;
      values[k] = 0;
    }
  EXPECT_TRUE(are_within({}, 1));
}

TEST(WordTrie, WordsBelowANodeAreOneInterval) {
  const WordTrie trie(kWords);
  EXPECT_EQ(trie.num_words(), kWords.size());
  for (std::uint32_t node = 0; node < trie.num_nodes(); ++node) {
    const Pieces path = trie.path(node);
    for (std::uint32_t w = 0; w < trie.num_words(); ++w) {
      const bool below = kWords[w].size() >= path.size() && std::equal(path.begin(), path.end(), kWords[w].begin());
      EXPECT_EQ(below, trie.first_word(node) <= w && w < trie.first_word(trie.end(node)));
    }
    EXPECT_EQ(trie.ends_word(node), node != 0 && kWords[trie.first_word(node)] == path);
  }
}

}  // namespace
}  // namespace pipit
