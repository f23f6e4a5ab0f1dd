#include "nn/matrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "base/contract.h"
#include "bits/convert.h"
#include "nn/quantise.h"

namespace pipit {
namespace {

std::size_t element_bytes(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::Single ? 4 : arithmetic == Arithmetic::Half ? 2 : 1;
}

}  // namespace

Matrix::Matrix(std::size_t rows, std::size_t cols, Arithmetic arithmetic)
    : arithmetic_(arithmetic), rows_(rows), cols_(cols) {
  expects(rows > 0 && cols > 0, "Matrix: no rows or no columns");
  expects(arithmetic != Arithmetic::Int8 || cols <= kMostInt8Columns, "Matrix: too many columns for int8");
  const std::size_t row_lines = (cols * element_bytes(arithmetic) + kRowAlignment - 1) / kRowAlignment;
  stride_ = row_lines * kRowAlignment / element_bytes(arithmetic);
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
    scales_[r] = quantise(values, row<std::int8_t>(r));
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
    if (!std::ranges::all_of(values, [&](float v) { return std::fabs(v) <= most; }))
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
