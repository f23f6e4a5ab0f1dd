// From a sound file to words through the real program: what it prints, and what it says of files that are no sound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/data_path.h"
#include "tests/e2e/program.h"

namespace pipit {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kModel = PIPIT_SOURCE_DIR "/models/pipit-en-small.pipit";

/// A member of a tar file: name at byte 0, octal size at byte 124 of its header, then the bytes.
std::string member_of(const std::string& tar, const std::string& name) {
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    const std::size_t size = std::stoul(tar.substr(at + 124, 11), nullptr, 8);
    if (tar.compare(at, name.size() + 1, name + '\0') == 0) return tar.substr(at + 512, size);
    at += 512 + (size + 511) / 512 * 512;
  }
  return {};
}

/// A WAV file, 16 bits, one channel, 16 kHz, of a tone.
std::string tone_wav(std::uint32_t n) {
  std::string out;
  const auto put = [&](std::uint32_t value, int bytes) {
    for (int k = 0; k < bytes; ++k) out += static_cast<char>(value >> (8 * k));
  };
  out += "RIFF", put(36 + 2 * n, 4), out += "WAVEfmt ", put(16, 4), put(1, 2), put(1, 2);
  put(16000, 4), put(32000, 4), put(2, 2), put(16, 2), out += "data", put(2 * n, 4);
  for (std::uint32_t k = 0; k < n; ++k)
    put(static_cast<std::uint32_t>(static_cast<std::int32_t>(3000 * std::sin(0.17 * k))), 2);
  return out;
}

void expect_one_line(const Outcome& run, int exit_code, const std::string& wanted) {
  EXPECT_EQ(run.signal, 0) << run.err;
  EXPECT_EQ(run.exit_code, exit_code);
  EXPECT_EQ(run.out, "");
  const std::vector<std::string> lines = lines_of(run.err);
  ASSERT_EQ(lines.size(), 1u) << run.err;
  for (const char c : lines[0]) EXPECT_TRUE(c >= ' ' && c <= '~') << "not printable: " << int(c);
  EXPECT_THAT(lines[0], HasSubstr(wanted));
}

/// The fields that every line of --json has, and their laws.
void expect_transcript(const json& line, const std::string& file) {
  EXPECT_EQ(line.at("file"), file);
  const double seconds = line.at("seconds_audio");
  EXPECT_GE(line.at("seconds_compute").get<double>(), 0);
  std::string text;
  double before_s = 0;
  for (const json& word : line.at("words")) {
    text += (text.empty() ? "" : " ") + word.at("word").get<std::string>();
    EXPECT_GE(word.at("start_s").get<double>(), before_s);
    EXPECT_GT(word.at("end_s"), word.at("start_s"));
    EXPECT_LE(word.at("end_s").get<double>(), seconds);
    EXPECT_GE(word.at("confidence").get<double>(), 0);
    EXPECT_LE(word.at("confidence").get<double>(), 1);
    before_s = word.at("start_s");
  }
  EXPECT_EQ(line.at("text"), text);
}

