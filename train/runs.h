// train/runs.h — runs of eight words that texts have in common: what a test is measured on must not be learnt by heart.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

namespace pipit {

/// Texts are words with single spaces between them.
class WordRuns {
 public:
  static constexpr std::size_t kWords = 8;

  void add(std::string_view text) {
    for_runs(text, [&](std::string_view run) { return runs_.emplace(run), false; });
  }
  /// A run of the text is one of those that were added.
  bool share(std::string_view text) const {
    return for_runs(text, [&](std::string_view run) { return runs_.contains(std::string(run)); });
  }

 private:
  // Until f says so; yields whether it did.
  template <class F>
  static bool for_runs(std::string_view text, F f) {
    std::size_t begins[kWords] = {}, words = 0;  // of the last words
    for (std::size_t at = 0; at < text.size(); ++words) {
      begins[words % kWords] = at;
      at = std::min(text.find(' ', at), text.size());
      if (words + 1 >= kWords) {
        const std::size_t begin = begins[(words + 1) % kWords];
        if (f(text.substr(begin, at - begin))) return true;
      }
      ++at;
    }
    return false;
  }

  std::unordered_set<std::string> runs_;
};

}  // namespace pipit
