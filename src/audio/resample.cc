#include "audio/resample.h"

#include <soxr.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/contract.h"

namespace pipit {

struct Resampler::Engine {
  soxr_t soxr = nullptr;
  double ratio = 1;

  Engine() = default;
  Engine(const Engine&) = delete;
  ~Engine() { soxr_delete(soxr); }

  /// One call of soxr_process; `in` null says that the stream ends. Yields how many samples it took and gave.
  Result<std::pair<std::size_t, std::size_t>> step(const float* in, std::size_t n, std::span<float> room) {
    std::size_t taken = 0, given = 0;
    if (const soxr_error_t why = soxr_process(soxr, in, n, &taken, room.data(), room.size(), &given))
      return Error{Code::Unsupported, std::string("resampling failed: ") + why};
    return std::pair{taken, given};
  }
};

Resampler::Resampler(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;
Resampler::~Resampler() = default;

Result<Resampler> Resampler::create(double from_hz, double to_hz) {
  expects(from_hz > 0 && to_hz > 0 && std::isfinite(from_hz) && std::isfinite(to_hz), "Resampler: rates");
  auto engine = std::make_unique<Engine>();
  engine->ratio = to_hz / from_hz;
  const soxr_io_spec_t floats = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t one_thread = soxr_runtime_spec(1);
  soxr_error_t why = nullptr;
  engine->soxr = soxr_create(from_hz, to_hz, 1, &why, &floats, &quality, &one_thread);
  if (why != nullptr || engine->soxr == nullptr)
    return Error{Code::Unsupported,
                 "cannot resample from " + std::to_string(from_hz) + " to " + std::to_string(to_hz) +
                     " Hz: " + (why != nullptr ? why : "no resampler")};
  return Resampler(std::move(engine));
}

Status Resampler::push(std::span<const float> in, std::vector<float>& out) {
  while (!in.empty()) {
    const std::size_t n = std::min<std::size_t>(in.size(), 1 << 14);
    const std::size_t before = out.size();
    const auto room = static_cast<std::size_t>(static_cast<double>(n) * engine_->ratio) + 1024;
    out.resize(before + room);
    const auto moved = engine_->step(in.data(), n, {out.data() + before, room});
    out.resize(before + (moved ? moved->second : 0));
    if (!moved) return moved.error();
    in = in.subspan(moved->first);
  }
  return Done{};
}

Status Resampler::finish(std::vector<float>& out) {
  for (;;) {
    constexpr std::size_t kRoom = 1 << 12;
    const std::size_t before = out.size();
    out.resize(before + kRoom);
    const auto moved = engine_->step(nullptr, 0, {out.data() + before, kRoom});
    out.resize(before + (moved ? moved->second : 0));
    if (!moved) return moved.error();
    if (moved->second == 0) return Done{};
  }
}

Result<std::vector<float>> resample(std::span<const float> samples, double from_hz, double to_hz) {
  if (from_hz == to_hz) return std::vector<float>(samples.begin(), samples.end());
  auto resampler = Resampler::create(from_hz, to_hz);
  if (!resampler) return resampler.error();
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(static_cast<double>(samples.size()) * to_hz / from_hz) + (1 << 14));
  if (const Status done = resampler->push(samples, out); !done) return done.error();
  if (const Status done = resampler->finish(out); !done) return done.error();
  return out;
}

}  // namespace pipit
