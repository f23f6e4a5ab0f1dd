// The aligner against every alignment there is, on small tables; and the committed model on a made-up voice's words.
#include "asr/align.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

#include "asr/test_table.h"
#include "base/random.h"

namespace pipit {
namespace {

using Table = TestTable<3, 1>;

struct Enumerated {
  LabelAlignment best;
  double sum = 0;
};

// Every way to place the labels in the frames.
Enumerated enumerated(const Table& table, int frames, const std::vector<std::int32_t>& labels) {
  Enumerated out;
  std::vector<Emission> path;
  const std::function<void(int, double)> walk = [&](int t, double score) {
    const std::size_t u = path.size();
    const auto e = static_cast<float>(t), g = static_cast<float>(u == 0 ? 0 : labels[u - 1]);
    if (t == frames) {
      if (u < labels.size()) return;
      out.sum += std::exp(score);
      if (score > out.best.log_prob) out.best = {path, score};
      return;
    }
    std::array<float, Table::kTokens> scores{};
    table.log_probs({&e, 1}, {&g, 1}, scores);
    walk(t + 1, score + static_cast<double>(scores[0]));
    if (u == labels.size()) return;
    path.push_back({labels[u], t});
    walk(t, score + static_cast<double>(scores[static_cast<std::size_t>(labels[u])]));
    path.pop_back();
  };
  walk(0, 0);
  return out;
}

TEST(Align, EqualsTheBestOfAllAlignments) {
  Random random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const auto frames = 1 + static_cast<int>(random.below(5));
    std::vector<std::int32_t> labels(random.below(6));
    for (auto& label : labels) label = 1 + static_cast<std::int32_t>(random.below(Table::kTokens - 1));
    std::vector<float> e;
    for (int t = 0; t < frames; ++t) e.push_back(static_cast<float>(t));
    const Table table(frames, static_cast<std::uint64_t>(trial));
    const LabelAlignment found = align(table, e, labels);
    const Enumerated all = enumerated(table, frames, labels);
    ASSERT_NEAR(found.log_prob, all.best.log_prob, 1e-9);
    EXPECT_LE(found.log_prob, std::log(all.sum) + 1e-9) << "one alignment is no more than all of them";
    ASSERT_EQ(found.emissions.size(), labels.size());
    for (std::size_t k = 0; k < labels.size(); ++k) {
      EXPECT_EQ(found.emissions[k].token, labels[k]);
      EXPECT_EQ(found.emissions[k].frame, all.best.emissions[k].frame);
    }
  }
}

TEST(Align, NothingIsNoAlignment) {
  const LabelAlignment found = align(Table(1, 1), {}, std::vector<std::int32_t>{1});
  EXPECT_TRUE(found.emissions.empty());
  EXPECT_EQ(found.log_prob, -std::numeric_limits<double>::infinity());
}

TEST(Align, SpellsEveryWordOfTheAlphabet) {
  const auto file = ModelFile::open(PIPIT_SOURCE_DIR "/models/pipit-en-small.pipit");
  ASSERT_TRUE(file);
  const auto model = Transducer::load(*file, Arithmetic::Int8);
  ASSERT_TRUE(model);
  for (const std::string text : {"THE", "A QUICK BROWN FOX DOESN'T JUMP", "Z Q X", ""}) {
    std::string back;
    for (const std::int32_t label : spell(*model, text)) back += model->piece(static_cast<std::size_t>(label));
    std::string marked;
    for (const char c : text.empty() ? text : " " + text) marked += c == ' ' ? "\xe2\x96\x81" : std::string(1, c);
    EXPECT_EQ(back, marked);
  }
  EXPECT_EQ(spell(*model, "THE").size(), 1u) << "a common word is one piece";

  // Words keep their order and lie within the sound, whatever the sound.
  Random random(3);
  std::vector<float> noise(32000);
  for (float& v : noise) v = static_cast<float>(0.1 * random.normal());
  const auto words = align_words(*model, noise, "SO IT \xc3\xa9 GOES");
  ASSERT_EQ(words.size(), 3u) << "the word that cannot be spelled is left out";
  EXPECT_EQ(words[2].text, "GOES");
  for (std::size_t k = 0; k < words.size(); ++k) {
    EXPECT_LE(words[k].first_frame, words[k].last_frame);
    EXPECT_LE(k == 0 ? 0 : words[k - 1].last_frame, words[k].first_frame);
    EXPECT_LT(words[k].last_frame, 2.0 / 0.06);
  }
  EXPECT_TRUE(align_words(*model, std::span(noise).first(100), "SO").empty());
}

}  // namespace
}  // namespace pipit
