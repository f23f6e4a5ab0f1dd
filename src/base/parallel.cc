#include "base/parallel.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/contract.h"

namespace pipit {

struct Workers::Pool {
  explicit Pool(int extra_threads) {
    threads.reserve(static_cast<std::size_t>(extra_threads));
    for (int i = 0; i < extra_threads; ++i) threads.emplace_back([this] { serve(); });
  }

  ~Pool() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    wake.notify_all();
    for (auto& thread : threads) thread.join();
  }

  void work() {
    try {
      for (std::size_t part = next.fetch_add(1); part < parts; part = next.fetch_add(1)) (*body)(part);
    } catch (...) {  // no memory: goes on in run(), on the caller's thread
      next = parts;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  }

  void serve() {
    std::uint64_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stop || round != seen; });
        if (stop) return;
        seen = round;
      }
      work();
      const std::lock_guard lock(mutex);
      if (--busy == 0) done.notify_one();
    }
  }

  void run(std::size_t num, const std::function<void(std::size_t)>& f) {
    {
      const std::lock_guard lock(mutex);
      parts = num;
      body = &f;
      next = 0;
      busy = threads.size();
      ++round;
    }
    wake.notify_all();
    work();
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return busy == 0; });
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }

  std::mutex mutex;
  std::condition_variable wake, done;
  std::uint64_t round = 0;
  std::size_t busy = 0, parts = 0;
  std::atomic<std::size_t> next{0};
  const std::function<void(std::size_t)>* body = nullptr;
  bool stop = false;
  std::exception_ptr failure;
  std::vector<std::thread> threads;  // last: they use all of the above
};

Workers::Workers(int num_threads) {
  expects(num_threads >= 1 && num_threads <= 1024, "Workers: num_threads must be in [1, 1024]");
  if (num_threads > 1) pool_ = std::make_unique<Pool>(num_threads - 1);
}

Workers::~Workers() = default;

int Workers::num_threads() const { return pool_ ? static_cast<int>(pool_->threads.size()) + 1 : 1; }

void Workers::run(std::size_t num_parts, const std::function<void(std::size_t)>& body) {
  if (pool_ && num_parts > 1) {
    pool_->run(num_parts, body);
  } else {
    for (std::size_t part = 0; part < num_parts; ++part) body(part);
  }
}

}  // namespace pipit
