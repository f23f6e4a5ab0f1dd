#include "sparse/dense.h"

#include "sparse/dense_ref.h"

namespace pipit {
template <class T>
int factor_panel(T* panel, FrontShape shape) {
  return reference::factor_panel(panel, shape);
}
template <class T>
void form_update(const T* panel, FrontShape shape, T* update) {
  reference::form_update(panel, shape, update);
}
template <class T>
void add_to_panel(const ChildUpdate<T>& child, int B, T* panel, FrontShape parent) {
  reference::add_to_panel(child, B, panel, parent);
}
template <class T>
void add_to_update(const ChildUpdate<T>& child, int B, T* update, FrontShape parent) {
  reference::add_to_update(child, B, update, parent);
}
template <class From, class T>
void scaled_block(const From* block, bool transposed, const T* s_row, const T* s_col, int B, T* out, int ld) {
  reference::scaled_block(block, transposed, s_row, s_col, B, out, ld);
}
#define I(T)                                                              \
  template int factor_panel(T*, FrontShape);                              \
  template void form_update(const T*, FrontShape, T*);                    \
  template void add_to_panel(const ChildUpdate<T>&, int, T*, FrontShape); \
  template void add_to_update(const ChildUpdate<T>&, int, T*, FrontShape);
I(float) I(double) template void scaled_block(const float*, bool, const float*, const float*, int, float*, int);
template void scaled_block(const double*, bool, const float*, const float*, int, float*, int);
template void scaled_block(const float*, bool, const double*, const double*, int, double*, int);
template void scaled_block(const double*, bool, const double*, const double*, int, double*, int);
}  // namespace pipit
