// lm/checks.h — what is asked of arrays out of a file before they are used: single passes without a way out in between,
// which a compiler makes vectors of.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace pipit {

/// The greatest; 0 of none.
std::uint8_t greatest(std::span<const std::uint8_t> values);
std::uint16_t greatest(std::span<const std::uint16_t> values);

/// Whether all are numbers from 0 to `most`.   Needs   most finite, above 0.
bool are_within(std::span<const float> values, float most);

/// Whether list k may be what lies from first[k] to first[k + 1] in an array: from `begin` to `end`, never backwards.
/// Needs   first not empty.
bool are_starts(std::span<const std::uint32_t> first, std::size_t begin, std::size_t end);

/// Whether the numbers of every list ascend.   Needs   are_starts(first, .., values.size()).
bool ascend_in_lists(std::span<const std::uint16_t> values, std::span<const std::uint32_t> first);

}  // namespace pipit
