#include "lattice/lattice_io.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "lattice/paths.h"
#include "lattice/posteriors.h"

namespace pipit {
namespace {

constexpr std::string_view kMagic = "PLAT\x01";
constexpr double kLargestScore = 0x1p50;  // in steps

std::uint64_t zigzag(std::int64_t x) {
  return (static_cast<std::uint64_t>(x) << 1) ^ static_cast<std::uint64_t>(x >> 63);
}
std::int64_t unzigzag(std::uint64_t x) { return static_cast<std::int64_t>(x >> 1) ^ -static_cast<std::int64_t>(x & 1); }

void put(std::string& out, std::uint64_t x) {
  for (; x >= 0x80; x >>= 7) out += static_cast<char>(0x80 | (x & 0x7F));
  out += static_cast<char>(x);
}

std::int64_t steps(double score) {
  const double in_steps = score / kScoreStep;
  expects(std::abs(in_steps) <= kLargestScore, "to_bytes: score too large");
  return std::llround(in_steps);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  /// A number of at most `most`, in its shortest form; 0 after a failure.
  std::uint64_t number(std::uint64_t most, const char* what) {
    std::uint64_t x = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      if (at_ == bytes_.size()) return fail(what, "cut short");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      x |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte >= 0x80) continue;
      if (byte == 0 && shift > 0) return fail(what, "not in its shortest form");
      return x <= most ? x : fail(what, "out of range");
    }
    return fail(what, "longer than 9 bytes");
  }
  std::int64_t signed_number(const char* what) {
    return unzigzag(number(std::numeric_limits<std::int64_t>::max(), what));
  }
  std::int32_t frame(std::int64_t base, std::int64_t offset, const char* what) {
    const bool inside = offset >= -base && offset <= std::numeric_limits<std::int32_t>::max() - base;
    return inside ? static_cast<std::int32_t>(base + offset) : static_cast<std::int32_t>(fail(what, "out of range"));
  }
  double score(const char* what) {
    const auto in_steps = static_cast<double>(signed_number(what));
    return std::abs(in_steps) <= kLargestScore ? in_steps * kScoreStep
                                               : static_cast<double>(fail(what, "out of range"));
  }
  std::string_view text(std::size_t length) {
    const auto out = bytes_.substr(at_, length);
    at_ += length;
    return out;
  }
  std::size_t left() const { return bytes_.size() - at_; }
  bool good() const { return error_.empty(); }
  Error error() const { return {Code::BadFormat, error_}; }
  std::uint64_t fail(const char* what, const char* why) {
    if (good()) error_ = "lattice, byte " + std::to_string(at_) + ": " + what + " " + why;
    return 0;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  std::string error_;
};

std::string in_text(double x) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x).ptr;
  return {buffer.data(), end};
}

std::string word_of(const Lattice& lattice, const LatticeArc& arc) {
  return arc.word == kNoWord ? "<eps>" : lattice.words[static_cast<std::size_t>(arc.word)];
}

}  // namespace

std::string to_bytes(const Lattice& lattice) {
  std::string out(kMagic);
  put(out, lattice.words.size());
  for (const auto& word : lattice.words) {
    put(out, word.size());
    out += word;
  }
  put(out, lattice.frames.size());
  std::int64_t before = 0;
  for (const auto frame : lattice.frames) {
    put(out, zigzag(frame - before));
    before = frame;
  }
  put(out, lattice.arcs.size());
  std::int32_t from = 0;
  for (const auto& arc : lattice.arcs) {
    put(out, static_cast<std::uint64_t>(arc.from - from));
    put(out, static_cast<std::uint64_t>(arc.to - arc.from - 1));
    put(out, static_cast<std::uint64_t>(std::int64_t{arc.word} + 1));
    put(out, zigzag(steps(arc.acoustic)));
    put(out, zigzag(steps(arc.label)));
    put(out, zigzag(static_cast<std::int64_t>(arc.start_frame) - lattice.frames[static_cast<std::size_t>(arc.from)]));
    put(out, static_cast<std::uint64_t>(arc.end_frame - arc.start_frame));
    from = arc.from;
  }
  return out;
}

