// nn/model_layout.h — the bytes of docs/model_format.md, for the reader and the writer. Seen by .cc files of nn alone.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// xxhash and nlohmann-json are used as headers only, so that two source files and base make a writer anywhere.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "nn/json.h"
#include "nn/model_file.h"

namespace pipit::model_layout {

static_assert(std::endian::native == std::endian::little, "the model file is read in place");

inline constexpr std::string_view kMagic = "PIPITMDL";
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint64_t kAlignment = 64, kPreamble = 64, kLargestHeader = std::uint64_t{16} << 20;
inline constexpr std::size_t kMostAxes = 4;

struct Preamble {
  std::array<char, 8> magic;
  std::uint32_t version, zero;
  std::uint64_t header_bytes, file_bytes;
  std::uint64_t checksum;
  std::array<char, 24> padding;
};
static_assert(sizeof(Preamble) == kPreamble && offsetof(Preamble, checksum) == 32);

/// XXH64 of everything behind the checksum, seeded with what stands before it and is not known otherwise.
inline std::uint64_t checksum_of(const char* file, std::uint64_t header_bytes, std::uint64_t file_bytes) {
  constexpr std::size_t kBehind = offsetof(Preamble, padding);
  return XXH64(file + kBehind, file_bytes - kBehind, header_bytes);
}

inline std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Number of elements; nothing where a shape is not 1 to 4 axes of 1 to 2^31 or has more than 2^40 elements.
inline std::optional<std::uint64_t> elements(const std::vector<std::int64_t>& shape) {
  if (shape.empty() || shape.size() > kMostAxes) return std::nullopt;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  std::uint64_t product = 1;
  for (const std::int64_t n : shape) {
    if (n < 1 || n > (std::int64_t{1} << 31)) return std::nullopt;
    product *= static_cast<std::uint64_t>(n);
    if (product > kMost) return std::nullopt;
  }
  return product;
}

inline std::uint64_t rows_of(const std::vector<std::int64_t>& shape) {
  return shape.size() == 1 ? 1 : static_cast<std::uint64_t>(shape[0]);
}

inline std::uint64_t bytes_of(StoredAs as, const std::vector<std::int64_t>& shape, std::uint64_t count) {
  if (as == StoredAs::Single) return 4 * count;
  if (as == StoredAs::Half) return 2 * count;
  return aligned(count) + 4 * rows_of(shape);
}

inline std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t k = 0; k < shape.size(); ++k) text += (k ? ", " : "") + std::to_string(shape[k]);
  return text + "]";
}

}  // namespace pipit::model_layout
