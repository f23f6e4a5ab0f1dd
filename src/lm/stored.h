// lm/stored.h — an array of a model: its own, or read where it lies in a file that is mapped into memory.
#pragma once
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace pipit {

/// Const. The numbers stay where they are when the object moves; it is not copied.
template <class T>
class Stored {
 public:
  Stored() = default;
  explicit Stored(std::vector<T> own) : own_(std::move(own)), all_(own_) {}
  /// Needs   memory that outlives this.
  explicit Stored(std::span<const T> there) : all_(there) {}
  Stored(Stored&&) noexcept = default;
  Stored& operator=(Stored&&) noexcept = default;

  std::size_t size() const { return all_.size(); }
  const T& operator[](std::size_t k) const { return all_[k]; }
  const T& back() const { return all_.back(); }
  const T* begin() const { return all_.data(); }
  const T* end() const { return all_.data() + all_.size(); }
  std::span<const T> all() const { return all_; }

 private:
  std::vector<T> own_;
  std::span<const T> all_;
};

}  // namespace pipit
