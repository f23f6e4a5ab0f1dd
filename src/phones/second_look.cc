#include "phones/second_look.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/contract.h"

namespace pipit {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// Scores of one state, by the number of frames that lie before it; never outside of [begin, end).
struct Window {
  int begin = 0, end = 0;
  std::vector<double> score = {};
  double at(int t) const { return t < begin || t >= end ? kNever : score[static_cast<std::size_t>(t - begin)]; }
  void better(int t, double s) {
    if (t < begin || t >= end) return;
    double& own = score[static_cast<std::size_t>(t - begin)];
    own = std::max(own, s);
  }
};

class Look {
 public:
  Look(const Lattice& lattice,
       std::span<const float> phones,
       std::size_t num_phones,
       const Lexicon& lexicon,
       const SecondLookOptions& options)
      : lattice_(lattice), phones_(phones), P_(num_phones), options_(options) {
    frames_ = static_cast<int>(phones.size() / num_phones);
    for (const std::string& word : lattice.words) ways_.push_back(lexicon(word));
    for (int t = 0; t < frames_; ++t)
      likeliest_.push_back(*std::max_element(phones.begin() + static_cast<std::ptrdiff_t>(t * P_),
                                             phones.begin() + static_cast<std::ptrdiff_t>((t + 1) * P_)));
  }

  Lattice run() {
    const auto n = static_cast<std::size_t>(lattice_.num_states());
    before_ = windows(), after_ = windows();
    before_[0].better(0, 0);
    after_[n - 1].better(frames_, 0);
    for (const LatticeArc& arc : lattice_.arcs) {
      Window& to = before_[static_cast<std::size_t>(arc.to)];
      through(arc, before_[static_cast<std::size_t>(arc.from)], to, true, [&](int t, double s) {
        to.better(t, s + own(arc));
      });
    }
    // Backwards, and the best path through each arc.
    std::vector<double> best(lattice_.arcs.size(), kNever);
    for (std::size_t a = lattice_.arcs.size(); a-- > 0;) {
      const LatticeArc& arc = lattice_.arcs[a];
      const Window& from_start = before_[static_cast<std::size_t>(arc.from)];
      Window& from = after_[static_cast<std::size_t>(arc.from)];
      through(arc, after_[static_cast<std::size_t>(arc.to)], from, false, [&](int t, double s) {
        const double score = s + own(arc);
        from.better(t, score);
        best[a] = std::max(best[a], score + from_start.at(t));
      });
    }
    return with_scores(best);
  }

 private:
  std::vector<Window> windows() const {
    std::vector<Window> out;
    for (std::int32_t s = 0; s < lattice_.num_states(); ++s) {
      const int at = 2 * lattice_.frames[static_cast<std::size_t>(s)];
      Window one{std::max(0, at - options_.slack_frames), std::min(frames_, at + options_.slack_frames) + 1};
      if (s == 0) one.begin = 0, one.end = 1;
      if (s + 1 == lattice_.num_states()) one.begin = frames_, one.end = frames_ + 1;
      one.begin = std::min(one.begin, frames_);
      one.score.assign(static_cast<std::size_t>(std::max(0, one.end - one.begin)), kNever);
      out.push_back(std::move(one));
    }
    return out;
  }

  double own(const LatticeArc& arc) const { return options_.acoustic * arc.acoustic + arc.label; }
  double phone(int t, std::size_t p) const { return options_.weight * phones_[static_cast<std::size_t>(t) * P_ + p]; }

  // Calls arrive(t, score) for every boundary at the arc's other side, of the best alignment from those of `from`:
  // forwards from the arc's start to its end, or backwards, with boundaries, phones and frames in reverse.
  template <class Arrive>
  void through(const LatticeArc& arc, const Window& from, const Window& to, bool forwards, const Arrive& arrive) {
    if (arc.word == kNoWord) {
      walk({}, from, to, forwards, arrive);
      return;
    }
    const auto& ways = ways_[static_cast<std::size_t>(arc.word)];
    if (ways.empty()) walk_unknown(from, to, forwards, arrive);
    for (const Pronunciation way : ways) walk(way, from, to, forwards, arrive);
  }

