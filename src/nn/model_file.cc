#include "nn/model_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/contract.h"
#include "base/text.h"
#include "bits/convert.h"
#include "nn/model_layout.h"

namespace pipit {
namespace {

using nlohmann::json;

/// A whole number of at least 0; nothing for anything else.
std::optional<std::uint64_t> whole_number(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_number_unsigned()) return std::nullopt;
  return at->get<std::uint64_t>();
}

std::optional<std::string> word(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_string()) return std::nullopt;
  return at->get<std::string>();
}

std::optional<StoredAs> format_named(const std::string& text) {
  for (const StoredAs as : {StoredAs::Single, StoredAs::Half, StoredAs::Int8})
    if (text == name(as)) return as;
  return std::nullopt;
}

/// One to four whole numbers; nothing else.
std::optional<std::vector<std::int64_t>> shape_in(const json& object) {
  const auto at = object.find("shape");
  if (at == object.end() || !at->is_array() || at->size() > model_layout::kMostAxes) return std::nullopt;
  std::vector<std::int64_t> shape;
  for (const json& n : *at) {
    if (!n.is_number_unsigned() || n.get<std::uint64_t>() > (std::uint64_t{1} << 31)) return std::nullopt;
    shape.push_back(n.get<std::int64_t>());
  }
  return shape;
}

}  // namespace

std::string_view name(StoredAs as) { return as == StoredAs::Single ? "f32" : as == StoredAs::Half ? "f16" : "i8"; }

std::size_t Tensor::rows() const { return model_layout::rows_of(shape); }
std::size_t Tensor::cols() const {
  std::size_t product = shape.size() == 1 ? static_cast<std::size_t>(shape[0]) : 1;
  for (std::size_t k = 1; k < shape.size(); ++k) product *= static_cast<std::size_t>(shape[k]);
  return product;
}

void Tensor::row(std::size_t r, std::span<float> out) const {
  expects(r < rows() && out.size() == cols(), "Tensor::row: no such row or another length");
  const std::size_t begin = r * cols();
  if (stored_as == StoredAs::Single) {
    std::memcpy(out.data(), data.data() + begin * 4, out.size_bytes());
  } else if (stored_as == StoredAs::Half) {
    const auto* from = reinterpret_cast<const half*>(data.data()) + begin;
    convert<half, float>({from, out.size()}, out);
  } else {
    const auto* from = reinterpret_cast<const std::int8_t*>(data.data()) + begin;
    for (std::size_t k = 0; k < out.size(); ++k) out[k] = scales[r] * static_cast<float>(from[k]);
  }
}

std::vector<float> Tensor::values() const {
  std::vector<float> all(size());
  for (std::size_t r = 0; r < rows(); ++r) row(r, std::span(all).subspan(r * cols(), cols()));
  return all;
}

Result<ModelFile> ModelFile::open(const std::string& path) {
  const auto bad = [&](const std::string& why) { return Error{Code::BadFormat, path + ": " + why}; };
  auto mapped = MappedFile::open(path);
  if (!mapped) return mapped.error();
  const std::uint64_t size = mapped->bytes().size();
  if (size < model_layout::kPreamble) return bad("is " + std::to_string(size) + " bytes, a model file has at least 64");
  const char* const begin = reinterpret_cast<const char*>(mapped->bytes().data());

  model_layout::Preamble preamble;
  std::memcpy(&preamble, begin, sizeof preamble);
  if (!std::ranges::equal(preamble.magic, model_layout::kMagic))
    return bad("is no model file (it does not begin with PIPITMDL)");
  if (preamble.version != model_layout::kVersion || preamble.zero != 0)
    return Error{Code::Unsupported,
                 path + ": is version " + std::to_string(preamble.version) + " of the model file, wanted version " +
                     std::to_string(model_layout::kVersion)};
  if (preamble.file_bytes != size)
    return bad("is " + std::to_string(size) + " bytes, but says that it has " + std::to_string(preamble.file_bytes));
  const std::uint64_t header_bytes = preamble.header_bytes;
  if (header_bytes > std::min(model_layout::kLargestHeader, size - model_layout::kPreamble))
    return bad("header_bytes is " + std::to_string(header_bytes) + ", more than the file or 16 MiB");
  if (model_layout::checksum_of(begin, header_bytes, size) != preamble.checksum)
    return bad("the checksum is wrong: the file is damaged");
  ModelFile file(path, std::move(*mapped));
  const std::string_view header(begin + model_layout::kPreamble, header_bytes);
  if (Status read = file.read_header(header, model_layout::aligned(model_layout::kPreamble + header_bytes)); !read)
    return read.error();
  return file;
}

