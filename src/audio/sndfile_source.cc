#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "audio/frame_source.h"

namespace pipit {

std::size_t Bytes::read(void* to, std::size_t count) {
  count = std::min(size_ - at_, count);
  std::size_t n = fd_ < 0 ? count : 0;
  if (fd_ < 0 && count > 0) std::memcpy(to, bytes_.data() + at_, count);
  while (n < count) {
    const ssize_t got = ::pread(fd_, static_cast<char*>(to) + n, count - n, static_cast<off_t>(at_ + n));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;  // shortened meanwhile, or the disk fails: what reads will find the file cut
    n += static_cast<std::size_t>(got);
  }
  at_ += n;
  return n;
}

std::int64_t Bytes::seek(std::int64_t offset, int whence) {
  const auto size = static_cast<std::int64_t>(size_);
  const std::int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? static_cast<std::int64_t>(at_) : size;
  if (offset < -base || offset > size - base) return -1;
  at_ = static_cast<std::size_t>(base + offset);
  return base + offset;
}

namespace {

Bytes& memory(void* user) { return *static_cast<Bytes*>(user); }

sf_count_t length(void* user) { return static_cast<sf_count_t>(memory(user).size()); }
sf_count_t tell(void* user) { return static_cast<sf_count_t>(memory(user).at()); }
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
  explicit SndfileSource(Bytes bytes) : memory_(bytes) {}
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
  Bytes memory_;
  SNDFILE* file_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<FrameSource>> open_sndfile(Bytes bytes) {
  auto source = std::make_unique<SndfileSource>(bytes);
  if (const Status opened = source->open(); !opened) return opened.error();
  return std::unique_ptr<FrameSource>(std::move(source));
}

}  // namespace pipit
