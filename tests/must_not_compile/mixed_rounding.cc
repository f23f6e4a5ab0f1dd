// Numbers of the two kinds of half accumulation do not mix: a sum would have no defined rounding.
// refused: (no match for|invalid operands)
#include "bits/half_number.h"

using Separate = pipit::HalfNumber<pipit::Accumulate::HalfSeparate>;
using Fused = pipit::HalfNumber<pipit::Accumulate::HalfFused>;

Separate twice(Separate a, [[maybe_unused]] Fused b) {
#ifdef PIPIT_MISUSE
  return a + b;
#else
  return a + a;
#endif
}
