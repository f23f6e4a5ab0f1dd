#include "factor/block_matrix.h"

namespace pipit {

template <class T>
void multiply(
    const BlockSymmetric<T>& H, const BlockRowIndex& rows, std::span<const T> p, std::span<T> y, Workers& workers) {
  constexpr std::size_t kGrain = 2048;  // block rows: below this, waking a thread costs more than it brings
  for_ranges(workers, static_cast<std::size_t>(H.n()), kGrain, [&](Range range) {
    symmetric_times(H.view(), rows, p, y, static_cast<int>(range.begin), static_cast<int>(range.end));
  });
}

template void multiply(
    const BlockSymmetric<float>&, const BlockRowIndex&, std::span<const float>, std::span<float>, Workers&);
template void multiply(
    const BlockSymmetric<double>&, const BlockRowIndex&, std::span<const double>, std::span<double>, Workers&);

}  // namespace pipit
