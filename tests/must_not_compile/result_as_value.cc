// A Result is no value: it must be opened (and so looked at) first.
// refused: (cannot convert|no viable|conversion from)
#include <string>

#include "base/file.h"

std::string text_of(const char* path) {
#ifdef PIPIT_MISUSE
  const std::string text = pipit::read_file(path);
#else
  const auto file = pipit::read_file(path);
  const std::string text = file ? *file : "";
#endif
  return text;
}
