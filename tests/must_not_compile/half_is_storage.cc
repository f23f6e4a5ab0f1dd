// half is a storage format: it has no arithmetic of its own, lest somebody compute in it without choosing how to round.
// refused: (no match for|invalid operands)
#include "bits/half.h"

float sum(pipit::half a, pipit::half b) {
#ifdef PIPIT_MISUSE
  return pipit::to_float(a + b);
#else
  return pipit::to_float(a) + pipit::to_float(b);
#endif
}
