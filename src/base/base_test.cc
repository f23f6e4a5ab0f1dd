#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <numeric>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/contract.h"
#include "base/file.h"
#include "base/machine.h"
#include "base/pages.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/result.h"
#include "base/text.h"
#include "base/version.h"
#include "base/view.h"

namespace pipit {
namespace {

Result<int> half_of(int x) {
  if (x % 2) return Error{Code::InvalidArgument, "x: found " + std::to_string(x) + ", wanted an even number"};
  return x / 2;
}

TEST(Result, CarriesValueOrReason) {
  EXPECT_EQ(half_of(8).value(), 4);
  const auto bad = half_of(7);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::InvalidArgument);
  EXPECT_THAT(bad.error().message, testing::HasSubstr("found 7"));
}

TEST(ResultDeathTest, TheWrongSideIsABug) {
  EXPECT_DEATH((void)half_of(7).value(), "failed Result");
  EXPECT_DEATH((void)half_of(8).error(), "good Result");
}

TEST(MatView, RowsAreStrided) {
  std::vector<int> data(12);
  std::iota(data.begin(), data.end(), 0);
  const MatView<int> m{data.data(), 3, 2, 4};
  EXPECT_THAT(m.row(1), testing::ElementsAre(4, 5));
  EXPECT_DEATH((void)m.row(3), "out of range");
}

TEST(Workers, WhatAPartThrowsReachesTheCallerAndTheNextRunIsWhole) {
  for (const int threads : {1, 2, 4}) {
    Workers workers(threads);
    for (const std::size_t bad : {0, 7, 99})
      EXPECT_THROW(workers.run(100,
                               [&](std::size_t part) {
                                 if (part == bad) throw std::bad_alloc();
                               }),
                   std::bad_alloc);
    std::atomic<int> done = 0;
    workers.run(100, [&](std::size_t) { ++done; });
    EXPECT_EQ(done, 100);
  }
}

TEST(Random, IsTheSameEverywhere) {
  Random a(1), b(1), c(2);
  EXPECT_EQ(a(), b());
  EXPECT_NE(a(), c());
  Random fixed(0);  // SplitMix64(0) state, first output of xoshiro256++ by its definition
  EXPECT_EQ(fixed(), 5987356902031041503u);
}

TEST(Random, HasTheRightMoments) {
  Random random(7);
  const int n = 100000;
  double sum = 0, squares = 0, lowest = 1, highest = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    const double u = random.uniform();
    lowest = std::min(lowest, u);
    highest = std::max(highest, u);
    ASSERT_LT(random.below(5), 5u);
  }
  // standard error of the mean 1/sqrt(n) = 0.0032, of the variance sqrt(2/n) = 0.0045: five of each
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_GE(lowest, 0);
  EXPECT_LT(highest, 1);
}

TEST(Workers, EveryItemOnceForAnyThreadCount) {
  for (const int threads : {1, 2, 5}) {
    Workers workers(threads);
    for (const std::size_t n : {0, 1, 2, 999, 1000, 100000}) {
      std::vector<int> hits(n, 0);
      for (int repeat = 0; repeat < 20; ++repeat)
        for_ranges(workers, n, 100, [&](Range r) {
          for (std::size_t i = r.begin; i < r.end; ++i) ++hits[i];
        });
      EXPECT_TRUE(std::all_of(hits.begin(), hits.end(), [](int h) { return h == 20; })) << threads << ' ' << n;
    }
  }
}

