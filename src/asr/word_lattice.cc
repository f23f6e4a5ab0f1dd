#include "asr/word_lattice.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <unordered_map>

#include "base/contract.h"
#include "text/pieces.h"

namespace pipit {
namespace {

constexpr std::size_t kMostPartials = 16;

// A word that has begun and may go on.
struct Partial {
  std::int32_t start = 0, first_frame = 0, last_frame = 0;
  std::string pieces;
  double acoustic = 0, label = 0, loss = 0;
};

// The better of two ways to say the same; the likeliest few in all.
void keep_best(std::vector<Partial>& partials) {
  std::stable_sort(
      partials.begin(), partials.end(), [](const Partial& a, const Partial& b) { return a.loss > b.loss; });
  std::vector<Partial> kept;
  for (Partial& one : partials) {
    if (kept.size() == kMostPartials) break;
    if (std::none_of(kept.begin(), kept.end(), [&](const Partial& other) {
          return other.start == one.start && other.pieces == one.pieces;
        }))
      kept.push_back(std::move(one));
  }
  partials = std::move(kept);
}

class Builder {
 public:
  explicit Builder(std::size_t num_places) { out_.frames.resize(num_places); }
  void set_frame(std::int32_t place, std::int32_t frame) { out_.frames[static_cast<std::size_t>(place)] = frame; }
  void add(std::int32_t from, std::int32_t to, const Partial& word, double rest) {
    const std::string text = join_pieces(std::span(&word.pieces, 1));
    out_.arcs.push_back({from,
                         to,
                         text.empty() ? kNoWord : id(text),
                         word.acoustic + rest,
                         word.label,
                         word.first_frame,
                         word.last_frame + 1});
  }
  // In order, one arc for each word between two places, without places that no path goes through.
  Lattice finish() {
    const auto key = [](const LatticeArc& a) { return std::tuple(a.from, a.to, a.word); };
    std::stable_sort(out_.arcs.begin(), out_.arcs.end(), [&](const LatticeArc& a, const LatticeArc& b) {
      return key(a) != key(b) ? key(a) < key(b) : a.acoustic + a.label > b.acoustic + b.label;
    });
    const auto last = std::unique(
        out_.arcs.begin(), out_.arcs.end(), [&](const LatticeArc& a, const LatticeArc& b) { return key(a) == key(b); });
    out_.arcs.erase(last, out_.arcs.end());
    return keep_arcs(out_, std::vector<bool>(out_.arcs.size(), true));
  }

 private:
  std::int32_t id(const std::string& text) {
    const auto [place, added] = ids_.try_emplace(text, static_cast<std::int32_t>(out_.words.size()));
    if (added) out_.words.push_back(text);
    return place->second;
  }
  Lattice out_;
  std::unordered_map<std::string, std::int32_t> ids_;
};

}  // namespace

Lattice word_lattice(const LabelLattice& labels, const std::function<std::string_view(std::int32_t)>& piece) {
  expects(!labels.finals.empty(), "word_lattice: no end");
  const std::size_t num = labels.frames.size();
  // Places between words: the start, and states after which a word begins.
  std::vector<std::int32_t> place(num, -1);
  place[0] = 0;
  for (const auto& arc : labels.arcs)
    if (begins_word(piece(arc.token))) place[static_cast<std::size_t>(arc.from)] = 0;
  std::int32_t num_places = 0;
  for (std::int32_t& p : place)
    if (p == 0) p = num_places++;
  Builder builder(static_cast<std::size_t>(num_places) + 1);  // the last one is the end

  std::vector<std::vector<Partial>> partials(num);
  std::size_t next = 0;
  for (std::size_t s = 0; s < num; ++s) {
    auto& here = partials[s];
    for (; next < labels.arcs.size() && static_cast<std::size_t>(labels.arcs[next].to) == s; ++next) {
      const auto& arc = labels.arcs[next];
      const auto from = static_cast<std::size_t>(arc.from);
      if (from == 0 || begins_word(piece(arc.token))) {
        here.push_back(
            {arc.from, arc.frame, arc.frame, std::string(piece(arc.token)), arc.acoustic, arc.label, arc.loss});
        continue;
      }
      for (const Partial& word : partials[from]) {
        Partial& longer = here.emplace_back(word);
        longer.pieces += piece(arc.token);
        longer.last_frame = std::max(longer.last_frame, arc.frame);
        longer.acoustic += arc.acoustic, longer.label += arc.label, longer.loss += arc.loss;
      }
    }
    keep_best(here);
    if (place[s] < 0) continue;
    builder.set_frame(place[s], s == 0 ? 0 : labels.frames[s] + 1);
    for (const Partial& word : here) builder.add(place[static_cast<std::size_t>(word.start)], place[s], word, 0);
  }
  std::int32_t end_frame = 0;
  for (const auto& final : labels.finals) {
    const auto s = static_cast<std::size_t>(final.state);
    end_frame = std::max(end_frame, s == 0 ? 0 : labels.frames[s] + 1);
    if (s == 0) builder.add(0, num_places, {}, final.log_score);
    for (const Partial& word : partials[s])
      builder.add(place[static_cast<std::size_t>(word.start)], num_places, word, final.log_score);
  }
  builder.set_frame(num_places, end_frame);
  return builder.finish();
}

}  // namespace pipit
