// pipit_ngram: a language model of tokens from a text, one sentence a line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <thread>

#include "lm/ngram.h"
#include "subword/units.h"

namespace pipit {
namespace {

struct NgramToolOptions {
  std::vector<std::string> texts;
  std::string units, out, tokens;
  NgramOptions ngram;
  int num_threads = 2;
};

using Sentences = std::vector<std::vector<std::int32_t>>;

Sentences encode(const Units& units, const std::vector<std::string>& lines, int num_threads) {
  Sentences out(lines.size());
  std::vector<std::thread> threads;
  for (int t = 0; t < num_threads; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t k = static_cast<std::size_t>(t); k < lines.size(); k += static_cast<std::size_t>(num_threads))
        out[k] = units.encode(lines[k]);
    });
  for (auto& thread : threads) thread.join();
  return out;
}

// Nats per word of the set `tune` of tokens.tsv.
Status measure(const NgramModel& model, const std::string& path) {
  std::ifstream in(path);
  if (!in) return Error{Code::NotFound, path + ": cannot be read"};
  double nats = 0, words = 0;
  std::vector<float> log_probs(static_cast<std::size_t>(model.tokens()));
  for (std::string line; std::getline(in, line);) {
    std::istringstream cut(line);
    std::string id, set, tokens, text;
    std::getline(cut, id, '\t'), std::getline(cut, set, '\t'), std::getline(cut, tokens, '\t'), std::getline(cut, text);
    if (set != "tune" || text.size() < 60) continue;
    std::istringstream list(tokens);
    std::vector<std::int32_t> context(8, 0);
    for (std::int32_t token; list >> token;) {
      model.log_probs(context, log_probs);
      nats -= static_cast<double>(log_probs[static_cast<std::size_t>(token)]);
      context.push_back(token);
    }
    words += static_cast<double>(std::count(text.begin(), text.end(), ' ')) + 1;
  }
  fmt::print(stderr,
             "longer texts of tune: {:.0f} words, perplexity {:.0f} a word (no end of sentence)\n",
             words,
             std::exp(nats / words));
  return Done{};
}

Status run(const NgramToolOptions& o) {
  const auto units = Units::load(o.units);
  if (!units) return units.error();
  NgramOptions options = o.ngram;
  options.tokens = units->size();
  NgramBuilder builder(options);
  std::size_t num_lines = 0;
  for (const std::string& path : o.texts) {
    std::ifstream in(path);
    if (!in) return Error{Code::NotFound, path + ": cannot be read"};
    std::vector<std::string> lines;
    const auto flush = [&] {
      for (const auto& sentence : encode(*units, lines, o.num_threads))
        if (std::find(sentence.begin(), sentence.end(), 0) == sentence.end()) builder.add(sentence);
      num_lines += lines.size();
      lines.clear();
      fmt::print(stderr, "\r{} lines", num_lines);
    };
    for (std::string line; std::getline(in, line);) {
      if (line.empty()) continue;
      lines.push_back(std::move(line));
      if (lines.size() == 100'000) flush();
    }
    flush();
  }
  fmt::print(stderr, "\n");
  if (const Status done = builder.write(o.out); !done) return done;
  const auto model = NgramModel::open(o.out);
  if (!model) return model.error();
  fmt::print(stderr, "{} entries, {:.1f} MB\n", model->num_entries(), static_cast<double>(model->bytes()) / 1e6);
  return o.tokens.empty() ? Status(Done{}) : measure(*model, o.tokens);
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  pipit::NgramToolOptions o;
  CLI::App app("Counts the tokens of texts, one normalised sentence a line, and writes a language model.");
  app.add_option("TEXTS", o.texts, "text files")->required();
  app.add_option("--units", o.units, "units.model of pipit_units")->required();
  app.add_option("--out", o.out, "model file to write")->required();
  app.add_option("--tokens", o.tokens, "tokens.tsv: tells the perplexity of its set tune");
  app.add_option("--context", o.ngram.context, "longest context, tokens, 1 to 7 (default 6)")->check(CLI::Range(1, 7));
  app.add_option("--least", o.ngram.least_count, "least count of what is kept, by length of context from 0 on");
  app.add_option("--threads", o.num_threads, "1 to 64 (default 2)")->check(CLI::Range(1, 64));
  CLI11_PARSE(app, argc, argv);
  if (const pipit::Status done = pipit::run(o); !done) {
    fmt::print(stderr, "pipit_ngram: {}\n", done.error().message);
    return 1;
  }
  return 0;
}
