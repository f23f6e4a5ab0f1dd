#include "lattice/confidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "base/logistic.h"
#include "base/text.h"
#include "lattice/confusion.h"
#include "lattice/paths.h"
#include "lattice/posteriors.h"

namespace pipit {
namespace {

constexpr std::size_t kNum = PathWord::kNumFeatures + 1;  // with the constant
constexpr std::size_t kMostPoints = 33;

double log_odds(double p) {
  constexpr double kLeast = 1e-4;
  p = std::clamp(p, kLeast, 1 - kLeast);
  return std::log(p / (1 - p));
}

}  // namespace

std::vector<PathWord> best_words(const Lattice& lattice, const PosteriorScale& scale) {
  const ConfusionNetwork network = confusion_network(lattice, {scale.sharp, scale.sharp});
  const Posteriors flat = posteriors(lattice, {scale.flat, scale.flat});
  // The flatter posterior of every word in every slot: the same arcs, other weights.
  std::vector<std::vector<double>> flat_of(network.slots.size());
  for (std::size_t s = 0; s < network.slots.size(); ++s) flat_of[s].resize(network.slots[s].entries.size());
  const auto entry_of = [&](std::size_t slot, std::int32_t word) {
    const auto& entries = network.slots[slot].entries;
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.word == word; });
    return static_cast<std::size_t>(found - entries.begin());
  };
  for (std::size_t a = 0; a < lattice.arcs.size(); ++a)
    if (network.arc_slot[a] >= 0) {
      const auto slot = static_cast<std::size_t>(network.arc_slot[a]);
      flat_of[slot][entry_of(slot, lattice.arcs[a].word)] += flat.arc[a];
    }

  std::vector<PathWord> out;
  double sum = 0;
  for (const std::int32_t a : best_path(lattice).arcs) {
    const LatticeArc& arc = lattice.arcs[static_cast<std::size_t>(a)];
    if (arc.word == kNoWord) continue;
    const auto slot = static_cast<std::size_t>(network.arc_slot[static_cast<std::size_t>(a)]);
    const std::size_t entry = entry_of(slot, arc.word);
    PathWord& word = out.emplace_back();
    word.text = lattice.words[static_cast<std::size_t>(arc.word)];
    word.start_frame = arc.start_frame;
    word.end_frame = arc.end_frame;
    word.posterior = std::min(1.0, network.slots[slot].entries[entry].posterior);
    const auto letters = static_cast<double>(word.text.size());
    word.features = {log_odds(word.posterior),
                     log_odds(std::min(1.0, flat_of[slot][entry])),
                     0,
                     0,
                     0,
                     std::log(letters),
                     (arc.end_frame - arc.start_frame) / letters,
                     arc.acoustic / letters,
                     arc.label / letters,
                     std::log(static_cast<double>(network.slots[slot].entries.size()))};
    sum += word.features[0];
  }
  for (std::size_t k = 0; k < out.size(); ++k) {
    out[k].features[2] = k == 0 ? 0 : out[k - 1].features[0];
    out[k].features[3] = k + 1 == out.size() ? 0 : out[k + 1].features[0];
    out[k].features[4] = sum / static_cast<double>(out.size());
  }
  return out;
}

ConfidenceModel ConfidenceModel::fit(std::span<const PathWord> words, std::span<const bool> right) {
  expects(words.size() == right.size(), "ConfidenceModel::fit: lengths differ");
  ConfidenceModel model;
  std::vector<double> x;
  for (const PathWord& word : words) {
    x.push_back(1);
    x.insert(x.end(), word.features.begin(), word.features.end());
  }
  model.weights_ = fit_logistic(x, std::vector<std::uint8_t>(right.begin(), right.end()), kNum, 1);
  std::vector<double> p;
  for (const PathWord& word : words) p.push_back(logistic(model.odds(word)));
  // Few points, so that no step of the isotonic fit follows a handful of words.
  std::vector<Calibration::Point> points;
  const Calibration isotonic = Calibration::fit(p, right);
  std::sort(p.begin(), p.end());
  for (std::size_t k = 0; k < kMostPoints && !p.empty(); ++k) {
    const double at = p[(p.size() - 1) * k / (kMostPoints - 1)];
    if (points.empty() || at > points.back().posterior) points.push_back({at, isotonic(at)});
  }
  model.calibration_ = Calibration::from_table(std::move(points)).value();
  return model;
}

