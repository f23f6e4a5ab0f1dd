// base/parallel.h — a few threads that share a loop, with results that do not depend on how many there are.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>

namespace pipit {

/// A small pool. One caller at a time; `run` returns when all parts are done.
///
/// Determinism: cut the work into parts whose number depends on the size alone (see num_parts), let each part write its
/// own place, then combine in order of part. Then the bits are the same for any number of threads.
class Workers {
 public:
  /// Needs num_threads >= 1. One thread means: everything runs on the caller's, no thread is started.
  explicit Workers(int num_threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int num_threads() const;

  /// Calls body(part) once for each part in [0, num_parts), each on some thread, in no set order.
  /// Needs: body must not call run of the same Workers. What it throws (no memory) comes out here, once, when all
  /// threads are done; parts not yet begun are left out. Cost: about 5 us to wake the others.
  void run(std::size_t num_parts, const std::function<void(std::size_t part)>& body);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

struct Range {
  std::size_t begin = 0, end = 0;
};

/// How many parts a loop over n items is cut into: one per `grain` items, at most 16. Depends on n alone.
inline std::size_t num_parts(std::size_t n, std::size_t grain) {
  const std::size_t parts = (n + grain - 1) / grain;
  return parts > 16 ? 16 : parts;
}

/// Items of one part; the parts cover [0, n) in order without overlap.
inline Range part_of(std::size_t n, std::size_t parts, std::size_t part) {
  return {n * part / parts, n * (part + 1) / parts};
}

/// Calls body(Range) over [0, n) in num_parts(n, grain) parts.
template <class Body>
void for_ranges(Workers& workers, std::size_t n, std::size_t grain, const Body& body) {
  const std::size_t parts = num_parts(n, grain);
  if (parts <= 1) {
    if (n > 0) body(Range{0, n});
    return;
  }
  workers.run(parts, [&](std::size_t part) { body(part_of(n, parts, part)); });
}

}  // namespace pipit
