#include "lm/ngram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"

namespace pipit {
namespace {

using Sentence = std::vector<std::int32_t>;

std::vector<Sentence> sentences(int tokens, std::uint64_t seed) {
  Random random(seed);
  std::vector<Sentence> out(60);
  for (Sentence& s : out) {
    std::int32_t token = 1;
    for (std::uint64_t k = 0, length = 1 + random.below(20); k < length; ++k) {
      // A walk with habits: most often the next token, sometimes any.
      token = random.uniform() < 0.7
                  ? token % (tokens - 1) + 1
                  : 1 + static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(tokens) - 1));
      s.push_back(token);
    }
  }
  return out;
}

// The definition, by counting in maps.
class Defined {
 public:
  Defined(const std::vector<Sentence>& all, int tokens, int context, double discount)
      : tokens_(tokens), context_(context), discount_(discount) {
    for (const Sentence& s : all)
      for (std::size_t k = 0; k <= s.size(); ++k) {
        Sentence h;  // the newest first
        for (int j = 0; j <= context; ++j) {
          ++count_[h][k < s.size() ? s[k] : 0];  // token 0: there it ends
          h.push_back(static_cast<int>(k) > j ? s[k - 1 - static_cast<std::size_t>(j)] : 0);
        }
      }
    for (const auto& [h, counts] : count_)
      if (!h.empty())
        for (const auto& [w, n] : counts) ++contexts_[Sentence(h.begin(), h.end() - 1)][w];
  }
  double p(const Sentence& newest_first, std::int32_t w) const {
    double out = 1.0 / tokens_;
    for (std::size_t j = 0; j <= static_cast<std::size_t>(context_) && j <= newest_first.size(); ++j) {
      const Sentence h(newest_first.begin(), newest_first.begin() + static_cast<std::ptrdiff_t>(j));
      const auto found = count_.find(h);
      if (found == count_.end()) break;
      const auto& used = static_cast<int>(j) == context_ ? found->second : contexts_.at(h);
      double total = 0, kept = 0;
      for (const auto& [token, n] : used) total += n, kept += n - discount_;
      const auto of = used.find(w);
      out = (of == used.end() ? 0 : (of->second - discount_) / total) + (1 - kept / total) * out;
    }
    return out;
  }

 private:
  int tokens_, context_;
  double discount_;
  std::map<Sentence, std::map<std::int32_t, double>> count_, contexts_;
};

NgramModel built(const std::vector<Sentence>& all, const NgramOptions& options) {
  NgramBuilder builder(options);
  for (const Sentence& s : all) builder.add(s);
  return builder.build();
}

// Shares are rounded to 1/16 of a logarithm, a factor of e^(1/32), and there are at most `context` + 1 of them in a
// product; their sum is then made one again, which can only undo the same.
TEST(Ngram, IsKneserNeyToRounding) {
  for (const int context : {1, 2, 4, 7}) {
    const auto all = sentences(6, static_cast<std::uint64_t>(context));
    const NgramOptions options{.tokens = 6, .context = context, .least_count = {1}, .discount = 0.7};
    const NgramModel model = built(all, options);
    EXPECT_EQ(model.context(), context);
    const Defined defined(all, 6, context, 0.7);
    std::vector<float> out(6);
    for (const Sentence& s : sentences(6, 77)) {
      Sentence newest_first(s.rbegin(), s.rend());
      newest_first.resize(20, 0);  // zeros stand before the start
      model.probs(s, out);
      double sum = 0;
      for (std::int32_t w = 0; w < 6; ++w) {
        sum += static_cast<double>(out[static_cast<std::size_t>(w)]);
        EXPECT_NEAR(std::log(static_cast<double>(out[static_cast<std::size_t>(w)])),
                    std::log(defined.p(newest_first, w)),
                    2.0 * (context + 1) / 32)
            << context;
      }
      EXPECT_NEAR(sum, 1, 1e-5);
    }
  }
}

TEST(Ngram, PruningLeavesSharesThatAddUpToOne) {
  const auto all = sentences(20, 3);
  const NgramModel whole = built(all, {.tokens = 20, .context = 4, .least_count = {1}});
  const NgramModel pruned = built(all, {.tokens = 20, .context = 4, .least_count = {1, 2, 3}});
  EXPECT_LT(pruned.num_entries(), whole.num_entries());
  std::vector<float> out(20);
  for (const Sentence& s : all) {
    pruned.probs(s, out);
    double sum = 0;
    for (const float p : out) sum += static_cast<double>(p);
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST(Ngram, ComesBackFromBytesAndShortOnesAreRefused) {
  const auto all = sentences(6, 5);
  const NgramModel model = built(all, {.tokens = 6, .context = 3});
  std::string bytes;
  model.write(bytes);
  NgramModel same;
  ByteReader in{std::as_bytes(std::span(bytes))};
  ASSERT_TRUE(same.read(in));
  EXPECT_TRUE(in.rest.empty());
  std::vector<float> a(6), b(6);
  for (const Sentence& s : all) {
    model.probs(s, a);
    same.probs(s, b);
    EXPECT_EQ(a, b);
  }
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ByteReader cut{std::as_bytes(std::span(bytes).first(length))};
    EXPECT_FALSE(NgramModel().read(cut)) << length;
  }
}

}  // namespace
}  // namespace pipit
