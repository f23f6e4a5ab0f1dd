// Any bytes at all as a model file, as they are and with length and checksum set right: tensors that can be read from
// end to end, a transducer that can be run, or one printable line.
#include <cmath>
#include <cstring>

#include "nn/model_layout.h"
#include "nn/transducer.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace pipit;

void check(const std::string& bytes) {
  const fuzz::MemoryFile memory(bytes.data(), bytes.size());
  const auto file = ModelFile::open(memory.path());
  if (!file) return fuzz::demand_clear(file.error());
  for (const auto& [name, tensor] : file->tensors()) fuzz::demand(tensor.values().size() == tensor.size());
  for (const Arithmetic arithmetic : {Arithmetic::Single, Arithmetic::Half, Arithmetic::Int8}) {
    const auto model = Transducer::load(*file, arithmetic);
    if (!model) {
      fuzz::demand_clear(model.error());
      continue;
    }
    EncoderState state = model->make_state();
    std::vector<float> e(model->joint_dim()), g(model->joint_dim()), out(model->tokens());
    std::vector<float> h(model->heard_dim()), phones(kPhoneFrames * model->sizes().phones);
    model->encode(state, std::vector<float>(model->frame_dim(), 0.5f), e, h);
    if (!phones.empty()) model->tell_phones(h, phones);
    model->predict(std::vector<std::int32_t>(model->context()), g);
    model->log_probs(e, g, out);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  model_layout::Preamble preamble{};
  if (size < sizeof preamble) return 0;
  std::memcpy(&preamble, data, sizeof preamble);
  std::copy(model_layout::kMagic.begin(), model_layout::kMagic.end(), preamble.magic.begin());
  preamble.version = model_layout::kVersion, preamble.zero = 0;
  preamble.file_bytes = size;
  preamble.checksum = model_layout::checksum_of(bytes.data(), preamble.header_bytes, size);
  std::memcpy(bytes.data(), &preamble, sizeof preamble);
  check(bytes);
  return 0;
}
