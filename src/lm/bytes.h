// lm/bytes.h — numbers to bytes and back; reading never goes beyond the end.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace pipit {

static_assert(std::endian::native == std::endian::little, "language models are read as they lie in memory");

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
void put_all(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}
/// Seven bits a byte, the lowest first; small numbers are short.
inline void put_short(std::string& out, std::uint32_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<char>(value | 128));
  out.push_back(static_cast<char>(value));
}

/// Takes values off the front; false where there are not so many.
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
  bool take(std::vector<T>& values, std::uint64_t count) {
    if (rest.size() / sizeof(T) < count) return false;
    values.resize(count);
    if (count > 0) std::memcpy(values.data(), rest.data(), count * sizeof(T));
    rest = rest.subspan(count * sizeof(T));
    return true;
  }
  bool take_short(std::uint32_t& value) {
    value = 0;
    for (std::size_t k = 0; k < 5 && k < rest.size(); ++k) {
      const auto byte = static_cast<std::uint32_t>(rest[k]);
      value |= (byte & 127) << (7 * k);
      if (byte >= 128) continue;
      rest = rest.subspan(k + 1);
      return true;
    }
    return false;
  }
};

}  // namespace pipit
