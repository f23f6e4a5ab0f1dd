#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/contract.h"
#include "base/file.h"
#include "bits/half.h"
#include "nn/model_file.h"
#include "nn/model_layout.h"
#include "nn/quantise.h"

namespace pipit {
namespace {

template <class T>
void append(std::string& bytes, std::span<const T> values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

bool printable(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

}  // namespace

void ModelWriter::add(std::string name, std::vector<std::int64_t> shape, std::span<const float> values, StoredAs as) {
  const auto count = model_layout::elements(shape);
  expects(count && *count == values.size(), "ModelWriter::add: the values are not as many as the shape says");
  expects(printable(name), "ModelWriter::add: a name is printable ASCII without blanks");
  expects(std::ranges::none_of(entries_, [&](const Entry& e) { return e.name == name; }),
          "ModelWriter::add: a name is there already");
  const float most = as == StoredAs::Half ? 65519.996f : std::numeric_limits<float>::max();
  if (unfit_.empty() && !std::ranges::all_of(values, [&](float v) { return std::fabs(v) <= most; })) unfit_ = name;

  Entry entry{std::move(name), as, std::move(shape), {}};
  if (as == StoredAs::Single) {
    append(entry.bytes, values);
  } else if (as == StoredAs::Half) {
    std::vector<half> halves(values.size());
    std::ranges::transform(values, halves.begin(), [](float v) { return to_half(v); });
    append(entry.bytes, std::span<const half>(halves));
  } else if (unfit_.empty()) {
    const std::size_t rows = model_layout::rows_of(entry.shape), cols = values.size() / rows;
    std::vector<std::int8_t> integers(values.size());
    std::vector<float> scales(rows);
    for (std::size_t r = 0; r < rows; ++r)
      scales[r] = quantise(values.subspan(r * cols, cols), integers.data() + r * cols);
    append(entry.bytes, std::span<const std::int8_t>(integers));
    entry.bytes.resize(model_layout::aligned(entry.bytes.size()));
    append(entry.bytes, std::span<const float>(scales));
  }
  entries_.push_back(std::move(entry));
}

Status ModelWriter::write(const std::string& path) const {
  using model_layout::aligned;
  const auto refuse = [&](const std::string& why) { return Error{Code::InvalidArgument, path + ": " + why}; };
  if (!unfit_.empty())
    return refuse("tensor '" + unfit_ + "' holds a value that its format cannot, wanted finite numbers");
  const auto card = parse_json(card_);
  if (!card || !card->is_object()) return refuse("the card is not a JSON object");

  nlohmann::json tensors = nlohmann::json::array();
  std::uint64_t offset = 0;
  for (const Entry& e : entries_) {
    tensors.push_back({{"name", e.name},
                       {"format", std::string(name(e.as))},
                       {"shape", e.shape},
                       {"offset", offset},
                       {"bytes", e.bytes.size()}});
    offset += aligned(e.bytes.size());
  }
  const std::string header = nlohmann::json{{"card", *card}, {"tensors", std::move(tensors)}}.dump();
  if (header.size() > model_layout::kLargestHeader) return refuse("card and names are more than 16 MiB");

  model_layout::Preamble preamble{};
  std::ranges::copy(model_layout::kMagic, preamble.magic.begin());
  preamble.version = model_layout::kVersion;
  preamble.header_bytes = header.size();
  const std::uint64_t data_begin = aligned(model_layout::kPreamble + header.size());
  preamble.file_bytes = data_begin + offset;
  std::string file(preamble.file_bytes, '\0');
  header.copy(file.data() + model_layout::kPreamble, header.size());
  std::uint64_t at = data_begin;
  for (const Entry& e : entries_) {
    e.bytes.copy(file.data() + at, e.bytes.size());
    at += aligned(e.bytes.size());
  }
  preamble.checksum = model_layout::checksum_of(file.data(), header.size(), file.size());
  std::memcpy(file.data(), &preamble, sizeof preamble);
  return write_file(path, file);
}

}  // namespace pipit