double ConfidenceModel::odds(const PathWord& word) const {
  return std::inner_product(word.features.begin(), word.features.end(), weights_.begin() + 1, weights_[0]);
}

double ConfidenceModel::operator()(const PathWord& word) const {
  return weights_.empty() ? word.posterior : calibration_(logistic(odds(word)));
}

std::string ConfidenceModel::text() const {
  const auto number = [](double value) {
    char digits[40];
    return std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  };
  std::string out = "pipit-confidence 1\nweights";
  for (const double w : weights_) out += ' ' + number(w);
  out += '\n';
  for (const auto& [x, y] : calibration_.points()) out += "point " + number(x) + ' ' + number(y) + '\n';
  return out;
}

Result<ConfidenceModel> ConfidenceModel::parse(std::string_view text, std::string_view name) {
  Lines lines(text);
  const auto bad = [&](const std::string& what) {
    return Error{Code::BadFormat, std::string(name) + ":" + std::to_string(lines.number()) + ": " + what};
  };
  const auto numbers = [](Fields fields) {
    std::optional<std::vector<double>> out(std::in_place);
    for (auto field = fields.next(); !field.empty(); field = fields.next()) {
      const auto value = parse_number<double>(field);
      if (!value || !std::isfinite(*value)) return std::optional<std::vector<double>>();
      out->push_back(*value);
    }
    return out;
  };
  if (lines.next() != "pipit-confidence 1") return bad("want 'pipit-confidence 1'");
  ConfidenceModel model;
  std::vector<Calibration::Point> points;
  while (const auto line = lines.next()) {
    Fields fields(*line);
    const auto key = fields.next();
    const auto values = numbers(fields);
    if (key == "weights" && values && (values->empty() || values->size() == kNum) && model.weights_.empty())
      model.weights_ = *values;
    else if (key == "point" && values && values->size() == 2)
      points.push_back({(*values)[0], (*values)[1]});
    else
      return bad("want 'weights' and " + std::to_string(kNum) + " numbers, or 'point' and two, found " +
                 in_quotes(*line));
  }
  auto calibration = Calibration::from_table(std::move(points));
  if (!calibration) return bad(calibration.error().message);
  model.calibration_ = std::move(*calibration);
  return model;
}

double area_under_curve(std::span<const double> confidence, std::span<const bool> right) {
  expects(confidence.size() == right.size(), "area_under_curve: lengths differ");
  std::vector<std::size_t> order(confidence.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return confidence[a] < confidence[b]; });
  double below = 0, wins = 0, num_right = 0;
  for (std::size_t k = 0; k < order.size();) {
    double wrong_here = 0, right_here = 0;
    const double value = confidence[order[k]];
    for (; k < order.size() && confidence[order[k]] == value; ++k) (right[order[k]] ? right_here : wrong_here) += 1;
    wins += right_here * (below + wrong_here / 2);
    below += wrong_here;
    num_right += right_here;
  }
  return wins / (num_right * below);
}

double calibration_error(std::span<const double> confidence, std::span<const bool> right, int bins) {
  expects(confidence.size() == right.size() && bins >= 1, "calibration_error: lengths differ, or no bin");
  std::vector<std::size_t> order(confidence.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return confidence[a] < confidence[b]; });
  double sum = 0;
  const auto edge = [&](int bin) {
    return order.size() * static_cast<std::size_t>(bin) / static_cast<std::size_t>(bins);
  };
  for (int bin = 0; bin < bins; ++bin) {
    double gap = 0;
    for (std::size_t k = edge(bin); k < edge(bin + 1); ++k)
      gap += confidence[order[k]] - static_cast<double>(right[order[k]]);
    sum += std::abs(gap);
  }
  return sum / static_cast<double>(order.size());
}

}  // namespace pipit
