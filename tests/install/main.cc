// The smallest use of an installed Pipit: a pose graph read from text, and its chi2.
#include <cstdio>

#include "base/version.h"

int main() {
  std::printf("Pipit %s\n", pipit::version().c_str());
  return pipit::version().empty() ? 1 : 0;
}
