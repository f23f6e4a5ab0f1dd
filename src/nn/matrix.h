// nn/matrix.h — weights in one of the formats that the kernels know, packed for them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/view.h"
#include "nn/kernels.h"
#include "nn/model_file.h"

namespace pipit {

/// What weights are multiplied in: fp32; binary16 weights, all else fp32; int8 weights and inputs (quantise.h), exact
/// integer sums, all else fp32.
enum class Arithmetic : std::uint8_t { Single, Half, Int8 };

/// Buffers of one thread. Grow at first use, then stay.
struct Scratch {
  std::vector<std::int16_t> quantised;
  std::vector<float> gates, cells;

  /// The first n of `buffer`, which grows where it must.
  template <class T>
  static std::span<T> first(std::vector<T>& buffer, std::size_t n) {
    if (buffer.size() < n) buffer.resize(n);
    return {buffer.data(), n};
  }
};

/// W [R,C], R and C at least 1. Const after it is made: any number of threads may multiply, each with its own Scratch.
class Matrix {
 public:
  Matrix() = default;
  /// Rounds to the format. Needs finite values, in the range of half for Half.
  Matrix(MatView<const float> w, Arithmetic arithmetic);
  /// As above; what the file stores in the wanted format is taken as it is.
  /// Fails with BadFormat where a value is not finite or not in the range.
  static Result<Matrix> load(
      const ModelFile& file, std::string_view tensor, std::size_t rows, std::size_t cols, Arithmetic arithmetic);

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  std::size_t bytes() const;

  /// y [R] += W x. Bounds: accumulate() of kernels.h.
  void multiply_add(std::span<const float> x, std::span<float> y, Scratch& scratch) const;

 private:
  struct alignas(kRowAlignment) Line {
    std::byte bytes[kRowAlignment];
  };
  Matrix(std::size_t rows, std::size_t cols, Arithmetic arithmetic);
  template <class T>
  T* row(std::size_t r) {
    return reinterpret_cast<T*>(lines_.data()) + r * stride_;
  }
  template <class T>
  MatView<const T> view() const {
    return {reinterpret_cast<const T*>(lines_.data()), rows_, cols_, stride_};
  }
  void set_row(std::size_t r, std::span<const float> values);

  Arithmetic arithmetic_ = Arithmetic::Single;
  std::size_t rows_ = 0, cols_ = 0, stride_ = 0;  // stride in elements
  std::vector<Line> lines_;
  std::vector<float> scales_;  // [R] for Int8
};

}  // namespace pipit
