// Seconds per step of the recogniser at the sizes of pipit-en-small, random weights, one core. One encoder step stands
// for 60 ms of sound: rtf is the encoder's real-time factor.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bench_report.h"
#include "bits/convert.h"
#include "nn/test_model.h"
#include "nn/transducer.h"

namespace pipit {
namespace {

const TransducerSizes kShipped{.bands = 64,
                               .stack = 6,
                               .layers = 4,
                               .hidden = 448,
                               .projection = 256,
                               .tokens = 256,
                               .context = 2,
                               .embedding = 128,
                               .joint = 256};

Result<Transducer> shipped(Arithmetic arithmetic) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("nn_bench_" + std::to_string(::getpid()))).string();
  static const TestModel source(kShipped, 1);
  if (const Status done = source.write(path); !done) return done.error();
  const auto file = ModelFile::open(path);
  std::filesystem::remove(path);
  if (!file) return file.error();
  return Transducer::load(*file, arithmetic);
}

void bench_encode(benchmark::State& state, Arithmetic arithmetic) {
  const auto exact = shipped(Arithmetic::Single), model = shipped(arithmetic);
  if (!exact || !model) return state.SkipWithError("no model");
  Random random(2);
  std::vector<std::vector<float>> x(16, std::vector<float>(model->frame_dim()));
  for (auto& frame : x)
    for (float& v : frame) v = static_cast<float>(random.normal());
  EncoderState stream = model->make_state(), reference = exact->make_state();
  std::vector<float> e(model->joint_dim()), want(e);
  for (const auto& frame : x) model->encode(stream, frame, e), exact->encode(reference, frame, want);
  double difference = 0, size = 0;
  for (std::size_t k = 0; k < e.size(); ++k) {
    difference += std::pow(static_cast<double>(e[k]) - static_cast<double>(want[k]), 2);
    size += std::pow(static_cast<double>(want[k]), 2);
  }
  // 2 % in fp16 and 20 % in int8 are wide of what rounding does to random weights, and far from a wrong answer (140 %)
  const double allowed = arithmetic == Arithmetic::Int8 ? 0.2 : 0.02;
  if (!(difference <= allowed * allowed * size)) return state.SkipWithError("wrong answer");
  std::size_t t = 0;
  for (auto _ : state) {
    model->encode(stream, x[t++ % x.size()], e);
    benchmark::DoNotOptimize(e.data());
    benchmark::ClobberMemory();
  }
  const auto weights = static_cast<double>(exact->bytes()) / 4;
  report_work(state, static_cast<double>(model->bytes()), 2 * weights);
  state.counters["rtf"] =
      benchmark::Counter(0.06, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.SetLabel(instruction_set());
}
BENCHMARK_CAPTURE(bench_encode, single, Arithmetic::Single)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_encode, half, Arithmetic::Half)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_encode, int8, Arithmetic::Int8)->Unit(benchmark::kMicrosecond);

void bench_log_probs(benchmark::State& state, Arithmetic arithmetic) {
  const auto model = shipped(arithmetic);
  if (!model) return state.SkipWithError("no model");
  const std::vector<float> e(model->joint_dim(), 0.3f);
  std::vector<float> g(model->joint_dim()), out(model->tokens());
  std::int32_t token = 0;
  for (auto _ : state) {
    const std::int32_t window[] = {token, token = (token + 1) % 256};
    model->predict(window, g);
    model->log_probs(e, g, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  double sum = 0;
  for (const float v : out) sum += std::exp(static_cast<double>(v));
  if (!(std::fabs(sum - 1) < 1e-4)) state.SkipWithError("wrong answer");
  state.SetLabel(instruction_set());
}
BENCHMARK_CAPTURE(bench_log_probs, single, Arithmetic::Single)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(bench_log_probs, int8, Arithmetic::Int8)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace pipit
