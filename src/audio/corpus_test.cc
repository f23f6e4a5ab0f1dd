// Manifests and tar shards: good ones are read in place, hostile ones get one line; the real corpus where it is there.
#include "audio/corpus.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "audio/audio_file.h"
#include "base/file.h"
#include "base/random.h"
#include "tests/data_path.h"

namespace pipit {
namespace {

using testing::HasSubstr;

std::string reason(std::string_view manifest) {
  const auto clips = parse_manifest(manifest, "m.tsv");
  return clips ? "was read" : clips.error().message;
}

TEST(Manifest, ColumnsAreFoundByName) {
  const auto clips = parse_manifest(
      "text\tshard\tutt\tlicence\tmember\tduration_s\n"
      "HELLO YOU\ta.tar\tu1\tCC0\tu1.opus\t1.25\r\n"
      "\ta.tar\tu2\tCC0\tu2.opus\t0\n",
      "m.tsv");
  ASSERT_TRUE(clips) << clips.error().message;
  ASSERT_EQ(clips->size(), 2u);
  const Clip& first = clips->front();
  EXPECT_EQ(first.id, "u1");
  EXPECT_EQ(first.shard, "a.tar");
  EXPECT_EQ(first.member, "u1.opus");
  EXPECT_EQ(first.text, "HELLO YOU");
  EXPECT_EQ(first.duration_s, 1.25);
  EXPECT_EQ(first.speaker, "");
  EXPECT_EQ(clips->back().text, "");
}

TEST(Manifest, FaultsAreNamedByLine) {
  const std::string head = "utt\tshard\tmember\tduration_s\n", good = "u\ta.tar\tu.opus\t1\n";
  EXPECT_EQ(reason(""), "m.tsv: empty, wanted a header line");
  EXPECT_EQ(reason("utt\tmember\n"), "m.tsv:1: no column 'shard' in the header");
  EXPECT_EQ(reason("utt\tshard\tmember\tid\n"), "m.tsv:1: a second column 'id'");
  EXPECT_EQ(reason(head + good + "u2\ta.tar\n"), "m.tsv:3: 2 fields, wanted 4 as in the header");
  EXPECT_EQ(reason(head + "u\ta.tar\tu.opus\t1\t2\n"), "m.tsv:2: 5 fields, wanted 4 as in the header");
  EXPECT_EQ(reason(head + good + good), "m.tsv:3: 'u' was there before, in line 2");
  const std::string odd = std::string("\x01\xff") + good;  // names of a file are not printed as they come
  EXPECT_EQ(reason(head + odd + odd), "m.tsv:3: '??u' was there before, in line 2");
  EXPECT_EQ(reason(head + "\ta.tar\tu.opus\t1\n"), "m.tsv:2: no utt");
  EXPECT_EQ(reason(head + "u\t../a.tar\tu.opus\t1\n"),
            "m.tsv:2: shard '../a.tar' is a path, wanted the name of a file");
  for (const char* const duration : {"-1", "inf", "1s", ""})
    EXPECT_EQ(reason(head + "u\ta.tar\tu.opus\t" + duration + "\n"),
              fmt::format("m.tsv:2: duration_s is '{}', wanted seconds", duration));
}

/// One ustar entry, header and padded content; `size` as the header shall tell it.
std::string entry(const std::string& name, const std::string& content, std::string size = "", char type = '0') {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  if (size.empty()) size = fmt::format("{:011o}", content.size());
  put(0, name);
  put(124, size);
  header[156] = type;
  put(257,
      std::string("ustar\0"
                  "00",
                  8));
  put(148, "        ");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

const std::string kEnd(1024, '\0');

class Shard : public testing::Test {
 protected:
  ~Shard() override { std::filesystem::remove(path_); }
  Result<TarShard> open(const std::string& content) {
    EXPECT_TRUE(write_file(path_, content));
    return TarShard::open(path_);
  }
  std::string reason(const std::string& content) {
    const auto shard = open(content);
    if (shard) return "was read";
    EXPECT_EQ(shard.error().message.find('\n'), std::string::npos);
    return shard.error().message;
  }
  std::string path_ =
      testing::TempDir() + "pipit_shard_" + testing::UnitTest::GetInstance()->current_test_info()->name() + ".tar";
};

std::string text_of(const Result<std::span<const std::byte>>& bytes) {
  if (!bytes) return bytes.error().message;
  return std::string(reinterpret_cast<const char*>((*bytes).data()), (*bytes).size());
}

TEST_F(Shard, MembersAreFoundByName) {
  const std::string big(5000, 'x');
  const auto shard = open(entry("b", "two") + entry("folder/", "", "", '5') + entry("a", big) + entry("c", "") +
                          entry("d", std::string(512, 'y')) + kEnd);
  ASSERT_TRUE(shard) << shard.error().message;
  EXPECT_EQ(shard->members().size(), 4u);
  EXPECT_EQ(text_of(shard->member("a")), big);
  EXPECT_EQ(text_of(shard->member("b")), "two");
  EXPECT_EQ(text_of(shard->member("c")), "");
  EXPECT_EQ(text_of(shard->member("d")), std::string(512, 'y'));
  EXPECT_EQ(text_of(shard->member("e")), path_ + ": no member 'e' among 4");
  EXPECT_TRUE(open(kEnd)->members().empty());
}

TEST_F(Shard, HostileSizesAreRefused) {
  EXPECT_THAT(reason(entry("a", "x", "77777777777") + kEnd), HasSubstr("'a' has 8589934591 bytes, but 1536 are left"));
  EXPECT_THAT(reason(entry("a", "x", "777777777777") + kEnd), HasSubstr("'a' has 68719476735 bytes"));
  EXPECT_THAT(reason(entry("a", "x", "-0000000001") + kEnd), HasSubstr("the size of 'a' is no octal number"));
  EXPECT_THAT(reason(entry("a", "x", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") + kEnd),
              HasSubstr("no octal number"));
  EXPECT_THAT(reason(entry("a", "x", "00000000008") + kEnd), HasSubstr("no octal number"));
  EXPECT_THAT(reason(entry("a", "x", "           ") + kEnd), HasSubstr("no octal number"));
  EXPECT_THAT(reason(entry("a", "", "00000001000")), HasSubstr("'a' has 512 bytes, but 0 are left"));
}

TEST_F(Shard, CutFilesAreRefusedWhereverTheyAreCut) {
  const std::string whole = entry("a", std::string(700, 'x')) + entry("b", "yy") + kEnd;
  const std::size_t needed = whole.size() - 512;  // one closing block is enough
  for (std::size_t n = 0; n < needed; n += n < 20 ? 1 : 61)
    EXPECT_THAT(reason(whole.substr(0, n)), HasSubstr(path_)) << n;
  EXPECT_THAT(reason(whole.substr(0, needed - 512)), HasSubstr("cut short"));
  EXPECT_EQ(reason(whole.substr(0, needed)), "was read");
  EXPECT_THAT(reason(""), HasSubstr("0 bytes left"));
}

TEST_F(Shard, WhatIsNoTarIsRefused) {
  EXPECT_THAT(reason(std::string(3000, 'z')), HasSubstr("byte 0: no tar header here"));
  std::string flipped = entry("a", "x") + kEnd;
  flipped[0] = 'A';
  EXPECT_THAT(reason(flipped), HasSubstr("checksum"));
  EXPECT_THAT(reason(entry("a", "x") + entry("a", "y") + kEnd), HasSubstr("member 'a' is there twice"));
  EXPECT_THAT(reason(entry("\x1b\xe9", "x") + entry("\x1b\xe9", "y") + kEnd),
              HasSubstr("member '?"
                        "?' is there twice"));
  EXPECT_THAT(reason(entry("p", "x", "", 'x') + kEnd), HasSubstr("extended header of type 'x'"));
  EXPECT_THAT(TarShard::open("/nowhere.tar").error().message, HasSubstr("/nowhere.tar: cannot open"));
  EXPECT_THAT(TarShard::open(testing::TempDir()).error().message, HasSubstr("is no plain file"));
}

TEST_F(Shard, RandomDamageNeverBreaksIt) {
  const std::string whole = entry("a", std::string(700, 'x')) + entry("b", "yy") + kEnd;
  Random random(3);
  for (int k = 0; k < 500; ++k) {
    std::string file = whole.substr(0, random.below(whole.size() + 1));
    for (int flips = 0; flips < 3 && !file.empty(); ++flips)
      file[random.below(file.size())] = static_cast<char>(random());
    if (const auto shard = open(file); shard) {
      for (const auto& member : shard->members()) EXPECT_LE(member.bytes.size(), file.size());
    }
  }
}

// The real corpus: the dev split decodes, and every clip is as long as the manifest says, within 0.1 s.
TEST(RealCorpus, DevClipsAreAsLongAsTheManifestSays) {
  const std::string folder = data_path("speech/asr");
  PIPIT_NEED_DATA(folder);
  const auto clips = read_manifest(folder + "/manifest.tsv");
  ASSERT_TRUE(clips) << clips.error().message;
  EXPECT_EQ(clips->size(), 11223u);
  const auto shard = TarShard::open(folder + "/dev.tar");
  ASSERT_TRUE(shard) << shard.error().message;
  EXPECT_EQ(shard->members().size(), 101u);
  int num_dev = 0;
  for (const Clip& clip : *clips) {
    if (clip.split != "dev") continue;
    ++num_dev;
    const auto bytes = shard->member(clip.member);
    ASSERT_TRUE(bytes) << bytes.error().message;
    const auto audio = decode_audio(*bytes, clip.member);
    ASSERT_TRUE(audio) << audio.error().message;
    EXPECT_NEAR(audio->seconds(), clip.duration_s, 0.1) << clip.id;
    double power = 0;
    for (const float x : audio->samples) power += static_cast<double>(x) * static_cast<double>(x);
    const double rms = std::sqrt(power / static_cast<double>(audio->samples.size()));
    EXPECT_GT(rms, 0.003) << clip.id;  // speech, neither silence nor noise at full scale
    EXPECT_LT(rms, 0.3) << clip.id;
  }
  EXPECT_EQ(num_dev, 101);
}

TEST(RealCorpus, EveryManifestIsRead) {
  const std::string folder = data_path("speech");
  PIPIT_NEED_DATA(folder);
  for (const char* const set : {"asr", "commands", "digits", "events", "keywords", "speakers"}) {
    const auto clips = read_manifest(folder + "/" + set + "/manifest.tsv");
    EXPECT_TRUE(clips) << clips.error().message;
  }
}

TEST(Speakers, AreTheLinesThatSayOne) {
  const std::string path = ::testing::TempDir() + "pipit_speakers_test.txt";
  ASSERT_TRUE(write_file(path, "# two of them\nanna\n\nbert\nanna\n"));
  const auto speakers = read_speakers(path);
  ASSERT_TRUE(speakers);
  EXPECT_EQ(*speakers, (std::set<std::string>{"anna", "bert"}));
  ASSERT_TRUE(write_file(path, "# nobody\n\n"));  // must not come to mean everybody
  EXPECT_FALSE(read_speakers(path));
  EXPECT_FALSE(read_speakers(::testing::TempDir()));
}

}  // namespace
}  // namespace pipit
