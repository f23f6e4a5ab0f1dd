// pipit_units — trains the subword units on the texts of the training clips, and writes the token ids of every clip.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "text/normalise.h"
#include "text/units.h"

namespace pipit {
namespace {

struct Options {
  std::string manifest, tune = "train/tune_speakers.txt", out;
  int size = 256;
};

struct Clip {
  std::string id, set, text;
};

std::vector<std::string_view> columns(std::string_view line) {
  std::vector<std::string_view> out;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find('\t', begin), line.size());
    out.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

/// One speaker a line, '#' begins a comment.
Result<std::set<std::string, std::less<>>> read_speakers(const std::string& path) {
  const auto content = read_file(path);
  if (!content) return content.error();
  std::set<std::string, std::less<>> speakers;
  Lines lines(*content);
  while (const auto line = lines.next()) {
    const std::string_view id = Fields(line->substr(0, line->find('#'))).next();
    if (!id.empty()) speakers.emplace(id);
  }
  return speakers;
}

Result<std::vector<Clip>> read_clips(const Options& o) {
  const auto tune = read_speakers(o.tune);
  if (!tune) return tune.error();
  const auto content = read_file(o.manifest);
  if (!content) return content.error();
  Lines lines(*content);
  const auto header = columns(lines.next().value_or(""));
  std::array<std::size_t, 4> at{};
  constexpr std::array<std::string_view, 4> kNames = {"utt", "speaker", "split", "text"};
  for (std::size_t k = 0; k < kNames.size(); ++k) {
    at[k] = static_cast<std::size_t>(std::find(header.begin(), header.end(), kNames[k]) - header.begin());
    if (at[k] == header.size())
      return Error{Code::BadFormat, fmt::format("{}:1: no column '{}' in the header", o.manifest, kNames[k])};
  }
  std::set<std::string, std::less<>> missing = *tune;
  std::vector<Clip> clips;
  while (const auto line = lines.next()) {
    const auto fields = columns(*line);
    if (fields.size() != header.size())
      return Error{Code::BadFormat,
                   fmt::format("{}:{}: {} columns, want {}", o.manifest, lines.number(), fields.size(), header.size())};
    const std::string_view speaker = fields[at[1]], split = fields[at[2]];
    if (split != "train" && split != "dev")
      return Error{Code::BadFormat,
                   fmt::format("{}:{}: split '{}', want train or dev", o.manifest, lines.number(), split)};
    const bool tuned = split == "train" && tune->contains(speaker);
    if (tuned) missing.erase(std::string(speaker));
    clips.push_back({std::string(fields[at[0]]), tuned ? "tune" : std::string(split), normalise(fields[at[3]])});
  }
  if (!missing.empty())
    return Error{Code::BadFormat,
                 fmt::format("{}: {} has no training clip in {}", o.tune, *missing.begin(), o.manifest)};
  return clips;
}

Status run(const Options& o) {
  const auto clips = read_clips(o);
  if (!clips) return clips.error();
  std::vector<std::string> texts;
  for (const Clip& clip : *clips)
    if (clip.set == "train") texts.push_back(clip.text);
  std::error_code failed;
  std::filesystem::create_directories(o.out, failed);
  if (failed) return Error{Code::Io, o.out + ": " + failed.message()};
  const std::string model = o.out + "/units.model";
  if (const Status done = Units::train(texts, o.size, model); !done) return done;
  const auto units = Units::load(model);
  if (!units) return units.error();

  std::string table = "id\tset\ttokens\ttext\n";
  std::size_t num_tokens = 0;
  for (const Clip& clip : *clips) {
    const auto ids = units->encode(clip.text);
    num_tokens += ids.size();
    table += fmt::format("{}\t{}\t{}\t{}\n", clip.id, clip.set, fmt::join(ids, " "), clip.text);
  }
  if (const Status done = write_file(o.out + "/tokens.tsv", table); !done) return done;
  fmt::print("{} units from {} texts; {} clips, {} tokens: {}/tokens.tsv\n",
             units->size(),
             texts.size(),
             clips->size(),
             num_tokens,
             o.out);
  return Done{};
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  pipit::Options o;
  CLI::App app("trains subword units on the training texts and writes the token ids of every clip");
  app.add_option("--manifest", o.manifest, "table of the clips: utt, speaker, split, text, ...")->required();
  app.add_option("--size", o.size, "number of units, the blank among them")
      ->check(CLI::Range(30, 100000))
      ->capture_default_str();
  app.add_option("--tune", o.tune, "speakers to leave out, one a line")->capture_default_str();
  app.add_option("--out", o.out, "folder for units.model and tokens.tsv")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& wrong) {
    fmt::print(stderr, "pipit_units: {}\n", wrong.what());
    return 2;
  }
  if (const auto done = pipit::run(o); !done) {
    fmt::print(stderr, "pipit_units: {}\n", done.error().message);
    return 1;
  }
}
