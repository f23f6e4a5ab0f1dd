// Any bytes at all as a lexicon: words with phones that there are, or one printable line.
#include <string>
#include <vector>

#include "phones/lexicon.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipit;
  static const std::vector<std::string> kNames = {"", "AA", "B", "ZH"};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lexicon = Lexicon::parse(text, "lexicon", kNames);
  if (!lexicon) {
    fuzz::demand_clear(lexicon.error());
    return 0;
  }
  // The first word of every line is known, and sounds like something.
  for (std::size_t at = 0; at < text.size(); at = std::min(text.find('\n', at), text.size()) + 1) {
    const auto ways = (*lexicon)(text.substr(at, text.find('\t', at) - at));
    fuzz::demand(!ways.empty());
    for (const Pronunciation way : ways)
      for (const std::uint8_t phone : way) fuzz::demand(phone > 0 && phone < kNames.size());
  }
  return 0;
}