TEST(Speech, TranscribesAClipOfTheDevSplit) {
  const std::string tar = data_path("speech/asr/dev.tar");
  PIPIT_NEED_DATA(tar);
  const ScratchFolder scratch;
  const std::string clip = member_of(text_of(tar), "1737-146161-0000.opus");
  ASSERT_FALSE(clip.empty());
  const std::string file = scratch.write("clip.opus", clip);
  for (const char* arithmetic : {"fp32", "fp16", "int8"}) {
    const Outcome run =
        run_pipit({"transcribe", file, file, "--json", "--nbest", "3", "--arithmetic", arithmetic, "--quiet"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.err, "");
    const std::vector<std::string> lines = lines_of(run.out);
    ASSERT_EQ(lines.size(), 2u) << run.out;
    json both[2];
    for (int k = 0; k < 2; ++k) {
      both[k] = json::parse(lines[static_cast<std::size_t>(k)], nullptr, false);
      ASSERT_TRUE(both[k].is_object()) << run.out;
      expect_transcript(both[k], file);
      EXPECT_NEAR(both[k].at("seconds_audio").get<double>(), 13.925, 0.01);
      both[k].erase("seconds_compute");
      EXPECT_EQ(both[k].at("n_best").size(), 3u);
      EXPECT_EQ(both[k].at("n_best")[0].at("text"), both[k].at("text"));
    }
    EXPECT_EQ(both[0], both[1]);
    // "knit two together knit three make one ..": a first model, but it hears some of the knitting
    EXPECT_THAT(both[0].at("text").get<std::string>(), HasSubstr("TOGETHER")) << arithmetic;
  }
  const Outcome cut = run_pipit({"transcribe", scratch.write("cut.opus", clip.substr(0, clip.size() / 2))});
  expect_one_line(cut, 1, "cut.opus");
}

TEST(Speech, ASoundWithoutWordsIsATranscriptWithoutWords) {
  const ScratchFolder scratch;
  for (const std::uint32_t n : {0u, 1u, 16000u}) {
    const std::string file = scratch.write("tone.wav", tone_wav(n));
    const Outcome run = run_pipit({"transcribe", file, "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const json line = json::parse(run.out, nullptr, false);
    ASSERT_TRUE(line.is_object()) << run.out;
    expect_transcript(line, file);
    EXPECT_EQ(line.at("seconds_audio"), n / 16000.0);
  }
  const Outcome piped = run_pipit({"transcribe", "-", "--json"}, {.input = tone_wav(16000)});
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  expect_transcript(json::parse(piped.out, nullptr, false), "-");
}

TEST(Speech, WhatIsNoSoundIsRefusedInOneLine) {
  const ScratchFolder scratch;
  expect_one_line(run_pipit({"transcribe", scratch.write("text.wav", "the cat sat on the mat\n")}), 1, "text.wav");
  expect_one_line(run_pipit({"transcribe", scratch.file("none.wav")}), 1, "none.wav");
  expect_one_line(run_pipit({"transcribe", scratch.write("empty.wav", "")}), 1, "empty.wav");
  expect_one_line(run_pipit({"transcribe", scratch.file(".")}), 1, "directory");
}

TEST(Speech, ADamagedModelIsRefusedInOneLine) {
  const ScratchFolder scratch;
  const std::string sound = scratch.write("tone.wav", tone_wav(1600)), whole = text_of(kModel);
  ASSERT_GT(whole.size(), 1'000'000u);
  for (const std::size_t at : {std::size_t{3}, std::size_t{20}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const std::string file = scratch.write("damaged.pipit", damaged);
    expect_one_line(run_pipit({"transcribe", sound, "--model", file}), 1, "damaged.pipit");
    expect_one_line(run_pipit({"model", "info", file}), 1, "damaged.pipit");
    expect_one_line(run_pipit({"model", "convert", file, "--out", scratch.file("out.pipit")}), 1, "damaged.pipit");
  }
  EXPECT_FALSE(std::filesystem::exists(scratch.file("out.pipit")));
  expect_one_line(
      run_pipit({"transcribe", sound, "--model", scratch.write("half", whole.substr(0, 1000000))}), 1, "half");
  expect_one_line(run_pipit({"transcribe", sound, "--model", sound}), 1, "tone.wav");
  expect_one_line(run_pipit({"transcribe", sound, "--model", scratch.file("none.pipit")}), 1, "none.pipit");
  const std::string golden = PIPIT_SOURCE_DIR "/models/golden-en-small.pipit";
  expect_one_line(run_pipit({"transcribe", sound, "--model", golden}), 1, "architecture");
}

TEST(Speech, ConvertsModels) {
  const ScratchFolder scratch;
  const std::string card = scratch.write("card.json", R"({"note": "hello", "pieces": null})");
  std::size_t bytes = 0;
  for (const char* as : {"i8", "f16", "f32"}) {
    const std::string out = scratch.file(std::string(as) + ".pipit");
    const Outcome run = run_pipit({"model", "convert", kModel, "--as", as, "--out", out});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(run.out + run.err, "");
    const json info = json::parse(run_pipit({"model", "info", out, "--json"}).out, nullptr, false);
    ASSERT_TRUE(info.is_object());
    EXPECT_EQ(info.at("card").at("stored_as"), as);
    EXPECT_EQ(info.at("card").at("architecture"), "rnnt-lstm");
    for (const json& tensor : info.at("tensors"))
      EXPECT_EQ(tensor.at("format"), tensor.at("shape").size() == 1 ? "f32" : as) << tensor;
    EXPECT_GT(info.at("bytes").get<std::size_t>(), bytes) << "more bits, a larger file";
    bytes = info.at("bytes");
  }
  // fp16 is exact in fp32: there and back again gives the same bytes, in place too.
  const std::string f32 = scratch.file("f32.pipit");
  ASSERT_EQ(run_pipit({"model", "convert", f32, "--as", "f16", "--out", f32}).exit_code, 0);
  EXPECT_EQ(text_of(f32), text_of(scratch.file("f16.pipit")));
  ASSERT_EQ(run_pipit({"model", "convert", f32, "--out", f32, "--card", card}).exit_code, 0);
  const json info = json::parse(run_pipit({"model", "info", f32, "--json"}).out, nullptr, false);
  EXPECT_EQ(info.at("card").at("note"), "hello");
  EXPECT_FALSE(info.at("card").contains("pieces"));
  const std::string no_object = scratch.write("list.json", "[1]");
  expect_one_line(run_pipit({"model", "convert", kModel, "--out", f32, "--card", no_object}), 1, "list.json");
}

// Two sounds of one name in different folders get two lattices, each as bytes and as a drawing.
TEST(Speech, LatticesAreWrittenUnderNamesOfTheirOwn) {
  const ScratchFolder scratch;
  std::filesystem::create_directories(scratch.file("a"));
  std::filesystem::create_directories(scratch.file("b"));
  const std::string sound = tone_wav(16000), one = scratch.write("a/tone.wav", sound),
                    two = scratch.write("b/tone.wav", sound), folder = scratch.file("deep/lattices");
  const Outcome run = run_pipit({"transcribe", one, two, "--json", "--lattice", folder});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::vector<std::string> lines = lines_of(run.out);
  ASSERT_EQ(lines.size(), 2u);
  std::string bytes[2];
  for (std::size_t k = 0; k < 2; ++k) {
    const json line = json::parse(lines[k], nullptr, false);
    const std::string name = folder + (k == 0 ? "/tone" : "/tone-2");
    EXPECT_EQ(line.at("lattice"), name + ".lattice");
    bytes[k] = text_of(name + ".lattice");
    EXPECT_EQ(bytes[k].substr(0, 4), "PLAT");
    EXPECT_THAT(text_of(name + ".dot"), HasSubstr("digraph"));
  }
  EXPECT_EQ(bytes[0], bytes[1]);
  expect_one_line(run_pipit({"transcribe", one, "--lattice", two}), 1, "tone.wav");
}

// A confidence file beside the model is read, and refused by name and line when it is none.
TEST(Speech, ADamagedConfidenceIsRefusedInOneLine) {
  const ScratchFolder scratch;
  const std::string sound = scratch.write("tone.wav", tone_wav(1600)),
                    model = scratch.write("m.pipit", text_of(kModel));
  ASSERT_EQ(run_pipit({"transcribe", sound, "--model", model}).exit_code, 0);
  scratch.write("m.confidence", "pipit-confidence 1\nweights 1 2\n");
  expect_one_line(run_pipit({"transcribe", sound, "--model", model}), 1, "m.confidence:2");
}

TEST(Speech, WhatEndsATurnIsChecked) {
  const ScratchFolder scratch;
  const std::string sound = scratch.write("tone.wav", tone_wav(1600)),
                    model = scratch.write("m.pipit", text_of(kModel));
  const auto turns = [&] { return run_pipit({"transcribe", sound, "--turns", "--model", model}); };
  ASSERT_EQ(turns().exit_code, 0) << "without any of them silence alone counts";
  scratch.write("m.cadence", "offset\t0\nweights\t1 2 3\n");
  expect_one_line(turns(), 1, "m.cadence: 3 weights; this model wants 768");
  scratch.write("m.cadence", "offset\tnan\n");
  expect_one_line(turns(), 1, "m.cadence:1");
  scratch.write("m.cadence", text_of(PIPIT_SOURCE_DIR "/models/pipit-en-small.cadence"));
  scratch.write("m.endpoint", "loudness\t1\n");
  expect_one_line(turns(), 1, "m.endpoint:1");
}

TEST(Speech, ClipsAreChosenBySpeakerAndCount) {
  const std::string folder = data_path("speech/asr");
  PIPIT_NEED_DATA(folder);
  const ScratchFolder scratch;
  const std::string one = scratch.write("one.txt", "libri-1737\n");
  const auto clips = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"eval", "wer", folder, "--most", "9", "--beam", "1", "--lm", "none", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const json result = json::parse(run_pipit(words).out, nullptr, false);
    std::vector<std::string> out;
    if (result.is_object())
      for (const json& utterance : result.at("utterances")) out.push_back(utterance.at("id"));
    return out;
  };
  const auto all = clips({}), hers = clips({"--speakers", one}), others = clips({"--without", one});
  ASSERT_EQ(all.size(), 9u);
  ASSERT_FALSE(hers.empty());
  ASSERT_FALSE(others.empty());
  for (const std::string& id : hers) EXPECT_EQ(id.substr(0, 5), "1737-");
  for (const std::string& id : others) EXPECT_NE(id.substr(0, 5), "1737-");
  const std::string nobody = scratch.write("nobody.txt", "libri-0\n");
  expect_one_line(run_pipit({"eval", "wer", folder, "--without", nobody}), 1, "'libri-0' speaks no clip");
  const auto third = clips({"--every", "3"});
  ASSERT_GE(third.size(), 3u);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(third[k], all[3 * k]);
}

TEST(Speech, ALexiconIsChecked) {
  const ScratchFolder scratch;
  const std::string sound = scratch.write("tone.wav", tone_wav(16000));
  const auto with = [&](const std::string& name, const std::string& text) {
    return run_pipit({"transcribe", sound, "--lexicon", text.empty() ? name : scratch.write(name, text)});
  };
  EXPECT_EQ(with("none", "").exit_code, 0);
  EXPECT_EQ(with("own.lexicon", "BEEP\tB IY P\n").exit_code, 0);
  expect_one_line(with(scratch.file("not_there"), ""), 1, "not_there");
  expect_one_line(with("bad.lexicon", "BEEP\tB IY P\nBOOP\tB UU P\n"), 1, "bad.lexicon:2");
  expect_one_line(with("small.lexicon", "beep\tB IY P\n"), 1, "small.lexicon:1");
  expect_one_line(with("zeros.lexicon", std::string(5000, '\0')), 1, "zeros.lexicon:1");
  expect_one_line(run_pipit({"transcribe", sound, "--lexicon", "/dev/zero"}), 1, "/dev/zero");
}

TEST(Speech, LatticesOfTheDevSplitAreWorthTheirBytes) {
  const std::string folder = data_path("speech/asr");
  PIPIT_NEED_DATA(folder);
  const ScratchFolder scratch;
  const std::string fitted = scratch.file("fitted.confidence");
  const Outcome run = run_pipit({"eval", "lattice", folder, "--most", "12", "--json", "--fit-calibration", fitted});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = json::parse(run.out, nullptr, false);
  ASSERT_TRUE(result.is_object()) << run.out;
  EXPECT_LE(result.at("wer_best_of_ten"), result.at("wer"));
  EXPECT_LT(result.at("wer_oracle"), result.at("wer_best_of_ten"));
  EXPECT_LE(result.at("arcs_per_word").get<double>(), 20);
  EXPECT_LT(result.at("share_of_pcm_bytes").get<double>(), 0.03);
  EXPECT_LT(result.at("score_gap").get<double>(), 1e-9);
  EXPECT_LT(result.at("posterior_sum_gap").get<double>(), 1e-9);
  EXPECT_LT(result.at("calibration_error").get<double>(), 0.1) << "of the very words that it was fitted on";
  EXPECT_EQ(text_of(fitted).substr(0, 19), "pipit-confidence 1\n");
}

TEST(Speech, WrongCallsEndWithTwo) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"transcribe"},
                                                {"transcribe", "a.wav", "--beam", "0"},
                                                {"transcribe", "a.wav", "--beam", "many"},
                                                {"transcribe", "a.wav", "--nbest", "0"},
                                                {"transcribe", "a.wav", "--arithmetic", "fp8"},
                                                {"transcribe", "a.wav", "--labels-per-frame", "-1"},
                                                {"transcribe", "a.wav", "--views", "7"},
                                                {"transcribe", "a.wav", "--phone-weight", "-1"},
                                                {"transcribe", "a.wav", "--model"},
                                                {"transcribe", "a.wav", "--no-such-option"},
                                                {"eval", "wer"},
                                                {"eval", "wer", "folder", "--threads", "0"},
                                                {"eval", "lattice"},
                                                {"eval", "lattice", "f", "--json", "x", "--fit-calibration", "x"},
                                                {"model"},
                                                {"model", "fly"},
                                                {"model", "convert", kModel},
                                                {"model", "convert", kModel, "--as", "f64", "--out", "x"}})
    expect_one_line(run_pipit(words), 2, "--help");
}

}  // namespace
}  // namespace pipit
