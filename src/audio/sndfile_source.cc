#include <sndfile.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "audio/frame_source.h"

namespace pipit {

std::size_t Memory::read(void* to, std::size_t count) {
  const std::size_t n = std::min(bytes.size() - at, count);
  if (n > 0) std::memcpy(to, bytes.data() + at, n);
  at += n;
  return n;
}

std::int64_t Memory::seek(std::int64_t offset, int whence) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  const std::int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? static_cast<std::int64_t>(at) : size;
  if (offset < -base || offset > size - base) return -1;
  at = static_cast<std::size_t>(base + offset);
  return base + offset;
}

namespace {

Memory& memory(void* user) { return *static_cast<Memory*>(user); }

sf_count_t length(void* user) { return static_cast<sf_count_t>(memory(user).bytes.size()); }
sf_count_t tell(void* user) { return static_cast<sf_count_t>(memory(user).at); }
sf_count_t seek(sf_count_t offset, int whence, void* user) { return memory(user).seek(offset, whence); }
sf_count_t read_bytes(void* to, sf_count_t count, void* user) {
  return count <= 0 ? 0 : static_cast<sf_count_t>(memory(user).read(to, static_cast<std::size_t>(count)));
}
sf_count_t refuse_write(const void*, sf_count_t, void*) { return 0; }

// libsndfile ends its sentences with a stop and some with a new line: one line without is wanted.
std::string reason(SNDFILE* file) {
  std::string text = sf_strerror(file);
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text;
}

class SndfileSource : public FrameSource {
 public:
  explicit SndfileSource(std::span<const std::byte> bytes) : memory_{bytes} {}
  SndfileSource(const SndfileSource&) = delete;
  ~SndfileSource() override {
    if (file_ != nullptr) sf_close(file_);
  }

  Status open() {
    SF_VIRTUAL_IO io{length, seek, read_bytes, refuse_write, tell};
    SF_INFO info{};
    file_ = sf_open_virtual(&io, SFM_READ, &info, &memory_);
    if (file_ == nullptr) return Error{Code::BadFormat, reason(nullptr)};
    rate_hz = info.samplerate;
    channels = info.channels;
    if (info.frames >= 0 && info.frames < SF_COUNT_MAX) num_frames = info.frames;
    return Done{};
  }
  std::size_t read(std::span<float> into) override {
    const sf_count_t got = sf_readf_float(file_, into.data(), static_cast<sf_count_t>(into.size()) / channels);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  std::string error() const override { return sf_error(file_) == SF_ERR_NO_ERROR ? "" : reason(file_); }

 private:
  Memory memory_;
  SNDFILE* file_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<FrameSource>> open_sndfile(std::span<const std::byte> bytes) {
  auto source = std::make_unique<SndfileSource>(bytes);
  if (const Status opened = source->open(); !opened) return opened.error();
  return std::unique_ptr<FrameSource>(std::move(source));
}

}  // namespace pipit
