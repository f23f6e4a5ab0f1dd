// bits/convert.h — whole arrays from one number format to another.
#pragma once
#include <span>

#include "bits/counters.h"
#include "bits/half.h"

namespace pipit {

/// to[i] = from[i] in the format To, for From, To in {half, bfloat16, float, double}.
///
/// Exact   the same bits as the scalar conversions of half.h (one rounding, nearest even, subnormals, overflow to
///         infinity) on every instruction set. NaN stays NaN; between float and double, and from equal to equal, its
///         payload is the processor's affair.
/// Needs   equal lengths; `to` must not overlap `from` (contract: lengths).
/// Counts  into *counters when not null (added to what is there); off costs nothing.
/// Cost    one pass; no allocation.   Threads  any.
template <class From, class To>
void convert(std::span<const From> from, std::span<To> to, RangeCounters* counters);

template <class From, class To>
void convert(std::span<const From> from, std::span<To> to) {
  convert<From, To>(from, to, nullptr);
}

/// Name of the instruction set that the kernels of this room run on now, e.g. "AVX2".
const char* instruction_set();

}  // namespace pipit
