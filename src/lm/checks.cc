// A file of its own: where g++ puts these loops behind the many early ways out of a reader, it takes them for seldom
// run and makes no vectors of them. Nor does it of std::max.
#include "lm/checks.h"

#include <bit>

namespace pipit {
namespace {

template <class T>
T greatest_of(std::span<const T> values) {
  T most = 0;
  for (const T value : values) most = most < value ? value : most;
  return most;
}

}  // namespace

std::uint8_t greatest(std::span<const std::uint8_t> values) { return greatest_of(values); }
std::uint16_t greatest(std::span<const std::uint16_t> values) { return greatest_of(values); }

bool are_within(std::span<const float> values, float most) {
  // The bits of such numbers are ordered as they are; those of negative ones, and of what is no number, lie above.
  std::uint32_t beyond = 0;
  for (const float value : values)
    beyond |= std::bit_cast<std::uint32_t>(value) > std::bit_cast<std::uint32_t>(most) ? 1 : 0;
  return beyond == 0;
}

bool are_starts(std::span<const std::uint32_t> first, std::size_t begin, std::size_t end) {
  std::uint32_t back = 0;
  for (std::size_t k = 1; k < first.size(); ++k) back |= first[k] < first[k - 1] ? 1 : 0;
  return back == 0 && first.front() == begin && first.back() == end;
}

// As many numbers stand not above the one before them in the whole array as at the beginnings of lists.
bool ascend_in_lists(std::span<const std::uint16_t> values, std::span<const std::uint32_t> first) {
  std::uint32_t steps_down = 0;
  for (std::size_t k = 1; k < values.size(); ++k) steps_down += values[k] <= values[k - 1] ? 1 : 0;
  for (std::size_t c = 0; c + 1 < first.size(); ++c)
    if (const std::size_t k = first[c]; k > 0 && k < first[c + 1]) steps_down -= values[k] <= values[k - 1] ? 1 : 0;
  return steps_down == 0;
}

}  // namespace pipit
