#include <charconv>

#include "base/file.h"
#include "poses/g2o_io.h"

namespace pipit {
namespace {

/// Text that goes to a file whenever a block is full, or stays where there is no file.
class Writer {
 public:
  explicit Writer(OutputFile* file = nullptr) : file_(file) {}
  Writer& word(std::string_view text) {
    if (!at_line_start_) text_ += ' ';
    text_ += text;
    at_line_start_ = false;
    return *this;
  }
  template <class Number>
  Writer& number(Number value) {
    char buffer[32];
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);  // shortest that reads back exactly
    return word({buffer, static_cast<std::size_t>(result.ptr - buffer)});
  }
  Writer& pose(const SE2<double>& T) { return number(T.t.x()).number(T.t.y()).number(T.theta); }
  Writer& pose(const SE3<double>& T) {
    number(T.t.x()).number(T.t.y()).number(T.t.z());
    return number(T.q.x()).number(T.q.y()).number(T.q.z()).number(T.q.w());
  }
  template <class Matrix>
  Writer& upper(const Matrix& I) {
    for (int r = 0; r < I.rows(); ++r)
      for (int c = r; c < I.cols(); ++c) number(I(r, c));
    return *this;
  }
  void end_line() {
    text_ += '\n';
    at_line_start_ = true;
    if (file_ != nullptr && text_.size() >= kBlock) flush();
  }
  void flush() {
    if (status_) status_ = file_->write(text_);
    text_.clear();
  }
  const Status& status() const { return status_; }
  std::string take() { return std::move(text_); }

 private:
  static constexpr std::size_t kBlock = std::size_t{1} << 20;
  OutputFile* file_;
  Status status_ = Done{};
  std::string text_;
  bool at_line_start_ = true;
};

template <class Pose>
void print(const PoseGraph<Pose>& graph, Writer& out) {
  constexpr bool plane = Pose::kDim == 3;
  for (std::size_t i = 0; i < graph.poses.size(); ++i)
    out.word(plane ? "VERTEX_SE2" : "VERTEX_SE3:QUAT").number(graph.ids[i]).pose(graph.poses[i]).end_line();
  for (std::size_t i = 0; i < graph.landmarks.size(); ++i)
    out.word("VERTEX_XY")
        .number(graph.landmark_ids[i])
        .number(graph.landmarks[i].x())
        .number(graph.landmarks[i].y())
        .end_line();
  for (const std::int32_t i : graph.fixed) out.word("FIX").number(graph.ids[i]).end_line();
  for (const Edge<Pose>& edge : graph.edges)
    out.word(plane ? "EDGE_SE2" : "EDGE_SE3:QUAT")
        .number(graph.ids[edge.from])
        .number(graph.ids[edge.to])
        .pose(edge.T_from_to)
        .upper(edge.information)
        .end_line();
  for (const LandmarkEdge& edge : graph.landmark_edges)
    out.word("EDGE_SE2_XY")
        .number(graph.ids[edge.pose])
        .number(graph.landmark_ids[edge.landmark])
        .number(edge.xy.x())
        .number(edge.xy.y())
        .upper(edge.information)
        .end_line();
}

}  // namespace

template <class Pose>
std::string to_g2o(const PoseGraph<Pose>& graph) {
  Writer out;
  print(graph, out);
  return out.take();
}

template <class Pose>
Status write_g2o(const std::string& path, const PoseGraph<Pose>& graph) {
  Result<OutputFile> file = OutputFile::create(path);
  if (!file) return file.error();
  Writer out(&*file);
  print(graph, out);
  out.flush();
  if (!out.status()) return out.status();
  return file->commit();
}

template std::string to_g2o(const PoseGraph2&);
template std::string to_g2o(const PoseGraph3&);
template Status write_g2o(const std::string&, const PoseGraph2&);
template Status write_g2o(const std::string&, const PoseGraph3&);

}  // namespace pipit
