#include "base/machine.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"

namespace pipit {

std::string machine() {
  const auto text = read_file("/proc/cpuinfo");
  if (!text) return "unknown";
  const auto name = text->find("model name");
  if (name == std::string::npos) return "unknown";
  const auto end = std::min(text->find('\n', name), text->size());
  const auto begin = text->find_first_not_of(": \t", text->find(':', name));
  return begin < end ? text->substr(begin, end - begin) : "unknown";
}

int num_cores() { return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)); }

std::string command_line() {
  auto text = read_file("/proc/self/cmdline");  // words that end with a zero
  if (!text) return {};
  while (!text->empty() && text->back() == '\0') text->pop_back();
  std::replace(text->begin(), text->end(), '\0', ' ');
  return std::move(*text);
}

}  // namespace pipit
