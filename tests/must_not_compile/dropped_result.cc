// A Result may not be dropped: an error nobody looked at is a bug.
// refused: ignoring (returned|return) value
#include "base/file.h"

void write_twice(const char* path) {
  if (!pipit::write_file(path, "first")) return;
#ifdef PIPIT_MISUSE
  pipit::write_file(path, "second");
#endif
}
