#include "lattice/confidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "base/random.h"
#include "lattice/confusion.h"
#include "lattice/paths.h"
#include "lattice/random_lattice.h"

namespace pipit {
namespace {

struct Sample {
  std::vector<PathWord> words;
  std::unique_ptr<bool[]> right;
  std::span<const bool> flags() const { return {right.get(), words.size()}; }
};

// Words whose chance to be right is a logistic function of three of their features.
Sample drawn(std::uint64_t seed, std::size_t n) {
  Random random(seed);
  Sample out{std::vector<PathWord>(n), std::make_unique<bool[]>(n)};
  for (std::size_t k = 0; k < n; ++k) {
    for (double& f : out.words[k].features) f = random.normal();
    out.words[k].features[1] += 3 * out.words[k].features[0];  // features of real words are anything but independent
    const auto& f = out.words[k].features;
    out.words[k].posterior = random.uniform();
    out.right[k] = random.uniform() < 1 / (1 + std::exp(-(0.5 + 1.5 * f[0] - f[3] + 0.5 * f[9])));
  }
  return out;
}

std::vector<double> confidences(const ConfidenceModel& model, const Sample& sample) {
  std::vector<double> out;
  for (const PathWord& word : sample.words) out.push_back(model(word));
  return out;
}

TEST(Confidence, AFitIsCalibratedOnOtherWordsOfTheSameKind) {
  const Sample fit = drawn(1, 8000), other = drawn(2, 8000);
  const ConfidenceModel model = ConfidenceModel::fit(fit.words, fit.flags());
  const auto sure = confidences(model, other);
  for (const double c : sure) {
    EXPECT_GE(c, 0);
    EXPECT_LE(c, 1);
  }
  EXPECT_LT(calibration_error(sure, other.flags()), 0.03);
  std::vector<double> truth;  // nobody can tell them apart better than this
  for (const PathWord& w : other.words) truth.push_back(1.5 * w.features[0] - w.features[3] + 0.5 * w.features[9]);
  EXPECT_GT(area_under_curve(sure, other.flags()), area_under_curve(truth, other.flags()) - 0.01);
}

TEST(Confidence, WithoutAFitItIsThePosterior) {
  const Sample some = drawn(3, 50);
  for (const PathWord& word : some.words) EXPECT_EQ(ConfidenceModel()(word), word.posterior);
}

TEST(Confidence, FitsOfFewWordsAreFinite) {
  for (const std::size_t n : {0u, 1u, 2u, 20u}) {
    const Sample some = drawn(n, n);
    const ConfidenceModel model = ConfidenceModel::fit(some.words, some.flags());
    for (const double c : confidences(model, some)) EXPECT_TRUE(c >= 0 && c <= 1) << n;
  }
}

TEST(Confidence, TextComesBack) {
  const Sample some = drawn(4, 500);
  const ConfidenceModel model = ConfidenceModel::fit(some.words, some.flags());
  const auto again = ConfidenceModel::parse(model.text(), "again");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->text(), model.text());
  EXPECT_EQ(confidences(*again, some), confidences(model, some));
  ASSERT_TRUE(ConfidenceModel::parse(ConfidenceModel().text(), "empty"));
}

TEST(Confidence, DamagedTextIsRefusedWithItsLine) {
  const Sample some = drawn(4, 500);
  const std::string good = ConfidenceModel::fit(some.words, some.flags()).text();
  for (const std::string& bad : {std::string(),
                                 std::string("pipit-confidence 2\n"),
                                 good + "point 0.5\n",
                                 good + "point 2 1\n",
                                 good + "weights 1 2 3\n",
                                 good + "nonsense\n",
                                 std::string("pipit-confidence 1\nweights 1 2\n"),
                                 std::string("pipit-confidence 1\nweights 1 nan\n")}) {
    const auto got = ConfidenceModel::parse(bad, "file.confidence");
    ASSERT_FALSE(got) << bad;
    EXPECT_EQ(got.error().code, Code::BadFormat);
    EXPECT_EQ(got.error().message.find("file.confidence:"), 0u) << got.error().message;
  }
}

TEST(Confidence, TheWordsAreThoseOfTheBestPath) {
  Random random(5);
  for (int trial = 0; trial < 300; ++trial) {
    const Lattice lattice = random_lattice(random);
    const LatticePath path = best_path(lattice);
    const std::vector<PathWord> words = best_words(lattice, {.sharp = 1, .flat = 0.5});
    const std::vector<double> want = word_confidence(lattice, confusion_network(lattice), path);
    ASSERT_EQ(words.size(), want.size());
    std::string text;
    for (std::size_t k = 0; k < words.size(); ++k) {
      text.append(k == 0 ? "" : " ").append(words[k].text);
      EXPECT_NEAR(words[k].posterior, want[k], 1e-12);
      for (const double f : words[k].features) EXPECT_TRUE(std::isfinite(f));
    }
    EXPECT_EQ(text, path_text(lattice, path.arcs));
  }
}

TEST(Confidence, AreaIsTheShareOfPairsInOrder) {
  Random random(8);
  for (int trial = 0; trial < 50; ++trial) {
    const std::size_t n = 2 + random.below(20);
    std::vector<double> c;
    const auto right = std::make_unique<bool[]>(n);
    for (std::size_t k = 0; k < n; ++k) {
      c.push_back(static_cast<double>(random.below(6)));
      right[k] = k == 0 || (k > 1 && random.below(2) == 0);
    }
    double wins = 0, pairs = 0;
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b)
        if (right[a] && !right[b]) pairs += 1, wins += c[a] > c[b] ? 1 : c[a] == c[b] ? 0.5 : 0;
    EXPECT_NEAR(area_under_curve(c, {right.get(), n}), wins / pairs, 1e-12);
  }
}

TEST(Confidence, CalibrationErrorByHand) {
  const std::vector<double> c = {0.9, 0.2, 0.8, 0.1};
  const bool right[] = {true, false, true, false};
  // bins {0.1, 0.2}: mean 0.15, none right; {0.8, 0.9}: mean 0.85, all right
  EXPECT_NEAR(calibration_error(c, right, 2), 0.15, 1e-12);
  EXPECT_NEAR(calibration_error(c, right, 1), 0, 1e-12);
}

}  // namespace
}  // namespace pipit
