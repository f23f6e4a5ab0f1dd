#include "endpoint/cadence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/contract.h"
#include "base/file.h"
#include "base/text.h"

namespace pipit {
namespace {

constexpr float kMost = 8;  // beyond that a logistic regression knows no better

}  // namespace

Result<Cadence> Cadence::open(const std::string& path) {
  const auto text = read_file(path, 1 << 20);
  if (!text) return text.error();
  return parse(*text, path);
}

Result<Cadence> Cadence::parse(std::string_view text, std::string_view name) {
  std::optional<float> offset;
  std::vector<float> weights;
  Lines lines(text);
  for (auto line = lines.next(); line; line = lines.next()) {
    if (line->empty() || line->front() == '#') continue;
    Fields fields(*line);
    const auto key = fields.next();
    std::vector<float> numbers;
    bool fine = true;
    for (auto field = fields.next(); !field.empty(); field = fields.next()) {
      const auto value = parse_number<float>(field);
      fine = fine && value && std::isfinite(*value);
      if (fine) numbers.push_back(*value);
    }
    if (fine && key == "offset" && numbers.size() == 1 && !offset)
      offset = numbers[0];
    else if (fine && key == "weights" && !numbers.empty() && weights.empty())
      weights = std::move(numbers);
    else
      return Error{Code::BadFormat,
                   fmt::format("{}:{}: {}: wanted 'offset' and a number, or 'weights' and some, each once",
                               name,
                               lines.number(),
                               in_quotes(*line))};
  }
  if (!offset || weights.empty())
    return Error{Code::BadFormat, fmt::format("{}: no line for '{}'", name, offset ? "weights" : "offset")};
  return Cadence(std::move(weights), *offset);
}

std::string Cadence::text() const {
  return fmt::format("offset\t{}\nweights\t{}\n", offset_, fmt::join(weights_, " "));
}

float Cadence::operator()(std::span<const float> h) const {
  if (weights_.empty()) return 0;
  expects(h.size() == weights_.size(), "Cadence: h has another length");
  return std::clamp(std::inner_product(h.begin(), h.end(), weights_.begin(), offset_), -kMost, kMost);
}

}  // namespace pipit