TEST(File, RoundTripAndReasons) {
  const auto folder = std::filesystem::temp_directory_path() / "pipit_base_test";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "a.txt";
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(write_file(path, content));
  EXPECT_EQ(read_file(path).value(), content);
  EXPECT_EQ(read_file(folder / "none").error().code, Code::NotFound);
  EXPECT_EQ(read_file(folder).error().code, Code::Io);
  EXPECT_EQ(read_file(path, 3).error().code, Code::Unsupported);
  EXPECT_FALSE(write_file(folder / "no" / "such", "x"));
  EXPECT_TRUE(write_file("/dev/null", "x"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "a temporary file was left";
  std::filesystem::remove_all(folder);
}

class LineFile : public testing::Test {
 protected:
  ~LineFile() override { std::filesystem::remove(path_); }
  std::string path_ = (std::filesystem::temp_directory_path() / ("pipit_lines" + std::to_string(::getpid()))).string();

  /// All lines of `content` from a file, or the message of what went wrong behind those read so far.
  std::vector<std::string> read(const std::string& content) {
    EXPECT_TRUE(write_file(path_, content));
    return all(LineReader(InputFile::open(path_).value()));
  }
  static std::vector<std::string> all(LineReader reader) {
    std::vector<std::string> lines;
    for (;;) {
      const auto line = reader.next();
      if (!line) lines.push_back(line.error().message);
      if (!line || !line->has_value()) return lines;
      lines.emplace_back(**line);
      EXPECT_EQ(reader.number(), static_cast<std::int64_t>(lines.size()));
    }
  }
};

// Blocks are 2^18 bytes: lines that end on either side of their seams, and everything that Lines knows.
TEST_F(LineFile, ReadsWhatLinesRead) {
  std::vector<std::string> texts = {"", "\n", "a", "a\n", "\r\n", "a\r\nb\n\nc\r", std::string("\0\n\0", 3)};
  for (const std::size_t length :
       {1, 7, 1000, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 600'000, (1 << 20) - 1, 1 << 20}) {
    std::string text;
    for (std::size_t k = 0; text.size() < 3'000'000; ++k) {
      text += std::string(length, static_cast<char>('a' + k % 26));
      text += k % 3 == 0 ? "\r\n" : "\n";
    }
    if (length >= 1 << 20) std::erase(text, '\r');
    texts.push_back(text);
    texts.push_back(text.substr(0, text.size() - 1));
  }
  for (const std::string& text : texts) {
    std::vector<std::string> wanted;
    Lines lines(text);
    while (const auto line = lines.next()) wanted.emplace_back(*line);
    EXPECT_TRUE(read(text) == wanted) << text.size() << " bytes";
    EXPECT_TRUE(all(LineReader(text, "memory")) == wanted) << text.size() << " bytes in memory";
  }
}

TEST_F(LineFile, EndlessLinesAreRefused) {
  const std::string wanted = ":2: the line is longer than 1048576 bytes, wanted lines of text";
  EXPECT_EQ(read("a\n" + std::string(kLongestLine + 1, 'x') + "\nb"), (std::vector{std::string("a"), path_ + wanted}));
  EXPECT_EQ(all(LineReader("a\n" + std::string(kLongestLine + 1, 'x'), "memory")),
            (std::vector{std::string("a"), "memory" + wanted}));
  LineReader zeros(InputFile::open("/dev/zero").value());
  const auto line = zeros.next();
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::BadFormat);
}

TEST(File, WithoutCommitNothingChanges) {
  const auto folder = std::filesystem::temp_directory_path() / "pipit_output_test";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "a.txt";
  ASSERT_TRUE(write_file(path, "old"));
  {
    Result<OutputFile> file = OutputFile::create(path);
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->write("ne"));
    EXPECT_EQ(read_file(path).value(), "old");
  }
  EXPECT_EQ(read_file(path).value(), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "a temporary file was left";
  {
    Result<OutputFile> file = OutputFile::create(path);
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->write("ne"));
    EXPECT_TRUE(file->write("w"));
    EXPECT_TRUE(file->commit());
  }
  EXPECT_EQ(read_file(path).value(), "new");
  std::filesystem::remove_all(folder);
}

TEST(File, LinksAreFollowedAndPermissionsKept) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("pipit_links" + std::to_string(::getpid()));
  fs::create_directories(folder / "deep");
  const fs::path file = folder / "deep" / "real.txt", link = folder / "link", chain = folder / "chain";
  fs::create_symlink("deep/real.txt", link);  // relative to the link, not to where we are
  fs::create_symlink(link, chain);
  for (const char* content : {"first", "second"}) {  // the first time there is nothing behind the link yet
    ASSERT_TRUE(write_file(chain, content));
    EXPECT_TRUE(fs::is_symlink(chain) && fs::is_symlink(link));
    EXPECT_EQ(read_file(file).value(), content);
  }
  const fs::perms own = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_exec;
  fs::permissions(file, own);
  ASSERT_TRUE(write_file(link, "third"));
  EXPECT_EQ(read_file(file).value(), "third");
  EXPECT_EQ(fs::status(file).permissions(), own);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "deep"), {}), 1) << "a temporary file was left";
  fs::create_symlink("loop", folder / "loop");
  EXPECT_THAT(write_file(folder / "loop", "x").error().message, testing::HasSubstr("links"));
  fs::remove_all(folder);
}

