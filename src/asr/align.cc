#include "asr/align.h"

#include <map>
#include <string>

#include "audio/feature_norm.h"
#include "audio/feature_stream.h"
#include "base/text.h"
#include "text/pieces.h"

namespace pipit {
namespace {

using Spelling = std::map<std::string, std::int32_t, std::less<>>;

Spelling spelling_of(const Transducer& model) {
  Spelling out;
  for (std::size_t k = 1; k < model.tokens(); ++k) out.emplace(model.piece(k), static_cast<std::int32_t>(k));
  return out;
}

// The pieces of one word, its mark in front; empty where there are none.
std::vector<std::int32_t> spell_word(const Spelling& pieces, std::string_view word) {
  constexpr int kNone = 1 << 20;
  std::vector<int> fewest(word.size() + 1, kNone);  // pieces from here to the end
  std::vector<std::pair<std::int32_t, std::size_t>> first(word.size());
  fewest[word.size()] = 0;
  for (std::size_t at = word.size(); at-- > 0;)
    for (std::size_t length = word.size() - at; length > 0; --length)  // the longest one first
      if (const auto piece = pieces.find(word.substr(at, length));
          piece != pieces.end() && fewest[at + length] + 1 < fewest[at]) {
        fewest[at] = fewest[at + length] + 1;
        first[at] = {piece->second, length};
      }
  std::vector<std::int32_t> out;
  if (fewest[0] < kNone)
    for (std::size_t at = 0; at < word.size(); at += first[at].second) out.push_back(first[at].first);
  return out;
}

}  // namespace

std::vector<std::int32_t> spell(const Transducer& model, std::string_view text) {
  const Spelling pieces = spelling_of(model);
  std::vector<std::int32_t> out;
  Fields words(text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const auto more = spell_word(pieces, std::string(kWordMark) + std::string(word));
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

std::vector<AlignedWord> align_words(const Transducer& model, std::span<const float> samples, std::string_view text) {
  FeatureNorm norm;
  expects(model.sizes().bands == kNumBands, "align_words: the model hears other bands");
  std::copy(model.feature_mean().begin(), model.feature_mean().end(), norm.mean.begin());
  std::copy(model.feature_inverse_deviation().begin(),
            model.feature_inverse_deviation().end(),
            norm.inverse_deviation.begin());
  FeatureStream features(norm, static_cast<int>(model.sizes().stack));
  features.push(samples);
  features.finish();
  const std::size_t J = model.joint_dim();
  std::vector<float> x(model.frame_dim()), e;
  EncoderState state = model.make_state();
  while (features.ready() > 0) {
    features.pop(x);
    e.resize(e.size() + J);
    model.encode(state, x, std::span(e).last(J));
  }
  if (e.empty()) return {};

  const Spelling pieces = spelling_of(model);
  std::vector<AlignedWord> out;
  std::vector<std::int32_t> labels;
  std::vector<std::size_t> ends;  // of each word among the labels
  Fields words(text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const auto more = spell_word(pieces, std::string(kWordMark) + std::string(word));
    if (more.empty()) continue;
    labels.insert(labels.end(), more.begin(), more.end());
    ends.push_back(labels.size());
    out.push_back({.text = std::string(word)});
  }
  const LabelAlignment found = align(model, e, labels);
  for (std::size_t k = 0; k < out.size(); ++k) {
    out[k].first_frame = found.emissions[k == 0 ? 0 : ends[k - 1]].frame;
    out[k].last_frame = found.emissions[ends[k] - 1].frame;
  }
  return out;
}

}  // namespace pipit
