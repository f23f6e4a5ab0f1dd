#include "text/pieces.h"

namespace pipit {

std::string join_pieces(std::span<const std::string> pieces) {
  std::string text;
  for (const std::string& piece : pieces) {
    for (std::size_t at = 0; at < piece.size();) {
      if (std::string_view(piece).substr(at, kWordMark.size()) == kWordMark) {
        if (!text.empty() && text.back() != ' ') text += ' ';
        at += kWordMark.size();
      } else {
        text += piece[at++];
      }
    }
  }
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace pipit
