// train/shared_runs.h — does one text hold what another one says? Runs of words that both have.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/contract.h"
#include "text/edit_distance.h"

namespace pipit {

/// Texts are added; then others are asked for runs of `length` words in a row that an added text has too. Runs do not
/// go over the end of a text. Normalised texts (text/normalise.h); found by 64-bit hashes.
class SharedRuns {
 public:
  explicit SharedRuns(int length) : length_(static_cast<std::size_t>(length)) {
    expects(length >= 1, "SharedRuns: runs of one word at least");
  }
  void add(std::string_view text) {
    each(text, [&](std::uint64_t hash, std::string_view run) { runs_.try_emplace(hash, run); });
  }
  std::size_t size() const { return runs_.size(); }
  /// How many runs of `text` were added before; `example` becomes one of them.
  int count(std::string_view text, std::string* example = nullptr) const {
    int found = 0;
    each(text, [&](std::uint64_t hash, std::string_view run) {
      const auto at = runs_.find(hash);
      if (at == runs_.end() || at->second != run) return;
      ++found;
      if (example != nullptr) *example = at->second;
    });
    return found;
  }

 private:
  template <class Visit>
  void each(std::string_view text, Visit visit) const {
    const auto words = split_words(text);
    for (std::size_t k = 0; k + length_ <= words.size(); ++k) {
      const char* const begin = words[k].data();
      const char* const end = words[k + length_ - 1].data() + words[k + length_ - 1].size();
      const std::string_view run(begin, static_cast<std::size_t>(end - begin));
      visit(std::hash<std::string_view>{}(run), run);
    }
  }
  std::size_t length_;
  std::unordered_map<std::uint64_t, std::string> runs_;
};

}  // namespace pipit
