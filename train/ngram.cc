// pipit_ngram: a language model of words, and of the pieces they are made of, from texts with one sentence a line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <unordered_map>

#include "lm/word_ngram.h"
#include "subword/units.h"
#include "train/shared_runs.h"

namespace pipit {
namespace {

constexpr int kRun = 8;  // words in a row that a sentence may not share with dev

struct NgramToolOptions {
  std::vector<std::string> texts;
  std::string units, out, tokens;
  std::size_t num_words = 50'000;
  double weight = 1;  // of the training transcripts
  int join = 1;       // lines of a text that are one sentence
  WordNgramOptions ngram;
};

struct Transcript {
  std::string set, text;
  std::vector<std::int32_t> tokens;
};

Result<std::vector<Transcript>> read_transcripts(const std::string& path) {
  std::vector<Transcript> out;
  if (path.empty()) return out;
  std::ifstream in(path);
  if (!in) return Error{Code::NotFound, path + ": cannot be read"};
  for (std::string line; std::getline(in, line);) {
    std::istringstream cut(line);
    std::string id, tokens;
    Transcript& t = out.emplace_back();
    std::getline(cut, id, '\t'), std::getline(cut, t.set, '\t'), std::getline(cut, tokens, '\t');
    std::getline(cut, t.text);
    std::istringstream list(tokens);
    for (std::int32_t token; list >> token;) t.tokens.push_back(token);
  }
  return out;
}

// Calls word(text) for every word of a line.
template <class F>
void for_words(std::string_view line, F word) {
  for (std::size_t first = 0, last = 0; first < line.size(); first = last + 1) {
    last = std::min(line.find(' ', first), line.size());
    if (last > first) word(line.substr(first, last - first));
  }
}
template <class F>
Status for_lines(const std::vector<std::string>& paths, F f) {
  for (const std::string& path : paths) {
    std::ifstream in(path);
    if (!in) return Error{Code::NotFound, path + ": cannot be read"};
    for (std::string line; std::getline(in, line);) f(line);
  }
  return Done{};
}

// The words that get a number: the commonest of the texts and all of the transcripts, by their pieces.
struct Vocabulary {
  std::vector<std::vector<std::int32_t>> pieces;
  std::unordered_map<std::string, std::int32_t> number;
};
Result<Vocabulary> choose_words(const NgramToolOptions& o, const Units& units, const std::vector<Transcript>& known) {
  std::unordered_map<std::string, std::int64_t> count;
  std::string key;
  const Status read = for_lines(
      o.texts, [&](const std::string& line) { for_words(line, [&](std::string_view w) { ++count[key = w]; }); });
  if (!read) return read.error();
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  for (const auto& [word, n] : count) sorted.push_back({-n, word});
  std::sort(sorted.begin(), sorted.end());
  if (sorted.size() > o.num_words) sorted.resize(o.num_words);
  std::map<std::vector<std::int32_t>, std::string> chosen;
  const auto choose = [&](const std::string& word) {
    auto pieces = units.encode(word);
    if (!pieces.empty() && pieces.size() <= WordTrie::kLongest &&
        std::find(pieces.begin(), pieces.end(), 0) == pieces.end())
      chosen.emplace(std::move(pieces), word);
  };
  for (const auto& [n, word] : sorted) choose(word);
  for (const Transcript& t : known)
    if (t.set == "train") for_words(t.text, [&](std::string_view w) { choose(std::string(w)); });
  Vocabulary out;
  for (auto& [pieces, word] : chosen) {
    out.number.emplace(word, static_cast<std::int32_t>(out.pieces.size()));
    out.pieces.push_back(pieces);
  }
  return out;
}

// Nats per word of a set of transcripts, piece by piece as a search would ask.
void measure(const LabelPrior& model, const std::vector<Transcript>& transcripts, const std::string& set) {
  double nats = 0, words = 0;
  std::vector<float> log_probs(static_cast<std::size_t>(model.tokens()));
  for (const Transcript& t : transcripts) {
    if (t.set != set || t.text.size() < 60) continue;
    std::uint64_t state = model.start();
    for (const std::int32_t token : t.tokens) {
      model.log_probs_after(state, log_probs);
      nats -= static_cast<double>(log_probs[static_cast<std::size_t>(token)]);
      state = model.next(state, token);
    }
    words += static_cast<double>(std::count(t.text.begin(), t.text.end(), ' ')) + 1;
  }
  fmt::print(stderr,
             "longer texts of {}: {:.0f} words, perplexity {:.1f} a word (no end of sentence, unknown words spelled)\n",
             set,
             words,
             std::exp(nats / words));
}

Status run(const NgramToolOptions& o) {
  const auto units = Units::load(o.units);
  if (!units) return units.error();
  const auto transcripts = read_transcripts(o.tokens);
  if (!transcripts) return transcripts.error();
  const auto vocabulary = choose_words(o, *units, *transcripts);
  if (!vocabulary) return vocabulary.error();
  std::vector<std::uint8_t> begins;
  for (const std::string& piece : units->pieces()) begins.push_back(begins_word(piece) ? 1 : 0);
  WordNgramBuilder builder(std::move(begins), vocabulary->pieces, o.ngram);
  const auto unknown = static_cast<std::int32_t>(vocabulary->pieces.size());
  std::vector<std::int32_t> sentence;
  std::string key;
  SharedRuns dev{kRun};  // is reported on: nothing of it is learnt
  for (const Transcript& t : *transcripts)
    if (t.set == "dev") dev.add(t.text);
  std::size_t left_out = 0;
  const auto add = [&](const std::string& line, double weight) {
    if (dev.count(line) > 0) return void(++left_out);
    sentence.clear();
    for_words(line, [&](std::string_view word) {
      const auto found = vocabulary->number.find(key = word);
      sentence.push_back(found == vocabulary->number.end() ? unknown : found->second);
      if (sentence.back() != unknown) return;
      const auto pieces = units->encode(word);
      if (!pieces.empty() && std::find(pieces.begin(), pieces.end(), 0) == pieces.end()) builder.add_spelling(pieces);
    });
    builder.add(sentence, weight);
  };
  std::string joined;
  int lines = 0;
  const Status read = for_lines(o.texts, [&](const std::string& line) {
    joined += line + ' ';
    if (++lines < o.join && !line.empty()) return;
    add(joined, 1);
    joined.clear(), lines = 0;
  });
  if (!read) return read;
  add(joined, 1);
  if (o.weight > 0)
    for (const Transcript& t : *transcripts)
      if (t.set == "train") add(t.text, o.weight);
  fmt::print(stderr, "{} sentences left out that share {} words with dev\n", left_out, kRun);
  if (const Status done = WordNgramBuilder::write(builder.build(), o.out); !done) return done;
  const auto model = WordNgramModel::open(o.out);
  if (!model) return model.error();
  fmt::print(stderr,
             "{} words, {} contexts, {} entries, {:.1f} MB in memory\n",
             model->num_words(),
             model->num_contexts(),
             model->num_entries(),
             static_cast<double>(model->bytes()) / 1e6);
  for (const char* set : {"tune", "dev"}) measure(*model, *transcripts, set);
  return Done{};
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  pipit::NgramToolOptions o;
  CLI::App app("Counts the words of texts, one normalised sentence a line, and writes a language model.");
  app.add_option("TEXTS", o.texts, "text files")->required();
  app.add_option("--units", o.units, "units.model of pipit_units")->required();
  app.add_option("--out", o.out, "model file to write")->required();
  app.add_option(
      "--tokens", o.tokens, "tokens.tsv of pipit_units: its set train is text too, tune and dev are measured");
  app.add_option("--weight", o.weight, "how often each sentence of train counts (default 1)")
      ->check(CLI::Range(0.0, 1e4));
  app.add_option("--join", o.join, "lines that are read as one sentence, as a speaker might (default 1)");
  app.add_option("--words", o.num_words, "so many of the texts' words, the commonest")->check(CLI::Range(1, 65'000));
  app.add_option("--context", o.ngram.context, "words before that are looked at (default 2)")->check(CLI::Range(1, 3));
  app.add_option("--discount", o.ngram.discount, "taken off every count (default 0.8)")->check(CLI::Range(0.0, 1.0));
  app.add_option("--least-gain", o.ngram.least_gain, "nats that a listed word must save, by length of context from 1");
  CLI11_PARSE(app, argc, argv);
  if (const pipit::Status done = pipit::run(o); !done) {
    fmt::print(stderr, "pipit_ngram: {}\n", done.error().message);
    return 1;
  }
  return 0;
}
