// The best alignment of every path by going through all labellings of all frames, against the search.
#include "phones/second_look.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "lattice/random_lattice.h"

namespace pipit {
namespace {

constexpr std::size_t kPhones = 3;  // blank, X, Y
const std::vector<std::string> kNames = {"", "X", "Y"};
constexpr double kNever = -std::numeric_limits<double>::infinity();

Lexicon lexicon_of(std::string_view text) {
  auto out = Lexicon::parse(text, "test", kNames);
  EXPECT_TRUE(out) << out.error().message;
  return std::move(*out);
}

std::vector<float> random_phones(int frames, Random& random) {
  std::vector<float> out;
  for (int t = 0; t < frames; ++t) {
    double sum = 0, x[kPhones];
    for (double& p : x) sum += p = random.uniform(0.01, 1);
    for (const double p : x) out.push_back(static_cast<float>(std::log(p / sum)));
  }
  return out;
}

// What is left of frames [begin, end) of a labelling when repeats go, then blanks.
std::vector<std::uint8_t> collapsed(const std::vector<std::uint8_t>& labels, int begin, int end) {
  std::vector<std::uint8_t> out;
  for (int t = begin; t < end; ++t) {
    const auto k = static_cast<std::size_t>(t);
    if (labels[k] != 0 && (t == begin || labels[k] != labels[k - 1])) out.push_back(labels[k]);
  }
  return out;
}

// Log probability of the best labelling of all frames that can be cut into what the words of a path sound like;
// boundary k of the path at most `slack` frames from where the lattice has it.
double best_labelling(const Lattice& lattice,
                      const LatticePath& path,
                      const std::vector<float>& phones,
                      const Lexicon& lexicon,
                      const SecondLookOptions& o) {
  const int F = static_cast<int>(phones.size() / kPhones);
  double best = kNever;
  std::vector<std::uint8_t> labels(static_cast<std::size_t>(F));
  std::size_t count = 1;
  for (int t = 0; t < F; ++t) count *= kPhones;
  for (std::size_t code = 0; code < count; ++code) {
    std::size_t rest = code;
    for (auto& label : labels) label = static_cast<std::uint8_t>(rest % kPhones), rest /= kPhones;
    // score[t]: of the arcs so far, with boundary t after them.
    std::map<int, double> score = {{0, 0.0}};
    for (const std::int32_t a : path.arcs) {
      const LatticeArc& arc = lattice.arcs[static_cast<std::size_t>(a)];
      const bool last = arc.to + 1 == lattice.num_states();
      std::map<int, double> next;
      for (const auto& [begin, before] : score)
        for (int end = begin; end <= F; ++end) {
          if (last ? end != F : std::abs(end - 2 * lattice.frames[static_cast<std::size_t>(arc.to)]) > o.slack_frames)
            continue;
          double sum = 0, likeliest = 0;
          for (int t = begin; t < end; ++t) {
            const float* p = &phones[static_cast<std::size_t>(t) * kPhones];
            sum += static_cast<double>(p[labels[static_cast<std::size_t>(t)]]);
            likeliest += static_cast<double>(*std::max_element(p, p + kPhones)) - o.unknown;
          }
          const std::vector<std::uint8_t> sound = collapsed(labels, begin, end);
          double here = kNever;
          if (arc.word == kNoWord) {
            if (sound.empty()) here = sum;
          } else {
            const auto ways = lexicon(lattice.words[static_cast<std::size_t>(arc.word)]);
            if (ways.empty() && end > begin) here = likeliest;
            for (const Pronunciation way : ways)
              if (std::ranges::equal(way, sound)) here = sum;
          }
          if (here == kNever) continue;
          auto& into = next.try_emplace(end, kNever).first->second;
          into = std::max(into, before + o.weight * here);
        }
      score = std::move(next);
    }
    if (const auto end = score.find(F); end != score.end()) best = std::max(best, end->second);
  }
  return best;
}

TEST(SecondLook, FindsTheBestAlignmentOfTheBestPathAndOfEveryArcs) {
  Random random(7);
  int looked = 0;
  for (int round = 0; round < 60; ++round) {
    Lattice lattice = random_lattice(random);
    if (lattice.frames.back() > 4 || lattice.frames.back() == 0) continue;  // 3^8 labellings are enough
    const int F = 2 * lattice.frames.back();
    const auto phones = random_phones(F, random);
    // A in two ways, B with a repeat, C short; D is a word that nobody knows.
    const Lexicon lexicon = lexicon_of("A\tX Y\nA\tY\nB\tX X\nC\tX\n");
    const SecondLookOptions o{.acoustic = 0.9, .weight = 0.7, .unknown = 0.4, .slack_frames = round % 2 == 0 ? 100 : 1};
    double best = kNever;
    std::vector<double> of_arc(lattice.arcs.size(), kNever);
    for (const LatticePath& path : all_paths(lattice, {o.acoustic, 1})) {
      const double score = path.score + best_labelling(lattice, path, phones, lexicon, o);
      best = std::max(best, score);
      for (const std::int32_t a : path.arcs)
        of_arc[static_cast<std::size_t>(a)] = std::max(of_arc[static_cast<std::size_t>(a)], score);
    }
    const Lattice seen = second_look(lattice, phones, kPhones, lexicon, o);
    if (best == kNever) {
      EXPECT_EQ(seen, lattice) << "too little sound for any path: nothing changes";
      continue;
    }
    ++looked;
    ASSERT_TRUE(check(seen));
    EXPECT_NEAR(best_path(seen).score, best, 1e-6);  // phones are fp32, and go through in another order
    // Arcs come in the same order, those without an alignment are gone.
    std::size_t a = 0;
    for (std::size_t k = 0; k < lattice.arcs.size(); ++k) {
      if (of_arc[k] == kNever) continue;
      ASSERT_LT(a, seen.arcs.size());
      EXPECT_EQ(seen.arcs[a].label, lattice.arcs[k].label);
      double through = kNever;
      for (const LatticePath& path : all_paths(seen))
        if (std::find(path.arcs.begin(), path.arcs.end(), static_cast<std::int32_t>(a)) != path.arcs.end())
          through = std::max(through, path.score);
      EXPECT_NEAR(through, of_arc[k], 1e-6) << "arc " << k << " of round " << round;
      ++a;
    }
    EXPECT_EQ(a, seen.arcs.size());
  }
  EXPECT_GT(looked, 20);
}

TEST(SecondLook, WithoutWeightEveryPathKeepsItsScore) {
  Random random(8);
  for (int round = 0; round < 50; ++round) {
    const Lattice lattice = random_lattice(random);
    const auto phones = random_phones(2 * lattice.frames.back(), random);
    const Lattice seen =
        second_look(lattice, phones, kPhones, Lexicon(), {.acoustic = 1, .weight = 0, .slack_frames = 100});
    if (seen.arcs.size() != lattice.arcs.size()) continue;  // a word has at least a frame
    EXPECT_NEAR(best_path(seen).score, best_path(lattice).score, 1e-9);
    EXPECT_EQ(best_path(seen).arcs, best_path(lattice).arcs);
  }
}

TEST(SecondLook, ChoosesTheWordThatWasSaid) {
  // Two words as likely as each other; the phones say Y.
  const Lattice lattice{{"A", "B"}, {0, 2}, {{0, 1, 0, -1.0, 0, 0, 2}, {0, 1, 1, -1.1, 0, 0, 2}}};
  const float none = std::log(0.8F), some = std::log(0.1F);
  const std::vector<float> phones = {none, some, some, some, some, none, some, some, none, none, some, some};
  const Lattice seen = second_look(
      {lattice.words, {0, 2}, lattice.arcs}, std::span(phones).first(12), kPhones, lexicon_of("A\tX\nB\tY\n"), {});
  EXPECT_EQ(path_text(seen, best_path(seen).arcs), "B");
}

TEST(Lexicon, SaysWhereALineIsWrong) {
  const auto wrong = [](std::string_view text) {
    const auto out = Lexicon::parse(text, "words.txt", kNames);
    return out ? std::string("fine") : out.error().message;
  };
  EXPECT_EQ(wrong("A\tX\nB"), "words.txt:2: wanted a word, a tab, and phones, found 'B'");
  EXPECT_EQ(wrong("A\tX\n\nB\tX\n"), "words.txt:2: wanted a word, a tab, and phones, found ''");
  EXPECT_EQ(wrong("A\tX  Y\n"), "words.txt:1: the model tells no phone ''");
  EXPECT_EQ(wrong("A\tX Q\x1b\n"), "words.txt:1: the model tells no phone 'Q?'");
  EXPECT_EQ(wrong("a\tX\n"), "words.txt:1: wanted a word of letters A to Z and apostrophes, found 'a'");
  EXPECT_EQ(wrong("A\tX Y\nA\tY\nB\tX"), "fine");
  EXPECT_EQ(wrong(""), "words.txt: no word in it");
  std::string tall = "A\t";
  for (int k = 0; k < 61; ++k) tall += "X ";
  EXPECT_EQ(wrong(tall), "words.txt:1: more than 60 phones");
  const Lexicon two = lexicon_of("A\tX Y\nA\tY\nB\tX\n");
  ASSERT_EQ(two("A").size(), 2u);
  EXPECT_TRUE(std::ranges::equal(two("A")[0], std::vector<std::uint8_t>{1, 2}));
  EXPECT_TRUE(std::ranges::equal(two("A")[1], std::vector<std::uint8_t>{2}));
  EXPECT_EQ(two("B").size(), 1u);
  EXPECT_TRUE(two("C").empty());
  EXPECT_TRUE(two("").empty());
  EXPECT_EQ(lexicon_of("B\tX\nA\tX Y\nB\tY\n")("B").size(), 2u) << "lines in any order";
  EXPECT_EQ(wrong(std::string(101, 'A') + "\tX"), "words.txt:1: a word of more than 100 letters");
}

}  // namespace
}  // namespace pipit