Result<Lattice> from_bytes(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic)
    return Error{Code::BadFormat, "lattice: does not begin with PLAT and version 1"};
  Reader in(bytes);
  in.text(kMagic.size());
  Lattice out;
  // Every word takes 2 bytes or more, every state 1, every arc 7: a count that cannot be true is refused at once.
  const auto num_words = in.number(in.left() / 2, "number of words");
  for (std::uint64_t w = 0; w < num_words && in.good(); ++w) {
    const auto length = in.number(in.left(), "length of a word");
    if (length > in.left()) in.fail("word", "cut short");
    if (in.good()) out.words.emplace_back(in.text(length));
  }
  const auto num_states = in.number(in.left(), "number of states");
  std::int64_t before = 0;
  for (std::uint64_t s = 0; s < num_states && in.good(); ++s) {
    before = in.frame(before, in.signed_number("frame of a state"), "frame of a state");
    out.frames.push_back(static_cast<std::int32_t>(before));
  }
  const auto num_arcs = in.number(in.left() / 7, "number of arcs");
  std::uint64_t from = 0;
  for (std::uint64_t a = 0; a < num_arcs && in.good(); ++a) {
    LatticeArc arc;
    const std::uint64_t last = out.frames.empty() ? 0 : out.frames.size() - 1;
    from += in.number(last - from, "start of an arc");
    arc.from = static_cast<std::int32_t>(from);
    if (from == last) in.fail("start of an arc", "is the last state");
    arc.to = static_cast<std::int32_t>(from + 1 + in.number(from == last ? 0 : last - from - 1, "end of an arc"));
    arc.word = static_cast<std::int32_t>(in.number(out.words.size(), "word of an arc")) - 1;
    arc.acoustic = in.score("acoustic score");
    arc.label = in.score("label score");
    if (!in.good()) break;
    arc.start_frame = in.frame(out.frames[from], in.signed_number("start frame"), "start frame");
    arc.end_frame =
        in.frame(arc.start_frame,
                 static_cast<std::int64_t>(in.number(std::numeric_limits<std::int32_t>::max(), "end frame")),
                 "end frame");
    out.arcs.push_back(arc);
  }
  if (in.good() && in.left() > 0) in.fail("bytes", "left over at the end");
  if (!in.good()) return in.error();
  if (const Status fine = check(out); !fine) return fine.error();
  return out;
}

std::string to_openfst_text(const Lattice& lattice, const ScoreWeights& weights) {
  std::string out;
  for (const auto& arc : lattice.arcs) {
    const std::string word = word_of(lattice, arc);
    for (const std::string& field : {std::to_string(arc.from), std::to_string(arc.to), word, word})
      out.append(field).append("\t");
    out.append(in_text(0 - weights(arc))).append("\n");
  }
  return out + std::to_string(lattice.num_states() - 1) + '\n';
}

std::string to_graphviz(const Lattice& lattice, const ScoreWeights& weights) {
  const auto probable = posteriors(lattice, weights);
  std::vector<bool> best(lattice.arcs.size());
  for (const auto a : best_path(lattice, weights).arcs) best[static_cast<std::size_t>(a)] = true;
  std::string out = "digraph lattice {\n  rankdir=LR;\n  node [shape=circle];\n";
  out += "  " + std::to_string(lattice.num_states() - 1) + " [shape=doublecircle];\n";
  for (std::size_t a = 0; a < lattice.arcs.size(); ++a) {
    const auto& arc = lattice.arcs[a];
    std::string label;
    for (const char c : word_of(lattice, arc)) {
      if (c == '"' || c == '\\') label += '\\';
      label += c;
    }
    out += "  " + std::to_string(arc.from) + " -> " + std::to_string(arc.to) + " [label=\"" + label + " " +
           in_text(std::round(probable.arc[a] * 1000) / 1000) + "\"" + (best[a] ? " style=bold" : "") + "];\n";
  }
  return out + "}\n";
}

}  // namespace pipit
