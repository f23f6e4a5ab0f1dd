// Sound files: what goes in comes out at 16 kHz, and what is no sound gives one clear line.
#include "audio/audio_file.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <limits>

#include "audio/audio_reader.h"
#include "audio/resample.h"
#include "audio/test_sounds.h"
#include "base/file.h"

// libsndfile 1.2.0 forgets a few kilobytes of libvorbis when it gives up on a damaged Ogg file.
// The name is the sanitizer's.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {
  return "leak:vorbis_info_init";
}  // NOLINT(bugprone-reserved-identifier)

namespace pipit {
namespace {

using testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

Result<Audio> decode(std::string_view file) { return decode_audio(bytes_of(file), "test"); }

std::string reason(std::string_view file) {
  const auto audio = decode(file);
  if (audio) return "was read, " + std::to_string(audio->samples.size()) + " samples";
  EXPECT_EQ(audio.error().message.find('\n'), std::string::npos);
  return audio.error().message;
}

std::vector<float> on_channels(std::span<const float> mono, int channels) {
  std::vector<float> frames;
  for (const float x : mono) frames.insert(frames.end(), channels, x);
  return frames;
}

constexpr int kWav16 = SF_FORMAT_WAV | SF_FORMAT_PCM_16, kWav24 = SF_FORMAT_WAV | SF_FORMAT_PCM_24;
constexpr int kWavFloat = SF_FORMAT_WAV | SF_FORMAT_FLOAT, kFlac = SF_FORMAT_FLAC | SF_FORMAT_PCM_16;

// Lossless at 16 kHz: every sample within one step of the width (libsndfile rounds, 32767 of 32768 is full scale).
TEST(AudioFile, LosslessFilesKeepEverySample) {
  const auto wanted = tone(440, 0.5, 16000);
  struct Case {
    int format;
    double step;
  };
  for (const auto& [format, step] : {Case{kWav16, 0x1p-15},
                                     Case{kWav24, 0x1p-23},
                                     Case{kWavFloat, 0},
                                     Case{kFlac, 0x1p-15},
                                     Case{SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 0x1p-7},
                                     Case{SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 0}}) {
    const auto audio = decode(encode(format, 16000, 1, wanted));
    ASSERT_TRUE(audio) << audio.error().message;
    ASSERT_EQ(audio->samples.size(), wanted.size());
    double worst = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(audio->samples[i]) - static_cast<double>(wanted[i])));
    // A 24-bit step is as small as a float's; one more for the float.
    EXPECT_LE(worst, step == 0 ? 0 : step * 1.01 + 0x1p-24) << std::hex << format;
  }
}

