#include "spoken.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "audio/corpus.h"
#include "base/file.h"
#include "base/text.h"
#include "lattice/posteriors.h"
#include "text/edit_distance.h"
#include "view/timeline.h"

namespace pipit {
namespace {

namespace fs = std::filesystem;

/// 16 bits, one channel, 16 kHz.
std::string as_wav(std::span<const float> samples) {
  std::string out;
  const auto put = [&](std::size_t value, int bytes) {
    for (int k = 0; k < bytes; ++k) out += static_cast<char>(value >> (8 * k));
  };
  out += "RIFF", put(36 + 2 * samples.size(), 4), out += "WAVEfmt ", put(16, 4), put(1, 2), put(1, 2);
  put(16000, 4), put(32000, 4), put(2, 2), put(16, 2), out += "data", put(2 * samples.size(), 4);
  for (const float x : samples)
    put(static_cast<std::size_t>(std::lround(32767 * std::clamp(x, -1.0F, 1.0F))) & 0xffff, 2);
  return out;
}

Result<std::vector<Spoken>> read_sentences() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  for (fs::path folder = program.parent_path(); folder != folder.root_path(); folder = folder.parent_path())
    for (const char* place : {"share/pipit/spoken", "examples/spoken"}) {
      const fs::path list = folder / place / "said.tsv";
      if (!fs::is_regular_file(list, ignored)) continue;
      const auto text = read_file(list);
      if (!text) return text.error();
      std::vector<Spoken> out;
      Lines lines(*text);
      while (const auto line = lines.next()) {
        const auto first = line->find('\t'), second = line->find('\t', first + 1);
        if (line->starts_with('#') || second == std::string_view::npos) continue;
        Spoken one{.name = std::string(line->substr(0, first)),
                   .said = std::string(line->substr(first + 1, second - first - 1)),
                   .origin = "synthetic: " + std::string(line->substr(second + 1)),
                   .audio = {},
                   .heard = {}};
        auto audio = read_audio(folder / place / one.name);
        if (!audio) return audio.error();
        one.audio = std::move(*audio);
        out.push_back(std::move(one));
      }
      return out;
    }
  return Error{Code::NotFound, "examples/spoken/said.tsv: not above the program, nor in share/pipit/spoken"};
}

// The shortest dev clip that has ten words: shown where it is at hand, kept nowhere.
std::optional<Spoken> dev_clip() {
  const char* named = std::getenv("PIPIT_DATA");
  const std::string folder = std::string(named != nullptr && *named != '\0' ? named : "../shared/data") + "/speech/asr";
  const auto clips = read_manifest(folder + "/manifest.tsv");
  const auto shard = TarShard::open(folder + "/dev.tar");
  if (!clips || !shard) return std::nullopt;
  const Clip* shortest = nullptr;
  for (const Clip& clip : *clips)
    if (clip.split == "dev" && split_words(clip.text).size() >= 10 &&
        (shortest == nullptr || clip.duration_s < shortest->duration_s))
      shortest = &clip;
  if (shortest == nullptr) return std::nullopt;
  const auto bytes = shard->member(shortest->member);
  if (!bytes) return std::nullopt;
  auto audio = decode_audio(*bytes, shortest->member);
  if (!audio) return std::nullopt;
  return Spoken{shortest->id,
                shortest->text,
                "a reader of LibriSpeech never heard in training (CC BY 4.0)",
                std::move(*audio),
                {}};
}

// The lattice over time: its arcs that say one word at about one time are one box, whose weight is their posterior.
std::vector<TimedLabel> boxes(const Heard& heard, double step_s) {
  std::vector<TimedLabel> out;
  for (const Word& word : heard.best.words) out.push_back({word.text, word.start_s, word.end_s, word.confidence, true});
  const auto likely = posteriors(heard.lattice, {PosteriorScale().sharp, PosteriorScale().sharp});
  for (std::size_t a = 0; a < heard.lattice.arcs.size(); ++a) {
    const LatticeArc& arc = heard.lattice.arcs[a];
    if (arc.word == kNoWord) continue;
    const std::string& text = heard.lattice.words[static_cast<std::size_t>(arc.word)];
    const double start_s = step_s * arc.start_frame, end_s = step_s * arc.end_frame;
    const auto same = std::find_if(out.begin(), out.end(), [&](const TimedLabel& box) {
      return box.text == text && box.start_s < end_s + 0.1 && start_s < box.end_s + 0.1;
    });
    if (same == out.end())
      out.push_back({text, start_s, end_s, likely.arc[a], false});
    else if (!same->chosen)
      same->weight += likely.arc[a];
  }
  std::erase_if(out, [](const TimedLabel& box) { return !box.chosen && box.weight < 0.02; });
  return out;
}

std::string wrong(const Spoken& one) {
  const EditCounts edits = count_edits(one.said, one.heard.best.text());
  return fmt::format("{} of {} words wrong", edits.errors(), edits.num_reference());
}

}  // namespace

Result<std::vector<Spoken>> hear_spoken() {
  auto all = read_sentences();
  if (!all) return all.error();
  const auto ears = load_ears({});
  if (!ears) return ears.error();
  if (auto clip = dev_clip()) all->push_back(std::move(*clip));
  const double step_s = 0.01 * static_cast<double>(ears->model->sizes().stack);
  for (Spoken& one : *all)
    one.step_s = step_s, one.heard = hear(*ears, one.audio, {.confidence = true, .lattice = true});
  return all;
}

std::string spoken_line(const Spoken& one) {
  return fmt::format("{}: {} ({})", one.name, one.heard.best.text(), wrong(one));
}

void add_spoken(Report& page, const std::vector<Spoken>& all) {
  page.heading("What Pipit hears");
  page.paragraph(
      "Sentences to listen to, and what the recogniser made of them, on one core of this machine. Where the sound is "
      "synthetic, a machine speaks; such sound is for showing, never for judging.");
  for (const Spoken& one : all) {
    page.sound(as_wav(one.audio.samples), fmt::format("{}, {}", one.name, one.origin));
    page.code(fmt::format("said   {}\nheard  {}", one.said, one.heard.best.text()));
    page.paragraph(fmt::format("{}; {:.1f} s of sound heard in {:.0f} ms.",
                               wrong(one),
                               one.heard.seconds_audio,
                               1e3 * one.heard.seconds_compute));
    page.drawing(
        timeline_svg("words over time", boxes(one.heard, one.step_s), one.audio.samples, one.audio.seconds()),
        "The lattice over time. Above: the words that were taken. Below: others that it has there. The darker, the "
        "likelier.");
    Table table{.columns = {{.name = "word"},
                            {.name = "from", .unit = "s", .decimals = 2},
                            {.name = "to", .unit = "s", .decimals = 2},
                            {.name = "confidence", .decimals = 2}},
                .rows = {}};
    for (const Word& word : one.heard.best.words)
      table.rows.push_back({word.text, word.start_s, word.end_s, word.confidence});
    page.table(table);
  }
}

}  // namespace pipit
