// lm/bytes.h — numbers to bytes and back as they lie in memory, arrays at a multiple of their numbers' width; reading
// never goes beyond the end, and copies no array.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "lm/stored.h"

namespace pipit {

static_assert(std::endian::native == std::endian::little, "language models are read as they lie in memory");

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
void put_all(std::string& out, const Stored<T>& values) {
  while (out.size() % sizeof(T) != 0) out.push_back(0);
  out.append(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T));
}

/// Takes values off the front; false where there are not so many. Begins at a multiple of 4 bytes.
struct ByteReader {
  std::span<const std::byte> rest;

  template <class T>
  bool take(T& value) {
    if (rest.size() < sizeof value) return false;
    std::memcpy(&value, rest.data(), sizeof value);
    rest = rest.subspan(sizeof value);
    return true;
  }
  template <class T>
  bool take(Stored<T>& values, std::uint64_t count) {
    static_assert(sizeof(T) == alignof(T) && sizeof(T) <= 4);
    const std::size_t gap = -reinterpret_cast<std::uintptr_t>(rest.data()) % sizeof(T);
    if (rest.size() < gap || (rest.size() - gap) / sizeof(T) < count) return false;
    values = Stored<T>(std::span(reinterpret_cast<const T*>(rest.data() + gap), count));
    rest = rest.subspan(gap + count * sizeof(T));
    return true;
  }
};

}  // namespace pipit