  // States of CTC: blank, first phone, blank, second phone .. blank.
  template <class Arrive>
  void walk(Pronunciation way, const Window& from, const Window& to, bool forwards, const Arrive& arrive) {
    const std::size_t n = 2 * way.size() + 1;
    const auto phone_of = [&](std::size_t k) {
      return k % 2 == 0 ? 0 : forwards ? way[k / 2] : way[way.size() - 1 - k / 2];
    };
    state_.assign(n, kNever);
    // Boundaries are walked from the near to the far one; before frame t is boundary t, after it t + 1.
    const int first = forwards ? from.begin : from.end - 1, last = forwards ? to.end - 1 : to.begin;
    const int by = forwards ? 1 : -1;
    if (way.empty())
      for (int t = first; (last - t) * by >= 0; t += by)
        if (from.at(t) > kNever) arrive(t, from.at(t));
    for (int t = first; (last - t) * by > 0; t += by) {
      const int frame = forwards ? t : t - 1;
      const double enters = from.at(t);
      for (std::size_t k = n; k-- > 0;) {
        double s = state_[k];
        if (k > 0) s = std::max(s, state_[k - 1]);
        if (k > 1 && k % 2 == 1 && phone_of(k) != phone_of(k - 2)) s = std::max(s, state_[k - 2]);
        if (k < 2) s = std::max(s, enters);
        state_[k] = s == kNever ? kNever : s + phone(frame, phone_of(k));
      }
      const double out = n == 1 ? state_[0] : std::max(state_[n - 1], state_[n - 2]);
      if (out > kNever) arrive(t + by, out);
    }
  }

  // A word of unknown sound: at least one frame, any phones, and something off for not knowing.
  template <class Arrive>
  void walk_unknown(const Window& from, const Window& to, bool forwards, const Arrive& arrive) {
    const int first = forwards ? from.begin : from.end - 1, last = forwards ? to.end - 1 : to.begin;
    const int by = forwards ? 1 : -1;
    double s = kNever;
    for (int t = first; (last - t) * by > 0; t += by) {
      s = std::max(s, from.at(t)) +
          options_.weight * (likeliest_[static_cast<std::size_t>(forwards ? t : t - 1)] - options_.unknown);
      if (s > kNever) arrive(t + by, s);
    }
  }

  Lattice with_scores(const std::vector<double>& best) const {
    const auto n = static_cast<std::size_t>(lattice_.num_states());
    std::vector<double> through(n, kNever), prefix(n, 0);
    for (std::size_t s = 0; s < n; ++s)
      for (int t = before_[s].begin; t < before_[s].end; ++t)
        if (const double all = before_[s].at(t) + after_[s].at(t); all > through[s])
          through[s] = all, prefix[s] = before_[s].at(t);
    if (n == 0 || through[0] == kNever) return lattice_;  // sound too short for any of the words
    std::vector<bool> keep;
    Lattice out = lattice_;
    for (std::size_t a = 0; a < best.size(); ++a) {
      LatticeArc& arc = out.arcs[a];
      const auto from = static_cast<std::size_t>(arc.from), to = static_cast<std::size_t>(arc.to);
      keep.push_back(best[a] > kNever);
      if (keep.back()) arc.acoustic = best[a] - through[from] + prefix[to] - prefix[from] - arc.label;
    }
    return std::find(keep.begin(), keep.end(), false) == keep.end() ? out : keep_arcs(out, keep);
  }

  const Lattice& lattice_;
  std::span<const float> phones_;
  std::size_t P_;
  const SecondLookOptions& options_;
  int frames_ = 0;
  std::vector<std::vector<Pronunciation>> ways_;  // [words]
  std::vector<double> likeliest_;                 // [F]
  std::vector<Window> before_, after_;            // [states]: scores of the best way there from the start, the end
  std::vector<double> state_;
};

}  // namespace

Lattice second_look(const Lattice& lattice,
                    std::span<const float> phones,
                    std::size_t num_phones,
                    const Lexicon& lexicon,
                    const SecondLookOptions& options) {
  expects(num_phones > 0 && phones.size() % num_phones == 0, "second_look: whole frames of phones");
  expects(options.weight >= 0 && options.slack_frames >= 0, "second_look: weight and slack are at least 0");
  if (lattice.arcs.empty() || phones.empty()) return lattice;
  return Look(lattice, phones, num_phones, lexicon, options).run();
}

}  // namespace pipit
