#include "train/runs.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "audio/corpus.h"
#include "tests/data_path.h"

namespace pipit {
namespace {

TEST(Runs, EightWordsInTheSameOrderAreARun) {
  WordRuns runs;
  runs.add("A B C D E F G H I");
  runs.add("SEVEN WORDS ALONE ARE NO RUN AT");
  EXPECT_TRUE(runs.share("A B C D E F G H"));
  EXPECT_TRUE(runs.share("X Y B C D E F G H I Z"));
  EXPECT_FALSE(runs.share("A B C D E F G"));
  EXPECT_FALSE(runs.share("A B C D E F G I H"));
  EXPECT_FALSE(runs.share("A B C D E F G HH"));
  EXPECT_FALSE(runs.share("SEVEN WORDS ALONE ARE NO RUN AT"));
  EXPECT_FALSE(runs.share(""));
}

WordRuns runs_of_dev(const std::vector<Clip>& clips) {
  WordRuns runs;
  for (const Clip& clip : clips)
    if (clip.split == "dev") runs.add(clip.text);
  return runs;
}

TEST(Runs, TrainingTranscriptsShareNoneWithDev) {
  const std::string manifest = data_path("speech/asr/manifest.tsv");
  PIPIT_NEED_DATA(manifest);
  const auto clips = read_manifest(manifest);
  ASSERT_TRUE(clips);
  const WordRuns runs = runs_of_dev(*clips);
  for (const Clip& clip : *clips) EXPECT_FALSE(clip.split == "train" && runs.share(clip.text)) << clip.id;
}

// A minute of unpacking: run by hand (--gtest_also_run_disabled_tests).
TEST(Runs, DISABLED_BooksShareNoneWithDev) {
  const std::string manifest = data_path("speech/asr/manifest.tsv");
  const std::string books = data_path("language/gutenberg_books.7z");
  PIPIT_NEED_DATA(manifest);
  PIPIT_NEED_DATA(books);
  const auto clips = read_manifest(manifest);
  ASSERT_TRUE(clips);
  const WordRuns runs = runs_of_dev(*clips);
  std::FILE* unpacked = ::popen(("7z x -so '" + books + "'").c_str(), "r");
  ASSERT_NE(unpacked, nullptr);
  std::string line;
  std::size_t lines = 0, shared = 0;
  for (int c = 0; (c = std::getc(unpacked)) != EOF;) {
    if (c != '\n') {
      line.push_back(static_cast<char>(c));
      continue;
    }
    ++lines;
    shared += runs.share(line) ? 1 : 0;
    line.clear();
  }
  EXPECT_EQ(::pclose(unpacked), 0);
  EXPECT_GT(lines, 2'000'000U);
  EXPECT_EQ(shared, 0U);
}

}  // namespace
}  // namespace pipit
