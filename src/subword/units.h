// subword/units.h — subword units: text to token ids and back. Token 0 is the transducer's blank, which no text contains.
// Source: Kudo, Subword Regularization (2018), sec. 3.2 (unigram model); SentencePiece does the work, in units.cc
// alone.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/pieces.h"

namespace pipit {

/// Loaded once and then const; any number of threads may use it.
class Units {
 public:
  /// Reads a SentencePiece model. Fails with NotFound or Io, BadFormat (no such model), Unsupported (blank not 0, or
  /// tokens for begin and end), naming the path.
  static Result<Units> load(const std::string& path);

  /// Trains `size` units (the blank among them) by the unigram model on normalised lines, empty ones left out, and
  /// writes them to `path`. A-Z and ' always have a piece, so every normalised text can be encoded. Deterministic: the
  /// same lines in the same order give the same file. Fails with InvalidArgument where the lines cannot give that many
  /// units. Needs   size >= 30.
  static Status train(std::span<const std::string> lines, int size, const std::string& path);

  Units(Units&&) noexcept;
  Units& operator=(Units&&) noexcept;
  ~Units();

  /// Ids of a normalised text, each in [1, size()); a character that is not in the model gives 0.
  std::vector<std::int32_t> encode(std::string_view text) const;
  /// join_pieces of the pieces; id 0 says nothing. Law: decode(encode(x)) == x for normalised x.
  /// Needs   every id in [0, size()).
  std::string decode(std::span<const std::int32_t> ids) const;

  int size() const { return static_cast<int>(pieces_.size()); }
  /// Needs   0 <= id < size().
  const std::string& piece(std::int32_t id) const;
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  struct Model;
  explicit Units(std::unique_ptr<Model> model, std::vector<std::string> pieces);
  std::unique_ptr<Model> model_;
  std::vector<std::string> pieces_;  // by id
};

}  // namespace pipit