Status ModelFile::read_header(std::string_view header, std::uint64_t data_begin) {
  const auto bad = [&](const std::string& why) { return Error{Code::BadFormat, path_ + ": " + why}; };
  const auto parsed = parse_json(header);
  if (!parsed || !parsed->is_object()) return bad("the header is no JSON object (at most 64 levels deep)");
  const auto card = parsed->find("card"), list = parsed->find("tensors");
  if (card == parsed->end() || !card->is_object()) return bad("the header has no object 'card'");
  if (list == parsed->end() || !list->is_array()) return bad("the header has no list 'tensors'");
  card_ = card->dump();

  const std::uint64_t size = size_bytes();
  std::uint64_t free_from = std::min(data_begin, size);
  for (const json& entry : *list) {
    const std::string number = "tensor " + std::to_string(tensors_.size());
    const auto named = entry.is_object() ? word(entry, "name") : std::nullopt;
    if (!named || named->empty()) return bad(number + " has no name");
    const std::string which = "tensor " + in_quotes(*named) + ": ";
    const auto format = word(entry, "format");
    const auto as = format ? format_named(*format) : std::nullopt;
    if (!as) return bad(which + "format is " + in_quotes(format.value_or("")) + ", wanted f32, f16 or i8");
    auto shape = shape_in(entry);
    const auto count = shape ? model_layout::elements(*shape) : std::nullopt;
    if (!count) return bad(which + "shape is not one to four whole numbers from 1 on, or too large");
    const std::uint64_t want = model_layout::bytes_of(*as, *shape, *count);
    const auto bytes = whole_number(entry, "bytes"), offset = whole_number(entry, "offset");
    if (!bytes || *bytes != want)
      return bad(which + "bytes is not " + std::to_string(want) + ", what its shape and format need");
    if (!offset || *offset % model_layout::kAlignment != 0) return bad(which + "offset is no multiple of 64");
    if (*offset > size || data_begin + *offset > size || want > size - data_begin - *offset)
      return bad(which + "lies beyond the end of the file");
    const std::uint64_t begin = data_begin + *offset;
    if (begin < free_from) return bad(which + "overlaps the tensor before it");
    free_from = begin + want;

    const std::byte* data = file_.bytes().data() + begin;
    Tensor tensor{*as, std::move(*shape), {data, want}};
    if (*as == StoredAs::Int8) {
      tensor.data = {data, *count};
      tensor.scales = {reinterpret_cast<const float*>(data + model_layout::aligned(*count)), tensor.rows()};
    }
    if (!tensors_.emplace(*named, std::move(tensor)).second) return bad(which + "is there twice");
  }
  return Done{};
}

const Tensor* ModelFile::find(std::string_view tensor) const {
  const auto at = tensors_.find(tensor);
  return at == tensors_.end() ? nullptr : &at->second;
}

Result<Tensor> ModelFile::get(std::string_view tensor, const std::vector<std::int64_t>& shape) const {
  const Tensor* found = find(tensor);
  const std::string which = path_ + ": tensor '" + std::string(tensor) + "'";
  if (!found) return Error{Code::NotFound, which + " is missing, wanted " + model_layout::text_of(shape)};
  if (found->shape != shape)
    return Error{
        Code::BadFormat,
        which + " has shape " + model_layout::text_of(found->shape) + ", wanted " + model_layout::text_of(shape)};
  return *found;
}

}  // namespace pipit
