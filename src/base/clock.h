// base/clock.h — how long, and how much memory.
#pragma once
#include <chrono>

namespace pipit {

class Stopwatch {
 public:
  /// Seconds since construction or the last restart, steady clock.
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  void restart() { start_ = Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// Adds the seconds of its own life to a sum: `const Timed timed(seconds.factor);`.
class Timed {
 public:
  explicit Timed(double& sum) : sum_(sum) {}
  ~Timed() { sum_ += watch_.seconds(); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  double& sum_;
  Stopwatch watch_;
};

/// Largest resident set of this process so far (since reset_peak_rss), in MB of 10^6 bytes.
double peak_rss_mb();

/// Gives unused memory back and begins a new peak: afterwards peak_rss_mb() speaks of what came since. False where the
/// kernel does not allow it; the peak then stays that of the whole process.
bool reset_peak_rss();

}  // namespace pipit
