// text/pieces.h — pieces of words back to words. Needs no model, so a recogniser that knows its pieces links nothing
// more.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace pipit {

/// U+2581 stands where a word begins.
inline constexpr std::string_view kWordMark = "\xe2\x96\x81";

inline bool begins_word(std::string_view piece) { return piece.starts_with(kWordMark); }

/// The words of a sequence of pieces. Spaces at both ends are left out.
std::string join_pieces(std::span<const std::string> pieces);

}  // namespace pipit
