// pipit_units: subword units of the training texts, and every clip's tokens.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "audio/corpus.h"
#include "base/file.h"
#include "subword/units.h"

namespace pipit {
namespace {

struct UnitsOptions {
  std::string manifest, tune, out;
  int size = 256;
};

Status run(const UnitsOptions& o) {
  const auto clips = read_manifest(o.manifest);
  if (!clips) return clips.error();
  const auto tune = read_speakers(o.tune);
  if (!tune) return tune.error();
  const auto set_of = [&](const Clip& clip) {
    return clip.split != "train" ? clip.split : tune->contains(clip.speaker) ? "tune" : "train";
  };
  std::vector<std::string> lines;
  for (const Clip& clip : *clips)
    if (set_of(clip) == "train") lines.push_back(clip.text);
  std::error_code ignored;
  std::filesystem::create_directories(o.out, ignored);
  const std::string model = o.out + "/units.model";
  if (const Status done = Units::train(lines, o.size, model); !done) return done;
  const auto units = Units::load(model);
  if (!units) return units.error();
  std::string table = "id\tset\ttokens\ttext\n", pieces;
  std::size_t tokens = 0, words = 0;
  for (const Clip& clip : *clips) {
    const auto ids = units->encode(clip.text);
    table += fmt::format("{}\t{}\t{}\t{}\n", clip.id, set_of(clip), fmt::join(ids, " "), clip.text);
    tokens += ids.size();
    words += static_cast<std::size_t>(std::count(clip.text.begin(), clip.text.end(), ' ')) + 1;
  }
  for (const std::string& piece : units->pieces()) pieces += piece + '\n';
  fmt::print(stderr,
             "{} units of {} lines; {:.2f} tokens a word\n",
             units->size(),
             lines.size(),
             static_cast<double>(tokens) / static_cast<double>(words));
  if (const Status done = write_file(o.out + "/pieces.txt", pieces); !done) return done;
  return write_file(o.out + "/tokens.tsv", table);
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  pipit::UnitsOptions o;
  CLI::App app("Trains subword units on the texts of a manifest's training clips, and writes every clip's tokens.");
  app.add_option("--manifest", o.manifest, "manifest.tsv")->required();
  app.add_option("--tune", o.tune, "file of the speakers that are left out, one a line")->required();
  app.add_option("--size", o.size, "units, the blank among them (default 256)")->check(CLI::Range(30, 8192));
  app.add_option("--out", o.out, "folder for units.model, pieces.txt and tokens.tsv")->required();
  CLI11_PARSE(app, argc, argv);
  if (const pipit::Status done = pipit::run(o); !done) {
    fmt::print(stderr, "pipit_units: {}\n", done.error().message);
    return 1;
  }
  return 0;
}
