// bits/counters.h — what rounding to a smaller range has lost.
#pragma once
#include <cstdint>

namespace pipit {

/// Counts over the elements of a conversion. Off when nobody asks: kernels take a pointer that may be null.
struct RangeCounters {
  std::uint64_t overflow = 0;   ///< finite before, infinite after
  std::uint64_t underflow = 0;  ///< not zero before, zero after
  std::uint64_t subnormal = 0;  ///< not zero after, but below the target's smallest normal (2^-14 for half)

  RangeCounters& operator+=(const RangeCounters& other) {
    overflow += other.overflow;
    underflow += other.underflow;
    subnormal += other.subnormal;
    return *this;
  }
  bool operator==(const RangeCounters&) const = default;
};

}  // namespace pipit
