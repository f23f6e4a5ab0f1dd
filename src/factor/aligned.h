// factor/aligned.h — arrays that start on a cache line.
#pragma once
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace pipit {

/// Allocates on 64-byte boundaries and one cache line more than asked for, so that a vector load may run over the end.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::size_t kAlign = 64;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new (n * sizeof(T) + kAlign, std::align_val_t{kAlign}));
  }
  /// resize() leaves new elements undefined: what is written before it is read needs no zeros.
  template <class U, class... Arguments>
  void construct(U* p, Arguments&&... arguments) {
    if constexpr (sizeof...(Arguments) == 0)
      ::new (static_cast<void*>(p)) U;
    else
      ::new (static_cast<void*>(p)) U(std::forward<Arguments>(arguments)...);
  }
  void deallocate(T* p, std::size_t) { ::operator delete (p, std::align_val_t{kAlign}); }
  bool operator==(const AlignedAllocator&) const { return true; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace pipit
