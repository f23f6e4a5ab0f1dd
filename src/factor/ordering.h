// factor/ordering.h — in which order the blocks are eliminated.
// Source: Amestoy, Davis and Duff, An approximate minimum degree ordering algorithm (1996); George, Nested dissection
// of a
//         regular finite element mesh (1973); Cuthill and McKee, Reducing the bandwidth of sparse symmetric matrices
//         (1969).
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "factor/pattern.h"

namespace pipit {

enum class OrderingKind : std::uint8_t { Natural, Amd, NestedDissection, ReverseCuthillMcKee };
std::string_view name(OrderingKind kind);

/// permutation[new] = old, [n]. Deterministic: the same pattern gives the same order on every run.
std::vector<std::int32_t> order(const BlockPattern& pattern, OrderingKind kind);

}  // namespace pipit
