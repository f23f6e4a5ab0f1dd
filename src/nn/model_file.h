// nn/model_file.h — the weights of a network and its card in one file that is read where it lies.
// The bytes: docs/model_format.md. Reader and writer need base, nlohmann-json and xxhash alone, no kernels.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"

namespace pipit {

/// Single: fp32. Half: IEEE binary16. Int8: [-127, 127] with one fp32 scale for each row (quantise.h); a row is what
/// one index of the first axis selects, a vector is a single row.
enum class StoredAs : std::uint8_t { Single, Half, Int8 };

/// "f32", "f16", "i8".
std::string_view name(StoredAs as);

/// One array of a ModelFile, row-major. A view: valid as long as the file it came from.
struct Tensor {
  StoredAs stored_as = StoredAs::Single;
  std::vector<std::int64_t> shape;     ///< one to four axes, each at least 1
  std::span<const std::byte> data;     ///< aligned to 64 bytes: the elements, without the scales
  std::span<const float> scales = {};  ///< [rows] for Int8, else empty

  std::size_t rows() const;
  std::size_t cols() const;  ///< elements of one row
  std::size_t size() const { return rows() * cols(); }
  std::size_t bytes() const { return data.size() + scales.size_bytes(); }

  /// The elements of row r as fp32: exact for Single and Half, scale * q for Int8.
  /// Needs r < rows(), out.size() == cols().
  void row(std::size_t r, std::span<float> out) const;
  /// All of them.
  std::vector<float> values() const;
};

/// Collects tensors and writes them. Needs: names not empty, printable ASCII, none twice; as many values as the shape
/// says, at least one (contract).
class ModelWriter {
 public:
  /// Converts at once: one rounding to nearest even for Half, quantise() by rows for Int8.
  void add(std::string name,
           std::vector<std::int64_t> shape,
           std::span<const float> values,
           StoredAs as = StoredAs::Single);
  /// A JSON object, free in form.
  void set_card(std::string json) { card_ = std::move(json); }
  /// Under a temporary name, then renamed: a reader sees the old file or the new one.
  /// Fails with InvalidArgument (the card is no JSON object; a value is not finite or beyond half), Io, NotFound.
  Status write(const std::string& path) const;

 private:
  struct Entry {
    std::string name;
    StoredAs as;
    std::vector<std::int64_t> shape;
    std::string bytes;
  };
  std::vector<Entry> entries_;
  std::string card_ = "{}";
  std::string unfit_;  // the first tensor that cannot be stored as asked
};

/// A model file mapped into memory. Everything is checked before open() returns: length, version, checksum, header,
/// that tensors lie inside the file, aligned, none over another. Do not overwrite the file in place while it is open
/// (ModelWriter never does).
class ModelFile {
 public:
  /// Fails as MappedFile does, or with Unsupported (version) or BadFormat, in one line that begins with the path.
  static Result<ModelFile> open(const std::string& path);

  /// Null where there is no such tensor.
  const Tensor* find(std::string_view tensor) const;
  /// Fails with NotFound or BadFormat (another shape), naming file and tensor.
  Result<Tensor> get(std::string_view tensor, const std::vector<std::int64_t>& shape) const;
  /// By name.
  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }
  /// The card, a JSON object as text.
  const std::string& card() const { return card_; }
  const std::string& path() const { return path_; }
  std::size_t size_bytes() const { return file_.bytes().size(); }

 private:
  ModelFile(const std::string& path, MappedFile file) : path_(path), file_(std::move(file)) {}
  Status read_header(std::string_view header, std::uint64_t data_begin);
  std::string path_, card_;
  MappedFile file_;
  std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace pipit
