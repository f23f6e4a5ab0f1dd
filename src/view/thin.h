// view/thin.h — leaves out of a drawing what nobody could see, so that a million points fit into a small file.
#pragma once
#include <cstddef>
#include <vector>

namespace pipit {

/// A place on the page in px.
struct Spot {
  double x, y;
};
struct Stroke {
  Spot a, b;
};

/// At most `budget` spots of one unbroken line, first and last among them. Left out: spots within 0.25 px of the last
/// one kept; of a long line whose x never falls, all but the first, lowest, highest and last of each half pixel. If
/// that is still too many, the 0.25 px grow. Needs budget >= 2. Cost: O(n log n) at worst.
std::vector<Spot> thin_line(const std::vector<Spot>& line, std::size_t budget);

/// At most `budget` spots, one (the first) per cell of 0.5 px or more.
std::vector<Spot> thin_spots(const std::vector<Spot>& spots, std::size_t budget);

/// At most `budget` strokes, one (the first) for all whose two ends share the same two cells of 0.5 px or more.
std::vector<Stroke> thin_strokes(const std::vector<Stroke>& strokes, std::size_t budget);

}  // namespace pipit
