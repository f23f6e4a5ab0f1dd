// Sound files as they come in the world, and as nobody should make them: the right words, or one clear line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "audio/audio_file.h"
#include "nn/test_model.h"
#include "tests/hostile/clear_line.h"

namespace pipit {
namespace {

const std::string kSentence = PIPIT_SOURCE_DIR "/examples/spoken/morning.opus";

struct Wav {
  int format = 1, channels = 1, rate = 16000, bits = 16;  // format 1: whole numbers, 3: floats
  std::uint32_t claimed = 0;  // bytes of sound that the header tells of; 0: as many as there are
};

std::string wav(std::span<const float> samples, const Wav& w) {
  std::string data, out;
  const auto put = [](std::string& to, std::uint64_t value, int bytes) {
    for (int k = 0; k < bytes; ++k) to += static_cast<char>(value >> (8 * k));
  };
  for (const float x : samples)
    for (int c = 0; c < w.channels; ++c) {
      std::uint32_t bits = 0;
      if (w.format == 3)
        std::memcpy(&bits, &x, 4);
      else
        bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(
            std::lround(std::ldexp(std::clamp(static_cast<double>(x), -0.99, 0.99), w.bits - 1))));
      put(data, bits, w.bits / 8);
    }
  const std::uint32_t size = w.claimed != 0 ? w.claimed : static_cast<std::uint32_t>(data.size());
  out += "RIFF", put(out, size < 0xffff'ff00 ? size + 36 : size, 4), out += "WAVEfmt ", put(out, 16, 4);
  put(out, static_cast<std::uint64_t>(w.format), 2), put(out, static_cast<std::uint64_t>(w.channels), 2);
  put(out, static_cast<std::uint64_t>(w.rate), 4),
      put(out, static_cast<std::uint64_t>(w.rate * w.channels * w.bits / 8), 4);
  put(out, static_cast<std::uint64_t>(w.channels * w.bits / 8), 2), put(out, static_cast<std::uint64_t>(w.bits), 2);
  out += "data", put(out, size, 4);
  return out + data;
}

TEST(HostileAudio, TheSameWordsInEveryDress) {
  const auto sentence = read_audio(kSentence);
  ASSERT_TRUE(sentence) << sentence.error().message;
  const std::span<const float> samples = sentence->samples;
  const Outcome plain = run_pipit({"transcribe", kSentence});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  ASSERT_GT(plain.out.size(), 20u) << "the sentence must be heard, or this test says nothing";
  const std::pair<const char*, std::string> dresses[] = {{"mislabelled.wav", text_of(kSentence)},
                                                         {"mislabelled.mp3", text_of(kSentence)},
                                                         {"mislabelled.flac", wav(samples, {})},
                                                         {"no name", wav(samples, {})},
                                                         {"24.wav", wav(samples, {.bits = 24})},
                                                         {"32.wav", wav(samples, {.bits = 32})},
                                                         {"float.wav", wav(samples, {.format = 3, .bits = 32})},
                                                         {"eight.wav", wav(samples, {.channels = 8, .bits = 24})},
                                                         {"endless.wav", wav(samples, {.claimed = 0xffff'ffff})},
                                                         {"promises.wav", wav(samples, {.claimed = 0x7fff'0000})}};
  const ScratchFolder scratch;
  for (const auto& [name, bytes] : dresses) {
    const Outcome run = run_pipit({"transcribe", "--quiet", scratch.write(name, bytes)});
    EXPECT_EQ(run.exit_code, 0) << name << ": " << run.err;
    EXPECT_EQ(run.out, plain.out) << name;
    EXPECT_EQ(run.err, "") << name;
  }
  // A WAV file that ends too soon gives what is there; so does one from a pipe, and bare samples.
  const std::string whole = wav(samples, {});
  const Outcome cut = run_pipit({"transcribe", scratch.write("cut.wav", whole.substr(0, whole.size() / 2))});
  EXPECT_EQ(cut.exit_code, 0) << cut.err;
  EXPECT_GT(cut.out.size(), 5u);
  EXPECT_LT(cut.out.size(), plain.out.size());
  EXPECT_EQ(run_pipit({"transcribe", "-"}, {.input = whole}).out, plain.out);
  const Outcome raw = run_pipit({"transcribe", "-", "--raw"}, {.input = whole.substr(44) + "x"});
  EXPECT_EQ(raw.exit_code, 0) << raw.err;
  EXPECT_EQ(raw.out.substr(0, 10), plain.out.substr(0, 10));
}

TEST(HostileAudio, NothingIsHeardInNothing) {
  const std::vector<float> silence(16000), one(1, 0.5F), tiny(399, 0.1F);
  const std::pair<const char*, std::string> files[] = {{"none.wav", wav({}, {})},
                                                       {"promises.wav", wav({}, {.claimed = 0xffff'ffff})},
                                                       {"one.wav", wav(one, {})},
                                                       {"one_of_eight.wav", wav(one, {.channels = 8, .bits = 24})},
                                                       {"one_at_48_kHz.wav", wav(one, {.rate = 48000})},
                                                       {"tiny.wav", wav(tiny, {})},
                                                       {"silent.wav", wav(silence, {})},
                                                       {"odd_byte.wav", wav(one, {}) + "x"}};
  const ScratchFolder scratch;
  for (const auto& [name, bytes] : files) {
    const Outcome run = run_pipit({"transcribe", "--quiet", scratch.write(name, bytes)});
    EXPECT_EQ(run.exit_code, 0) << name << ": " << run.err;
    EXPECT_EQ(run.out, "\n") << name;
    EXPECT_EQ(run.err, "") << name;
  }
  for (const char* input : {"", "x"}) {
    const Outcome raw = run_pipit({"transcribe", "-", "--raw"}, {.input = input});
    EXPECT_EQ(raw.exit_code, 0) << raw.err;
    EXPECT_EQ(raw.out, "\n");
  }
}

TEST(HostileAudio, WhatCannotBeHeardGetsOneLine) {
  std::vector<float> broken(16000, 0.1F);
  broken[8000] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> endless = broken;
  endless[8000] = std::numeric_limits<float>::infinity();
  const std::vector<float> some(100, 0.1F);
  const std::string opus = text_of(kSentence), good = wav(some, {});
  std::string huge_chunk = good;
  huge_chunk.replace(16, 4, "\xff\xff\xff\x7f", 4);
  const std::pair<const char*, std::string> files[] = {
      {"empty.wav", ""},
      {"text.mp3", "the cat sat on the mat, and this is no sound at all\n"},
      {"riff.wav", "RIFF"},
      {"half_a_header.wav", good.substr(0, 30)},
      {"picture.flac", "\x89PNG\r\n\x1a\n and so on and so on"},
      {"tag_alone.mp3", std::string("ID3\x04\x00\x00\x00\x00\x00\x00", 10)},
      {"zeros.ogg", std::string(4096, '\0')},
      {"nan.wav", wav(broken, {.format = 3, .bits = 32})},
      {"infinite.wav", wav(endless, {.format = 3, .bits = 32})},
      {"cut.opus", opus.substr(0, opus.size() / 2)},
      {"first_page.opus", opus.substr(0, 40)},
      {"no_rate.wav", wav(some, {.rate = 0})},
      {"great_rate.wav", wav(some, {.rate = 2'000'000})},
      {"no_channels.wav", wav(some, {.channels = 0})},
      {"huge_chunk.wav", huge_chunk}};
  const ScratchFolder scratch;
  for (const auto& [name, bytes] : files) {
    SCOPED_TRACE(name);
    expect_one_clear_line(run_pipit({"transcribe", scratch.write(name, bytes)}, {.memory_limit_mb = 1000}), name);
  }
  expect_one_clear_line(run_pipit({"transcribe", scratch.write("escape\033[31m.wav", "no sound")}), "escape");
}

// Whole files with the right checksum, of a network that nobody would train.
TEST(HostileModel, IsHeardWithOrRefusedInOneLine) {
  const ScratchFolder scratch;
  const std::string sound = scratch.write("some.wav", wav(std::vector<float>(16000, 0.1F), {})),
                    file = scratch.file("odd.pipit");
  TransducerSizes sizes{.bands = 64,
                        .stack = 1,
                        .layers = 1,
                        .hidden = 3,
                        .projection = 2,
                        .tokens = 3,
                        .context = 1,
                        .embedding = 2,
                        .joint = 2};
  ASSERT_TRUE(TestModel(sizes, 1).write(file));
  const Outcome short_steps = run_pipit({"transcribe", sound, "--model", file, "--quiet"});
  EXPECT_EQ(short_steps.exit_code, 0) << short_steps.err;  // more views are asked for than a step has frames
  EXPECT_EQ(short_steps.err, "");
  sizes.bands = 63;
  ASSERT_TRUE(TestModel(sizes, 1).write(file));
  expect_one_clear_line(run_pipit({"transcribe", sound, "--model", file}), "hears 63 bands, wanted 64");
  sizes.bands = 64, sizes.phones = 257, sizes.back_hidden = 2, sizes.back_projection = 2;
  ASSERT_TRUE(TestModel(sizes, 1).write(file));
  expect_one_clear_line(run_pipit({"transcribe", sound, "--model", file}), "from 1 to 256");
  sizes.phones = 2;
  ASSERT_TRUE(TestModel(sizes, 1).write(file));
  expect_one_clear_line(
      run_pipit({"transcribe", sound, "--model", file, "--lexicon", scratch.write("empty.lexicon", "")}),
      "empty.lexicon: no word in it");
}

TEST(HostileAudio, ABundleOfNonsenseGetsOneLine) {
  const ScratchFolder scratch;
  const std::string folder = scratch.file(".");
  expect_one_clear_line(run_pipit({"eval", "wer", scratch.file("none")}), "manifest.tsv");
  const std::string head = "utt\tshard\tmember\tspeaker\tsplit\ttext\n", row = "a\tdev.tar\ta.opus\ts\tdev\tTHE CAT\n";
  const auto says = [&](const std::string& manifest, const std::string& tar, const std::string& wanted) {
    SCOPED_TRACE(wanted);
    scratch.write("manifest.tsv", manifest);
    scratch.write("dev.tar", tar);
    expect_one_clear_line(run_pipit({"eval", "wer", folder}), wanted);
  };
  says("", "", "manifest.tsv");
  says("utt\tmember\na\tb\n", "", "shard");
  says(head + "a\tdev.tar\n", "", "manifest.tsv:2");
  says(head + row + row, "", "manifest.tsv:3");
  says(head, "", "no clip");
  says(head + row, "", "dev.tar");
  says(head + row, "this is no tar file", "dev.tar");
  says(head + row, std::string(1024, '\0'), "a.opus");
  says(head + "a\t../../etc/passwd\ta\ts\tdev\tTHE\n", "", "manifest.tsv:2");
  expect_one_clear_line(run_pipit({"model", "info", scratch.write("no_model", std::string(100, 'x'))}), "no_model");
  expect_one_clear_line(
      run_pipit(
          {"train", "curve", scratch.write("metrics.jsonl", "{\"epoch\": \n"), "--html", scratch.file("out.html")}),
      "metrics.jsonl:1");
  EXPECT_FALSE(std::filesystem::exists(scratch.file("out.html")));
}

}  // namespace
}  // namespace pipit
