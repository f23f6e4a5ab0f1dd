// base/view.h — a matrix somebody else owns.
#pragma once
#include <cstddef>
#include <span>

#include "base/contract.h"

namespace pipit {

/// Non-owning row-major matrix, shape [rows, cols]; `stride` counts elements from one row to the next (>= cols).
/// Stands in for std::mdspan, which g++ 12 lacks.
template <class T>
struct MatView {
  T* data = nullptr;
  std::size_t rows = 0, cols = 0, stride = 0;

  std::span<T> row(std::size_t r) const {
    expects(r < rows, "MatView::row: index out of range");
    return {data + r * stride, cols};
  }
};

}  // namespace pipit
