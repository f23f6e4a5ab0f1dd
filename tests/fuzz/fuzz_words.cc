// Any bytes at all as a language model, as they are and with the checksum set right: a model that says something of
// every piece wherever a text stands, or one printable line.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "lm/word_ngram.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace pipit;

void check(const std::string& bytes) {
  const fuzz::MemoryFile memory(bytes.data(), bytes.size());
  const auto model = WordNgramModel::open(memory.path());
  if (!model) return fuzz::demand_clear(model.error());
  std::vector<float> out(static_cast<std::size_t>(model->tokens()));
  std::uint64_t state = model->start();
  for (std::size_t step = 0; step < 64; ++step) {
    model->log_probs_after(state, out);
    double sum = 0;
    for (std::size_t k = 1; k < out.size(); ++k) {
      fuzz::demand(std::isfinite(out[k]));
      sum += std::exp(static_cast<double>(out[k]));
    }
    fuzz::demand(std::abs(sum - 1) < 1e-3);
    // Which piece is next, the bytes say.
    const auto byte = static_cast<std::uint8_t>(bytes[(step * 31) % bytes.size()]);
    state = model->next(state, 1 + byte % (model->tokens() - 1));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHead = 20, kVersionAt = 8, kSumAt = 12;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  if (size < kHead) return 0;
  const std::uint32_t version = 2;
  const std::uint64_t sum = XXH64(bytes.data() + kHead, size - kHead, 0);
  std::memcpy(bytes.data(), "PIPITWLM", 8);
  std::memcpy(bytes.data() + kVersionAt, &version, sizeof version);
  std::memcpy(bytes.data() + kSumAt, &sum, sizeof sum);
  check(bytes);
  return 0;
}
