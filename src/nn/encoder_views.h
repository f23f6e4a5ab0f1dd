// nn/encoder_views.h — a sound heard by one encoder in several views: steps that begin at different frames. A step of
// 60 ms cuts a vowel here or there; the mean of three such cuts is surer than one (an average over shifts, as test-time
// augmentation in vision does over crops).
#pragma once
#include <span>
#include <vector>

#include "nn/transducer.h"

namespace pipit {

/// One stream. View v lags by v * stack / views frames and is done with its step that much earlier within the step of
/// view 0, so the last frame of a step costs one encoder step, whatever the views. One view is the plain encoder.
/// The model is shared and const. Nothing is allocated after the constructor.
class EncoderViews {
 public:
  /// Needs   1 <= views <= stack.
  EncoderViews(const Transducer& model, int views);

  /// One normalised frame [bands]. True where it completes a step: e() and h() are then new.
  bool push(std::span<const float> frame);
  /// The mean over the views of what Transducer::encode gives.
  std::span<const float> e() const { return e_; }
  std::span<const float> h() const { return h_; }

  /// Another sound follows, of the same voice: frames of a step that was not completed are dropped.
  void start();
  /// As new.
  void reset();

 private:
  struct View {
    EncoderState state;
    std::vector<float> x, e, h;
    std::size_t late = 0, filled = 0;  // frames
  };
  const Transducer& model_;
  std::vector<View> views_;  // view 0 the last, as it completes last
  std::vector<float> e_, h_;
  bool begun_ = false;
};

}  // namespace pipit
