// A pose in the plane and a pose in space do not compose.
// refused: (no match for|invalid operands|no viable)
#include "geom/se2.h"
#include "geom/se3.h"

pipit::SE3<double> chain(const pipit::SE3<double>& a, [[maybe_unused]] const pipit::SE2<double>& b) {
#ifdef PIPIT_MISUSE
  return a * b;
#else
  return a * a;
#endif
}
