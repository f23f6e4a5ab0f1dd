#include "nn/encoder_views.h"

#include <algorithm>

#include "base/contract.h"

namespace pipit {

EncoderViews::EncoderViews(const Transducer& model, int views)
    : model_(model), e_(model.joint_dim()), h_(model.heard_dim()) {
  const auto n = static_cast<std::size_t>(std::max(views, 1)), stack = model.sizes().stack;
  expects(views >= 1 && n <= stack, "EncoderViews: 1 <= views <= frames of a step");
  for (std::size_t v = n; v-- > 0;)
    views_.push_back({.state = model.make_state(),
                      .x = std::vector<float>(model.frame_dim()),
                      .e = std::vector<float>(model.joint_dim()),
                      .h = std::vector<float>(model.heard_dim()),
                      .late = v * stack / n});
}

bool EncoderViews::push(std::span<const float> frame) {
  const std::size_t bands = model_.sizes().bands, stack = model_.sizes().stack;
  expects(frame.size() == bands, "EncoderViews: a frame has the model's bands");
  const auto put = [&](View& view) {
    std::ranges::copy(frame, view.x.begin() + static_cast<std::ptrdiff_t>(view.filled++ * bands));
  };
  bool done = false;
  for (View& view : views_) {
    if (!begun_)  // what was before the first frame is taken to have been like it
      while (view.filled < view.late) put(view);
    put(view);
    if (view.filled < stack) continue;
    view.filled = 0;
    model_.encode(view.state, view.x, view.e, view.h);
    done = view.late == 0;
  }
  begun_ = true;
  if (!done) return false;
  const auto mean = [&](std::vector<float> View::*of, std::vector<float>& out) {
    const float share = 1 / static_cast<float>(views_.size());
    std::ranges::fill(out, 0.0F);
    for (const View& view : views_)
      for (std::size_t k = 0; k < out.size(); ++k) out[k] += share * (view.*of)[k];
  };
  mean(&View::e, e_);
  mean(&View::h, h_);
  return true;
}

void EncoderViews::start() {
  for (View& view : views_) view.filled = 0;
  begun_ = false;
}

void EncoderViews::reset() {
  start();
  for (View& view : views_) view.state = model_.make_state();
}

}  // namespace pipit