// 440 Hz at 0.5. The soxr pass band is flat to 20 bits; 16-bit noise averages out; lossy codecs keep a tone within
// 0.5 dB (6 %). Its frequency: the neighbours 4 Hz away (four window widths of 1/2 s or more) hold under a tenth of it.
TEST(AudioFile, ToneKeepsFrequencyAndLevelInEveryFormatAndRate) {
  struct Case {
    int format, rate, channels;
    double share;
  };
  const int opus = SF_FORMAT_OGG | SF_FORMAT_OPUS, vorbis = SF_FORMAT_OGG | SF_FORMAT_VORBIS;
  const int mp3 = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
  for (const auto& [format, rate, channels, share] : {Case{kWav16, 44100, 1, 1e-3},
                                                      Case{kWav16, 44100, 8, 1e-3},
                                                      Case{kWav24, 48000, 8, 1e-3},
                                                      Case{kWav24, 8000, 2, 1e-3},
                                                      Case{kWavFloat, 96000, 2, 1e-3},
                                                      Case{kFlac, 44100, 2, 1e-3},
                                                      Case{kFlac, 22050, 1, 1e-3},
                                                      Case{opus, 16000, 1, 0.06},
                                                      Case{opus, 48000, 2, 0.06},
                                                      Case{vorbis, 44100, 2, 0.06},
                                                      Case{mp3, 44100, 1, 0.06}}) {
    const std::string which = std::to_string(format) + " at " + std::to_string(rate);
    const auto frames = on_channels(tone(440, 0.5, static_cast<std::size_t>(rate) * 2, rate), channels);
    const std::string file = encode(format, rate, channels, frames);
    ASSERT_FALSE(file.empty()) << which;
    const auto audio = decode(file);
    ASSERT_TRUE(audio) << which << ": " << audio.error().message;
    EXPECT_NEAR(audio->seconds(), 2.0, (format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG ? 0.1 : 0.001) << which;
    const double level = amplitude_at(audio->samples, 440);
    EXPECT_NEAR(level, 0.5, 0.5 * share) << which;
    EXPECT_LT(amplitude_at(audio->samples, 436), 0.05) << which;
    EXPECT_LT(amplitude_at(audio->samples, 444), 0.05) << which;
  }
}

TEST(AudioFile, ChannelsAreAveraged) {
  std::vector<float> frames;
  for (int i = 0; i < 500; ++i) frames.insert(frames.end(), {0.5f, -0.25f, 0.0f, 0.75f});
  const auto audio = decode(encode(kWavFloat, 16000, 4, frames));
  ASSERT_TRUE(audio) << audio.error().message;
  EXPECT_THAT(audio->samples, testing::AllOf(testing::SizeIs(500), testing::Each(0.25f)));
}

TEST(AudioFile, ShortAndSilentFilesAreRight) {
  EXPECT_TRUE(decode(encode(kWav16, 16000, 1, {}))->samples.empty());
  const float one = 0.5f;
  EXPECT_THAT(decode(encode(kWavFloat, 16000, 1, {&one, 1}))->samples, testing::ElementsAre(0.5f));
  const auto resampled = decode(encode(kWavFloat, 44100, 1, {&one, 1}));
  ASSERT_TRUE(resampled);
  EXPECT_LE(resampled->samples.size(), 1u);
  const auto silent = decode(encode(kFlac, 48000, 2, std::vector<float>(96000)));
  ASSERT_TRUE(silent);
  EXPECT_THAT(silent->samples, testing::AllOf(testing::SizeIs(16000), testing::Each(0.0f)));
}

TEST(AudioFile, TheContentCountsNotTheName) {
  const auto audio = decode_audio(bytes_of(encode(kFlac, 16000, 1, tone(300, 0.5, 1600))), "speech.wav");
  ASSERT_TRUE(audio) << audio.error().message;
  EXPECT_EQ(audio->samples.size(), 1600u);
}

TEST(AudioFile, WhatIsNoAudioGetsOneLine) {
  EXPECT_EQ(reason(""), "test: the file is empty, wanted audio");
  EXPECT_THAT(reason("This is a letter, not a sound."), HasSubstr("not audio"));
  EXPECT_THAT(reason("RIFF"), HasSubstr("not audio"));
  EXPECT_THAT(reason(std::string("\0\0\0\0", 4)), HasSubstr("not audio"));
  EXPECT_THAT(read_audio("/nowhere/at/all.wav").error().message, HasSubstr("/nowhere/at/all.wav: cannot open"));
}

TEST(AudioFile, NotANumberIsNamedByPlace) {
  auto frames = on_channels(tone(440, 0.5, 9000), 2);
  frames[2 * 5000 + 1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(reason(encode(kWavFloat, 16000, 2, frames)), HasSubstr("sample 5000 of channel 1 is nan"));
  frames[2 * 5000 + 1] = 1e30f;
  EXPECT_THAT(reason(encode(kWavFloat, 16000, 2, frames)), HasSubstr("sample 5000 of channel 1 is 1e+30"));
}

// Cut anywhere: what is there, or one line; a lossless file never pretends to be whole.
TEST(AudioFile, CutFilesGiveWhatIsThereOrOneLine) {
  const auto samples = noise(3, 0.1, 16000);
  for (const int format : {kWav16,
                           kFlac,
                           SF_FORMAT_OGG | SF_FORMAT_OPUS,
                           SF_FORMAT_OGG | SF_FORMAT_VORBIS,
                           SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}) {
    const std::string whole = encode(format, 16000, 1, samples);
    for (std::size_t k = 0; k < 40; ++k) {
      const auto audio = decode(std::string_view(whole).substr(0, whole.size() * k / 40));
      if (audio) {
        EXPECT_LT(audio->samples.size(), samples.size() + 3000);
      } else {
        EXPECT_EQ(audio.error().message.find('\n'), std::string::npos);
      }
    }
  }
  const std::string wav = encode(kWav16, 16000, 1, samples);
  EXPECT_EQ(decode(std::string_view(wav).substr(0, wav.size() / 2))->samples.size(), (wav.size() / 2 - 44) / 2);
  const std::string flac = encode(kFlac, 16000, 1, samples);
  EXPECT_THAT(reason(std::string_view(flac).substr(0, flac.size() / 2)), HasSubstr("test: "));
  EXPECT_FALSE(decode(std::string_view(flac).substr(0, flac.size() / 2)));
}

// An Ogg file has no length in its header, but says of each page how long it is.
TEST(AudioFile, AnOggFileCutInsideAPageIsRefused) {
  for (const int format : {SF_FORMAT_OGG | SF_FORMAT_OPUS, SF_FORMAT_OGG | SF_FORMAT_VORBIS}) {
    const std::string whole = encode(format, 16000, 1, tone(440, 0.3, 32000));
    ASSERT_FALSE(whole.empty());
    EXPECT_TRUE(decode_audio(std::as_bytes(std::span(whole)), "whole"));
    for (std::size_t n = 4; n < whole.size(); ++n) {
      if (whole.compare(n, 4, "OggS") == 0) continue;  // between two pages
      const auto audio = decode_audio(std::as_bytes(std::span(whole).first(n)), "cut.ogg");
      ASSERT_FALSE(audio) << n << " of " << whole.size() << " bytes";
      EXPECT_EQ(audio.error().message.rfind("cut.ogg: the Ogg file was cut short", 0), 0u) << audio.error().message;
    }
  }
}

// Cut between two frames nothing looks damaged: only the header knows that more should come.
TEST(AudioFile, NoCutMakesAFlacFileShorter) {
  const std::string whole = encode(kFlac, 16000, 1, std::vector<float>(16000));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto audio = decode(std::string_view(whole).substr(0, n));
    ASSERT_TRUE(!audio || audio->samples.size() == 16000) << n << " of " << whole.size();
  }
}

TEST(AudioFile, FlippedBytesNeverBreakIt) {
  const auto samples = noise(5, 0.1, 4000);
  Random random(7);
  for (const int format : {kWav16, kWavFloat, kFlac, SF_FORMAT_OGG | SF_FORMAT_OPUS}) {
    const std::string whole = encode(format, 16000, 1, samples);
    for (int k = 0; k < 200; ++k) {
      std::string file = whole;
      const std::size_t reach = k % 2 == 0 ? 64 : file.size();  // every second time the header
      for (int flips = 0; flips < 3; ++flips)
        file[random.below(std::min(reach, file.size()))] = static_cast<char>(random());
      if (const auto audio = decode(file); audio) {
        for (const float x : audio->samples) ASSERT_TRUE(std::isfinite(x));
      }
    }
  }
}

// 25 hours that the header of a sparse file tells of: refused before memory for them is taken.
TEST(AudioFile, MoreThanADayIsRefused) {
  std::string wav = encode(SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 1000, 1, std::vector<float>(8));
  wav.resize(44);
  const std::uint32_t data_bytes = 25 * 3600 * 1000;
  std::memcpy(wav.data() + 40, &data_bytes, 4);
  const std::uint32_t riff_bytes = data_bytes + 36;
  std::memcpy(wav.data() + 4, &riff_bytes, 4);
  wav.resize(44 + std::size_t{data_bytes});
  EXPECT_EQ(reason(wav), "test: 25.0 hours or more of audio, wanted at most 24");
}

TEST(AudioFile, OddRatesAreRefused) {
  EXPECT_THAT(reason(encode(kWav16, 7, 1, std::vector<float>(100))), HasSubstr("a sample rate of 7 Hz"));
  EXPECT_THAT(reason(encode(kWav16, 1000000, 1, std::vector<float>(100))), HasSubstr("a sample rate of 1000000 Hz"));
}

TEST(AudioFile, ReadsFromDisk) {
  const std::string path = testing::TempDir() + "pipit_audio_file_test.flac";
  const auto samples = tone(440, 0.5, 1000);
  ASSERT_TRUE(write_file(path, encode(kFlac, 16000, 1, samples)));
  const auto audio = read_audio(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(audio) << audio.error().message;
  EXPECT_EQ(audio->samples.size(), 1000u);
}

// From disk, a block at a time, comes what comes from memory at once, in every format; and the same refusals.
TEST(AudioReader, ReadsFromDiskWhatIsInMemory) {
  const std::string path = testing::TempDir() + "pipit_audio_reader_test";
  const auto samples = noise(9, 0.2, 150000);
  std::vector<std::string> files;
  for (const int format : {kWav16,
                           kFlac,
                           SF_FORMAT_OGG | SF_FORMAT_OPUS,
                           SF_FORMAT_OGG | SF_FORMAT_VORBIS,
                           SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III})
    for (const int rate : {16000, 48000}) files.push_back(encode(format, rate, 1, samples));
  for (std::size_t k = files.size(); k-- > 0;) files.push_back(files[k].substr(0, files[k].size() / 3));
  files.insert(files.end(), {"", "ID3", "OggS", "a letter"});
  for (const std::string& file : files) {
    ASSERT_TRUE(write_file(path, file));
    const auto whole = decode_audio(bytes_of(file), path);
    auto reader = AudioReader::open(path);
    if (!reader) {
      ASSERT_FALSE(whole);
      EXPECT_EQ(reader.error().message, whole.error().message);
      continue;
    }
    std::vector<float> all, block;
    while (true) {
      block.clear();
      const auto more = reader->read(block);
      EXPECT_LE(block.size(), 20000u);
      all.insert(all.end(), block.begin(), block.end());
      if (!more) {
        ASSERT_FALSE(whole);
        EXPECT_EQ(more.error().message, whole.error().message);
        break;
      }
      if (*more) continue;
      ASSERT_TRUE(whole) << whole.error().message;
      EXPECT_EQ(all, whole->samples);
      block.clear();
      EXPECT_FALSE(*reader->read(block)) << "the end stays the end";
      break;
    }
  }
  std::filesystem::remove(path);
}

TEST(Resample, DoesNotDependOnTheCutAndKeepsTheRatio) {
  const auto samples = noise(11, 0.3, 50000);
  const auto whole = resample(samples, 1.1 * 16000, 16000);
  ASSERT_TRUE(whole);
  EXPECT_NEAR(static_cast<double>(whole->size()), 50000 / 1.1, 1.0);
  Random random(13);
  auto stream = Resampler::create(1.1 * 16000, 16000);
  ASSERT_TRUE(stream);
  std::vector<float> out;
  for (std::span<const float> rest = samples; !rest.empty();) {
    const std::size_t n = std::min<std::size_t>(1 + random.below(700), rest.size());
    ASSERT_TRUE(stream->push(rest.first(n), out));
    rest = rest.subspan(n);
  }
  ASSERT_TRUE(stream->finish(out));
  EXPECT_EQ(out, *whole);
}

// Twice as fast is an octave higher; what would fold back (7 kHz at 0.5 of the rate) is gone: under 2^-20 (20 bits)
// * 4.
TEST(Resample, SpeedMovesToneAndAliasesVanish) {
  const auto fast = resample(tone(440, 0.5, 32000), 32000, 16000);
  ASSERT_TRUE(fast);
  EXPECT_NEAR(amplitude_at(*fast, 880), 0.5, 5e-4);
  const auto folded = resample(tone(14000, 0.5, 64000, 32000), 32000, 16000);
  ASSERT_TRUE(folded);
  EXPECT_LT(amplitude_at(*folded, 2000), 4 * 0x1p-20);
}

}  // namespace
}  // namespace pipit
