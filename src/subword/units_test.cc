#include "subword/units.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "tests/data_path.h"
#include "text/normalise.h"

namespace pipit {
namespace {

std::string temporary(const std::string& name) {
  return (std::filesystem::path(testing::TempDir()) / ("pipit_units_" + std::to_string(getpid()) + name)).string();
}

std::vector<std::string> small_texts() {
  const std::string_view words[] = {
      "THE", "ROBOT", "HOME", "GOES", "DON'T", "LISTENS", "AND", "CARRIES", "A", "CUP", "OF", "TEA"};
  Random random(5);
  std::vector<std::string> lines(300);
  for (auto& line : lines)
    for (auto n = random.below(8) + 1; n > 0; --n)
      line.append(line.empty() ? "" : " ").append(words[random.below(std::size(words))]);
  return lines;
}

TEST(JoinPieces, TheMarkBeginsAWord) {
  const auto join = [](std::vector<std::string> pieces) { return join_pieces(pieces); };
  EXPECT_EQ(join({"\u2581THE", "\u2581RO", "BOT"}), "THE ROBOT");
  EXPECT_EQ(join({"RO", "BOT", "\u2581", "A"}), "ROBOT A");
  EXPECT_EQ(join({"\u2581", "\u2581", "X", "\u2581"}), "X");
  EXPECT_EQ(join({"\u2581A\u2581B"}), "A B");
  EXPECT_EQ(join({}), "");
}

TEST(Units, IdsDecodeToTheText) {
  const auto lines = small_texts();
  const std::string path = temporary("a.model"), again = temporary("b.model");
  const Status done = Units::train(lines, 36, path);
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_TRUE(Units::train(lines, 36, again));
  EXPECT_EQ(*read_file(path), *read_file(again)) << "training is deterministic";

  const auto units = Units::load(path);
  ASSERT_TRUE(units) << units.error().message;
  EXPECT_EQ(units->size(), 36);
  std::vector<std::string> texts = lines;
  texts.insert(texts.end(), {"", "Q", "ZEBRA'S QUIZ", "XYLOPHONE JAZZ VEX WALTZ"});  // letters never seen
  for (const auto& text : texts) {
    const auto ids = units->encode(text);
    for (const auto id : ids) {
      EXPECT_GT(id, 0) << text;
      EXPECT_LT(id, units->size());
    }
    EXPECT_TRUE(ids.empty() || units->piece(ids.front()).rfind("\u2581", 0) == 0)
        << "the mark begins the first word, too";
    EXPECT_EQ(units->decode(ids), text);
  }
  EXPECT_EQ(units->encode("\u4e2d").back(), 0);
  EXPECT_DEATH((void)units->piece(36), "no such id");
}

TEST(Units, WhatCannotBeIsOneLine) {
  const auto message = [](const auto& result) {
    EXPECT_FALSE(result);
    if (result) return std::string();
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << result.error().message;
    return result.error().message;
  };
  const std::string path = temporary("c.model");
  EXPECT_NE(message(Units::train({}, 60, path)).find("no text"), std::string::npos);
  const std::vector<std::string> few = {"A B"};
  EXPECT_NE(message(Units::train(few, 5000, path)).find("5000"), std::string::npos);
  EXPECT_NE(message(Units::load(path + ".none")).find(path), std::string::npos);
  for (const std::string& content : {std::string(), std::string("hello"), std::string(1000, '\xff')}) {
    ASSERT_TRUE(write_file(path, content));
    EXPECT_NE(message(Units::load(path)).find(path), std::string::npos);
  }
  EXPECT_DEATH((void)Units::train(few, 10, path), "at least 30");
}

TEST(Units, DamagedModelsAreRefusedOrUsable) {
  const std::string path = temporary("d.model");
  ASSERT_TRUE(Units::train(small_texts(), 36, path));
  const std::string good = *read_file(path);
  Random random(6);
  for (int trial = 0; trial < 300; ++trial) {
    std::string bad = good;
    const std::size_t at = random.below(bad.size());
    if (trial % 3 == 0) {
      bad.resize(at);
    } else {
      bad[at] = static_cast<char>(bad[at] ^ static_cast<char>(1u << random.below(8)));
    }
    ASSERT_TRUE(write_file(path, bad));
    const auto units = Units::load(path);
    if (!units) continue;
    for (const auto id : units->encode("THE ROBOT'S TEA")) EXPECT_LT(id, units->size());
  }
}

TEST(Units, DecodeEncodeOnAllTranscripts) {
  const std::string manifest = data_path("speech/asr/manifest.tsv");
  PIPIT_NEED_DATA(manifest);
  const auto content = read_file(manifest);
  ASSERT_TRUE(content);
  std::vector<std::string> texts;
  Lines lines(*content);
  lines.next();
  while (const auto line = lines.next()) {
    std::string_view rest = *line;
    for (int field = 0; field < 7; ++field) rest.remove_prefix(rest.find('\t') + 1);
    texts.push_back(normalise(rest.substr(0, rest.find('\t'))));
  }
  ASSERT_GT(texts.size(), 10000u);
  const std::string path = temporary("e.model");
  const Status done = Units::train(texts, 256, path);
  ASSERT_TRUE(done) << done.error().message;
  const auto units = Units::load(path);
  ASSERT_TRUE(units);
  for (const auto& text : texts) ASSERT_EQ(units->decode(units->encode(text)), text);
}

}  // namespace
}  // namespace pipit
