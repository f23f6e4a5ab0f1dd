#include "nn/matrix.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>

#include "base/contract.h"
#include "base/pages.h"
#include "bits/convert.h"

namespace pipit {
namespace {

std::size_t element_bytes(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::Single ? 4 : arithmetic == Arithmetic::Half ? 2 : 1;
}

// Whether all are numbers from -most to most. Without their sign, numbers are ordered as their bits are, and what is no
// number lies above; no way out in between, so that a compiler makes vectors of the loop.
bool all_within(std::span<const float> values, float most) {
  std::uint32_t beyond = 0;
  for (const float v : values)
    beyond |= (std::bit_cast<std::uint32_t>(v) & 0x7fffffffu) > std::bit_cast<std::uint32_t>(most) ? 1 : 0;
  return beyond == 0;
}

}  // namespace

Matrix::Matrix(std::size_t rows, std::size_t cols, Arithmetic arithmetic)
    : arithmetic_(arithmetic), rows_(rows), cols_(cols) {
  expects(rows > 0 && cols > 0, "Matrix: no rows or no columns");
  expects(arithmetic != Arithmetic::Int8 || cols <= kMostInt8Columns, "Matrix: too many columns for int8");
  const std::size_t row_lines = (cols * element_bytes(arithmetic) + kRowAlignment - 1) / kRowAlignment;
  stride_ = row_lines * kRowAlignment / element_bytes(arithmetic);
  lines_.reserve(rows * row_lines);
  provide_pages({reinterpret_cast<std::byte*>(lines_.data()), lines_.capacity() * sizeof(Line)});
  lines_.resize(rows * row_lines);
  if (arithmetic == Arithmetic::Int8) scales_.resize(rows);
}

Matrix::Matrix(MatView<const float> w, Arithmetic arithmetic) : Matrix(w.rows, w.cols, arithmetic) {
  for (std::size_t r = 0; r < rows_; ++r) set_row(r, w.row(r));
}

void Matrix::set_row(std::size_t r, std::span<const float> values) {
  if (arithmetic_ == Arithmetic::Single) {
    std::ranges::copy(values, row<float>(r));
  } else if (arithmetic_ == Arithmetic::Half) {
    convert<float, half>(values, {row<half>(r), cols_});
  } else {
    scales_[r] = quantise_row(values, {row<std::int8_t>(r), stride_});
  }
}

Result<Matrix> Matrix::load(
    const ModelFile& file, std::string_view tensor, std::size_t rows, std::size_t cols, Arithmetic arithmetic) {
  const auto found = file.get(tensor, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(cols)});
  if (!found) return found.error();
  const float most = arithmetic == Arithmetic::Half ? kHalfMax : std::numeric_limits<float>::max();
  const bool as_stored = arithmetic == Arithmetic::Int8 && found->stored_as == StoredAs::Int8;
  Matrix matrix(rows, cols, arithmetic);
  std::vector<float> values(cols);
  for (std::size_t r = 0; r < rows; ++r) {
    found->row(r, values);
    if (!all_within(values, most))
      return Error{Code::BadFormat,
                   file.path() + ": tensor '" + std::string(tensor) + "' row " + std::to_string(r) +
                       " holds a number that is not finite or too large"};
    if (as_stored) {
      std::memcpy(matrix.row<std::int8_t>(r), found->data.data() + r * cols, cols);
      // -128 is never written; the sums of the kernel are exact with it all the same
      matrix.scales_[r] = found->scales[r];
    } else {
      matrix.set_row(r, values);
    }
  }
  return matrix;
}

std::size_t Matrix::bytes() const { return lines_.size() * sizeof(Line) + scales_.size() * sizeof(float); }

void Matrix::multiply_add(std::span<const float> x, std::span<float> y, Scratch& scratch) const {
  expects(x.size() == cols_ && y.size() == rows_, "Matrix::multiply_add: lengths differ");
  if (arithmetic_ == Arithmetic::Single) {
    accumulate(view<float>(), x, y);
  } else if (arithmetic_ == Arithmetic::Half) {
    accumulate(view<half>(), x, y);
  } else {
    const auto buffer = Scratch::first(scratch.quantised, quantised_length(cols_));
    accumulate(view<std::int8_t>(), scales_, quantise_vector(x, buffer), y);
  }
}

}  // namespace pipit
