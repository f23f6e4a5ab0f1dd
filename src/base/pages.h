// base/pages.h — memory in large pieces.
#pragma once
#include <cstddef>
#include <span>

namespace pipit {

/// Has the system provide all of this memory now, rather than page by page as it is first written to: one call in place
/// of an interruption for every 4 KB. Changes nothing in it. Does what it can, which may be nothing.
void provide_pages(std::span<std::byte> memory);

}  // namespace pipit