TEST(Text, LinesAndFields) {
  Lines lines("a  b\t c\r\n\nlast");
  Fields fields(*lines.next());
  EXPECT_EQ(fields.next(), "a");
  EXPECT_EQ(fields.next(), "b");
  EXPECT_EQ(fields.next(), "c");
  EXPECT_EQ(fields.next(), "");
  EXPECT_EQ(*lines.next(), "");
  EXPECT_EQ(*lines.next(), "last");
  EXPECT_EQ(lines.number(), 3);
  EXPECT_FALSE(lines.next());
}

TEST(Text, NumbersAreWholeFields) {
  EXPECT_EQ(parse_number<double>("+1.5e3"), 1500.0);
  EXPECT_EQ(parse_number<long>("-7"), -7);
  for (const char* bad : {"", "+", "1x", "x", "1e999", "0x10", "1,5"}) EXPECT_FALSE(parse_number<double>(bad)) << bad;
  EXPECT_FALSE(parse_number<int>("99999999999"));
}

TEST(Pages, AreProvidedAndNothingInThemChanges) {
  std::vector<std::byte> memory(100'000, std::byte{7});
  const auto all = std::span(memory);
  for (const std::size_t from : {0, 1, 4095, 99'999})
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, memory.size()})
      provide_pages(all.subspan(from, std::min(size, memory.size() - from)));
  provide_pages({});
  EXPECT_EQ(memory, std::vector<std::byte>(memory.size(), std::byte{7}));
}

TEST(Clock, MemoryAndTimeArePositive) {
  double sum = 0;
  { const Timed timed(sum); }
  EXPECT_GE(sum, 0);
  EXPECT_GT(peak_rss_mb(), 0.5);
  // The unit is 10^6 bytes: the kernel says the same in units of 1024 (VmHWM; it counts pages a little late, by 1 MB).
  // What this process was started from and other tests of it may count, too: a new peak where the kernel allows one,
  // and more memory than they had.
  const bool fresh = reset_peak_rss();
  const double before = peak_rss_mb();
  {  // pages from the kernel: a sanitizer's allocator would keep what is freed
    constexpr std::size_t size = 200'000'000;
    void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    std::memset(pages, 1, size);
    ::munmap(pages, size);
  }
  if (fresh) {
    EXPECT_GT(peak_rss_mb(), before + 190);
  }
  std::ifstream status("/proc/self/status");
  double high_water_kib = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) high_water_kib = std::stod(line.substr(6));
  EXPECT_NEAR(peak_rss_mb(), high_water_kib * 1024e-6, 1);
  if (fresh) {
    EXPECT_TRUE(reset_peak_rss());
    EXPECT_LT(peak_rss_mb(), before + 30);
  }
  EXPECT_FALSE(version().empty() || build_commit().empty() || build_compiler().empty());
}

TEST(Machine, SaysWhereAndHow) {
  EXPECT_FALSE(machine().empty());
  EXPECT_THAT(machine(), testing::Not(testing::HasSubstr("\n")));
  EXPECT_GE(num_cores(), 1);
  EXPECT_THAT(command_line(), testing::HasSubstr("base_test"));
  EXPECT_EQ(command_line().find('\0'), std::string::npos);
}

}  // namespace
}  // namespace pipit
