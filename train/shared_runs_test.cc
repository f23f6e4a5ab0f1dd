// What dev is judged by must not have been read in training: no eight words in a row of its texts are in what models
// learn from. The public data where it is at hand, small made-up texts always.
#include "train/shared_runs.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "audio/corpus.h"
#include "base/random.h"
#include "tests/data_path.h"

namespace pipit {
namespace {

TEST(SharedRuns, FindsExactlyWhatWasPlanted) {
  Random random(5);
  const auto words = [&](int n) {
    std::string out;
    for (int k = 0; k < n; ++k) out += (k > 0 ? " W" : "W") + std::to_string(random.below(1'000'000));
    return out;
  };
  for (const int length : {1, 3, 8}) {
    SharedRuns runs(length);
    const std::string front = words(20), shared = words(length + 2), back = words(20);
    runs.add(front + " " + shared + " " + back);
    EXPECT_EQ(runs.size(), 40u + 3);
    std::string example;
    EXPECT_EQ(runs.count(words(30) + " " + shared + " " + words(9), &example), 3);
    EXPECT_NE(shared.find(example), std::string::npos);
    EXPECT_EQ(runs.count(words(50)), 0);
    EXPECT_EQ(runs.count(words(length - 1)), 0);
    EXPECT_EQ(runs.count(front.substr(front.rfind(' ') + 1) + "X " + shared.substr(shared.find(' ') + 1)), 2);
  }
  SharedRuns one(8);
  one.add("A B C D E F G");
  one.add("H I");
  EXPECT_EQ(one.count("A B C D E F G H I"), 0) << "a run does not go over the end of a text";
}

struct Texts {
  SharedRuns dev{8};
  std::vector<Clip> clips;
};
std::unique_ptr<Texts> dev_texts(const std::string& manifest) {
  auto texts = std::make_unique<Texts>();
  auto clips = read_manifest(manifest);
  if (!clips) return nullptr;
  texts->clips = std::move(*clips);
  for (const Clip& clip : texts->clips)
    if (clip.split == "dev") texts->dev.add(clip.text);
  return texts;
}

TEST(DevTexts, AreNotInTheTrainingTranscripts) {
  const std::string manifest = data_path("speech/asr/manifest.tsv");
  PIPIT_NEED_DATA(manifest);
  const auto texts = dev_texts(manifest);
  ASSERT_NE(texts, nullptr);
  ASSERT_GT(texts->dev.size(), 2000u);
  int clips = 0;
  for (const Clip& clip : texts->clips) {
    std::string example;
    if (clip.split != "train") continue;
    ++clips;
    EXPECT_EQ(texts->dev.count(clip.text, &example), 0) << clip.id << ": " << example;
  }
  EXPECT_GT(clips, 10000);
}

// Forty million words out of a packed file: a minute, so script/long overlaps alone runs it.
TEST(DevTexts, AreNotInTheBooksOfTheLanguageModel) {
  const std::string manifest = data_path("speech/asr/manifest.tsv"), books = data_path("language/gutenberg_books.7z");
  PIPIT_NEED_DATA(manifest);
  PIPIT_NEED_DATA(books);
  if (std::system("command -v 7z >/dev/null") != 0) GTEST_SKIP() << "no 7z: apt-get install p7zip-full";
  const auto texts = dev_texts(manifest);
  ASSERT_NE(texts, nullptr);
  FILE* pipe = ::popen(("7z x -so '" + books + "' 2>/dev/null").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  char* line = nullptr;
  std::size_t room = 0;
  long lines = 0, found = 0;
  for (ssize_t n; (n = ::getline(&line, &room, pipe)) > 0; ++lines) {
    std::string_view text(line, static_cast<std::size_t>(n));
    if (text.ends_with('\n')) text.remove_suffix(1);
    std::string example;
    if (texts->dev.count(text, &example) > 0) {
      ++found;
      ADD_FAILURE() << "line " << lines + 1 << ": " << example;
    }
  }
  std::free(line);
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_GT(lines, 2'000'000);
  std::printf("%ld lines of the books, %ld share eight words in a row with dev\n", lines, found);
}

}  // namespace
}  // namespace pipit
