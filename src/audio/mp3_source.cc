#include <mpg123.h>

#include <cstdio>
#include <utility>

#include "audio/frame_source.h"

namespace pipit {
namespace {

mpg123_ssize_t read_bytes(void* user, void* to, std::size_t count) {
  return static_cast<mpg123_ssize_t>(static_cast<Bytes*>(user)->read(to, count));
}
off_t seek(void* user, off_t offset, int whence) { return static_cast<Bytes*>(user)->seek(offset, whence); }

class Mp3Source : public FrameSource {
 public:
  explicit Mp3Source(Bytes bytes) : memory_(bytes) {}
  Mp3Source(const Mp3Source&) = delete;
  ~Mp3Source() override { mpg123_delete(mpg_); }

  Status open() {
    mpg123_init();  // does nothing since 1.27; may be called again
    int code = MPG123_OK;
    mpg_ = mpg123_new(nullptr, &code);
    if (mpg_ == nullptr) return Error{Code::Unsupported, mpg123_plain_strerror(code)};
    // A stream that changes its format midway ends there.
    const long flags = MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS | MPG123_NO_FRANKENSTEIN;
    long rate = 0;
    int encoding = 0;
    if (mpg123_param(mpg_, MPG123_ADD_FLAGS, flags, 0) != MPG123_OK ||
        mpg123_param(mpg_, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0) != MPG123_OK ||
        mpg123_replace_reader_handle(mpg_, read_bytes, seek, nullptr) != MPG123_OK ||
        mpg123_open_handle(mpg_, &memory_) != MPG123_OK ||
        mpg123_getformat(mpg_, &rate, &channels, &encoding) != MPG123_OK || encoding != MPG123_ENC_FLOAT_32)
      return Error{Code::BadFormat, mpg123_strerror(mpg_)};
    rate_hz = static_cast<int>(rate);
    return Done{};
  }
  std::size_t read(std::span<float> into) override {
    std::size_t bytes = 0;
    while (bytes == 0 && code_ == MPG123_OK) {
      code_ = mpg123_read(mpg_, into.data(), into.size_bytes(), &bytes);
      if (code_ == MPG123_NEW_FORMAT) code_ = MPG123_OK;  // said once, of the format that getformat told
    }
    return bytes / sizeof(float) / static_cast<std::size_t>(channels);
  }
  std::string error() const override { return code_ == MPG123_OK || code_ == MPG123_DONE ? "" : mpg123_strerror(mpg_); }

 private:
  Bytes memory_;
  mpg123_handle* mpg_ = nullptr;
  int code_ = MPG123_OK;
};

}  // namespace

bool looks_like_mp3(Bytes bytes) {
  const auto at = [&](std::size_t i) {
    unsigned char byte = 0;
    if (bytes.seek(static_cast<std::int64_t>(i), SEEK_SET) >= 0) bytes.read(&byte, 1);
    return unsigned{byte};
  };
  std::size_t begin = 0;
  if (at(0) == 'I' && at(1) == 'D' && at(2) == '3')  // ID3v2: ten bytes, the last four are the length, 7 bits each
    begin = 10 + ((at(6) & 127u) << 21 | (at(7) & 127u) << 14 | (at(8) & 127u) << 7 | (at(9) & 127u));
  return at(begin) == 0xff && (at(begin + 1) & 0xe0u) == 0xe0u && (at(begin + 1) & 0x06u) != 0;
}

Result<std::unique_ptr<FrameSource>> open_mp3(Bytes bytes) {
  auto source = std::make_unique<Mp3Source>(bytes);
  if (const Status opened = source->open(); !opened) return opened.error();
  return std::unique_ptr<FrameSource>(std::move(source));
}

}  // namespace pipit
