#include "text/edit_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/contract.h"
#include "base/random.h"

namespace pipit {

double EditCounts::rate() const {
  if (num_reference() > 0) return static_cast<double>(errors()) / num_reference();
  return insertions == 0 ? 0.0 : std::numeric_limits<double>::infinity();
}

EditCounts& EditCounts::operator+=(const EditCounts& other) {
  hits += other.hits;
  substitutions += other.substitutions;
  insertions += other.insertions;
  deletions += other.deletions;
  return *this;
}

Alignment align(std::span<const std::string_view> reference, std::span<const std::string_view> hypothesis) {
  const std::size_t n = reference.size(), m = hypothesis.size(), width = m + 1;
  std::vector<Edit> step((n + 1) * width, Edit::Hit);  // the last edit of the best way to (i, j)
  std::vector<int> above(width), row(width);
  for (std::size_t j = 0; j <= m; ++j) {
    above[j] = static_cast<int>(j);
    step[j] = Edit::Insertion;
  }
  for (std::size_t i = 1; i <= n; ++i) {
    row[0] = static_cast<int>(i);
    step[i * width] = Edit::Deletion;
    for (std::size_t j = 1; j <= m; ++j) {
      const bool same = reference[i - 1] == hypothesis[j - 1];
      int best = above[j - 1] + (same ? 0 : 1);
      Edit last = same ? Edit::Hit : Edit::Substitution;
      if (above[j] + 1 < best) {
        best = above[j] + 1;
        last = Edit::Deletion;
      }
      if (row[j - 1] + 1 < best) {
        best = row[j - 1] + 1;
        last = Edit::Insertion;
      }
      row[j] = best;
      step[i * width + j] = last;
    }
    std::swap(above, row);
  }

  Alignment out;
  for (std::size_t i = n, j = m; i > 0 || j > 0;) {
    const Edit last = step[i * width + j];
    out.edits.push_back(last);
    switch (last) {
      case Edit::Hit:
        ++out.counts.hits;
        break;
      case Edit::Substitution:
        ++out.counts.substitutions;
        break;
      case Edit::Deletion:
        ++out.counts.deletions;
        break;
      case Edit::Insertion:
        ++out.counts.insertions;
        break;
    }
    if (last != Edit::Insertion) --i;
    if (last != Edit::Deletion) --j;
  }
  std::reverse(out.edits.begin(), out.edits.end());
  return out;
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t begin = text.find_first_not_of(' '); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(' ', end);
  }
  return words;
}

EditCounts count_edits(std::string_view reference, std::string_view hypothesis) {
  return align(split_words(reference), split_words(hypothesis)).counts;
}

RateInterval bootstrap(std::span<const EditCounts> utterances, const BootstrapOptions& options) {
  expects(!utterances.empty(), "bootstrap: no utterances");
  expects(options.num_resamples >= 1, "bootstrap: num_resamples must be at least 1");
  expects(options.confidence > 0 && options.confidence < 1, "bootstrap: confidence must be in (0, 1)");
  Random random(options.seed);
  std::vector<double> rates(static_cast<std::size_t>(options.num_resamples));
  for (double& rate : rates) {
    EditCounts sum;
    for (std::size_t k = 0; k < utterances.size(); ++k) sum += utterances[random.below(utterances.size())];
    rate = sum.rate();
  }
  std::sort(rates.begin(), rates.end());
  const auto percentile = [&](double part) {  // nearest rank: infinities are never averaged
    return rates[static_cast<std::size_t>(std::lround(part * static_cast<double>(rates.size() - 1)))];
  };
  EditCounts all;
  for (const EditCounts& one : utterances) all += one;
  const double tail = (1 - options.confidence) / 2;
  return {all.rate(), percentile(tail), percentile(1 - tail)};
}

}  // namespace pipit
