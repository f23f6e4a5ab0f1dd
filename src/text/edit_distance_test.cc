#include "text/edit_distance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "base/random.h"

namespace pipit {
namespace {

using Words = std::vector<std::string_view>;

Words random_words(Random& random, std::uint64_t longest) {
  constexpr std::string_view kWords[] = {"A", "B", "C"};
  Words words(random.below(longest + 1));
  for (auto& word : words) word = kWords[random.below(3)];
  return words;
}

int fewest_errors(const Words& a, const Words& b) {  // the definition, without a table
  const std::function<int(std::size_t, std::size_t)> from = [&](std::size_t i, std::size_t j) -> int {
    if (i == a.size()) return static_cast<int>(b.size() - j);
    if (j == b.size()) return static_cast<int>(a.size() - i);
    return std::min({from(i + 1, j + 1) + (a[i] == b[j] ? 0 : 1), from(i + 1, j) + 1, from(i, j + 1) + 1});
  };
  return from(0, 0);
}

TEST(EditDistance, FewestErrorsAndEditsThatTurnOneTextIntoTheOther) {
  Random random(1);
  for (int trial = 0; trial < 400; ++trial) {
    const Words reference = random_words(random, 6), hypothesis = random_words(random, 6);
    const Alignment aligned = align(reference, hypothesis);
    EXPECT_EQ(aligned.counts.errors(), fewest_errors(reference, hypothesis));

    EditCounts seen;
    std::size_t i = 0, j = 0;
    for (const Edit edit : aligned.edits) {
      if (edit == Edit::Hit || edit == Edit::Substitution) {
        ASSERT_EQ(reference.at(i) == hypothesis.at(j), edit == Edit::Hit);
      }
      seen.hits += edit == Edit::Hit;
      seen.substitutions += edit == Edit::Substitution;
      seen.deletions += edit == Edit::Deletion;
      seen.insertions += edit == Edit::Insertion;
      i += edit != Edit::Insertion;
      j += edit != Edit::Deletion;
    }
    EXPECT_EQ(i, reference.size());
    EXPECT_EQ(j, hypothesis.size());
    EXPECT_EQ(seen, aligned.counts);
    EXPECT_EQ(align(hypothesis, reference).counts.errors(), aligned.counts.errors());
  }
}

TEST(EditDistance, TiesAreBrokenAsStated) {
  const auto edits = [](std::string_view reference, std::string_view hypothesis) {
    return align(split_words(reference), split_words(hypothesis)).edits;
  };
  using enum Edit;
  EXPECT_EQ(edits("A B", "B C"), (std::vector{Substitution, Substitution}));  // not delete A, hit B, insert C
  EXPECT_EQ(edits("A B", "C"), (std::vector{Deletion, Substitution}));
  EXPECT_EQ(edits("A A", "A"), (std::vector{Deletion, Hit}));
  EXPECT_EQ(edits("A", "A A"), (std::vector{Insertion, Hit}));
  EXPECT_EQ(edits("A B C", "B A C"), (std::vector{Substitution, Substitution, Hit}));
}

TEST(EditDistance, RateCountsPerReferenceWord) {
  EXPECT_EQ(count_edits("THE CAT SAT", "THE BAT SAT DOWN"), (EditCounts{2, 1, 1, 0}));
  EXPECT_DOUBLE_EQ(count_edits("THE CAT SAT", "THE BAT SAT DOWN").rate(), 2.0 / 3);
  EXPECT_EQ(count_edits("", "").rate(), 0);
  EXPECT_TRUE(std::isinf(count_edits("", "A").rate()));
  EXPECT_EQ(count_edits("A", "").rate(), 1);
  EXPECT_EQ(split_words("  ONE  TWO "), (Words{"ONE", "TWO"}));
}

TEST(Bootstrap, CoversTheTruthAsOftenAsItSays) {
  // Each utterance: 10 words, every one wrong with p = 0.2. Of 200 intervals at 90 % about 180 cover the truth, with a
  // standard deviation of 4.2: three of them are allowed.
  Random random(2);
  int covered = 0;
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    std::vector<EditCounts> utterances(60);
    for (auto& one : utterances)
      for (int w = 0; w < 10; ++w) ++(random.uniform() < 0.2 ? one.substitutions : one.hits);
    const RateInterval interval = bootstrap(utterances, {.confidence = 0.9, .seed = trial});
    covered += interval.low <= 0.2 && 0.2 <= interval.high;
    EXPECT_LE(interval.low, interval.rate);
    EXPECT_GE(interval.high, interval.rate);
  }
  EXPECT_GE(covered, 168);
  EXPECT_LE(covered, 192);
}

TEST(Bootstrap, SameSeedSameInterval) {
  const std::vector<EditCounts> utterances = {{9, 1, 0, 0}, {5, 0, 2, 1}, {0, 0, 1, 0}, {7, 3, 0, 0}};
  const RateInterval a = bootstrap(utterances), b = bootstrap(utterances), c = bootstrap(utterances, {.seed = 7});
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_EQ(a.rate, c.rate);
  const std::vector<EditCounts> one = {{3, 1, 0, 0}};
  EXPECT_EQ(bootstrap(one).low, 0.25);
  EXPECT_EQ(bootstrap(one).high, 0.25);
  EXPECT_DEATH((void)bootstrap({}), "no utterances");
}

}  // namespace
}  // namespace pipit
