// asr/histories.h — where the hypotheses of a search come from: a graph of labels. Those that met again share a node,
// and each way into it is kept, so that a lattice can be read off at any time.
// Source: papers.md B2; the word-pair idea of Ney and Aubert (1994), with the search's own future in the pair's place.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace pipit {

/// A token and the frame that it was emitted in.
struct Emission {
  std::int32_t token = 0, frame = 0;
};

/// The labels that a search may have heard. States in topological order, 0 the start.
struct LabelLattice {
  struct Arc {
    std::int32_t from, to, token, frame;
    double acoustic, label;  ///< natural log; label: the language model's share
    double loss;  ///< how much worse the best path is that comes in this way, <= 0; 0 on one way of each state
  };
  struct Final {
    std::int32_t state;
    double log_score;  ///< what is still to be added there; acoustic
  };
  std::vector<std::int32_t> frames;  ///< of each state: the frame of its label, 0 at the start
  std::vector<Arc> arcs;             ///< by `to`
  std::vector<Final> finals;
};

/// Nodes never change: a meeting makes a new one, so what has been emitted from the old ones stays as it was.
///
/// Score     of a path: that of the hypothesis it ends in, plus the loss of each way that it takes. The first way into
/// a
///           node is the best and loses nothing, so the best path has the hypothesis's score exactly.
class Histories {
 public:
  struct Limits {
    double beam;              ///< ways that lose more are dropped, natural log
    int most_ways;            ///< into one node, >= 1
    std::int32_t max_frames;  ///< alternatives older than this are forgotten when memory is tidied
  };
  /// An end of the graph: a hypothesis alive, its node and its score.
  struct End {
    std::int32_t* node;
    double log_score;
  };

  explicit Histories(const Limits& limits) : limits_(limits) { clear(); }
  void clear();
  std::size_t size() const { return nodes_.size(); }
  std::size_t num_ways() const { return ways_.size(); }

  /// After `parent` came a token with this score in all, of which `label` is what the language model gave the token.
  std::int32_t add(std::int32_t parent, std::int32_t token, std::int32_t frame, double log_score, double label);
  /// Two nodes with one future. `score` is that of the better one from now on; `same`: both are the same labels, whose
  /// alignments were added up.
  std::int32_t join(
      std::int32_t better, double better_score, std::int32_t worse, double worse_score, double score, bool same);

  std::int32_t token(std::int32_t node) const { return nodes_[static_cast<std::size_t>(node)].token; }
  /// On the best way; the start is its own parent, and its token the blank.
  std::int32_t parent(std::int32_t node) const;
  std::vector<Emission> emissions(std::int32_t node) const;

  /// Forgets what no end needs, and the alternatives that lose more than the beam on their best way to an end; renames
  /// the nodes of the ends.
  void compact(std::span<const End> ends, std::int32_t frame);
  /// All paths to the ends that lose no more than the beam.   Cost O(nodes + ways).
  LabelLattice lattice(std::span<const End> ends) const;

 private:
  struct Node {
    std::int32_t token, first_way, num_ways;
    double log_score;  // of the best path when the node was made
  };
  struct Way {
    std::int32_t from, frame;
    double loss, label;
  };
  std::span<const Way> ways(std::size_t node) const {
    return std::span(ways_).subspan(static_cast<std::size_t>(nodes_[node].first_way),
                                    static_cast<std::size_t>(nodes_[node].num_ways));
  }
  // For each node the loss of the best path from it to an end, and -infinity where there is none within the beam.
  std::vector<double> losses_after(std::span<const End> ends) const;
  bool kept(const Way& way, double after) const;

  Limits limits_;
  std::vector<Node> nodes_;
  std::vector<Way> ways_;
};

}  // namespace pipit
