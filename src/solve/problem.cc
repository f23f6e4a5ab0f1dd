#include "solve/problem.h"

namespace pipit {

int Problem::number_blocks() {
  int next = 0;
  for (auto& set : sets_) {
    set->block.resize(static_cast<std::size_t>(set->size()));
    for (int i = 0; i < set->size(); ++i) set->block[static_cast<std::size_t>(i)] = set->fixed(i) ? -1 : next++;
  }
  return next;
}

int Problem::block_width() const {
  int widest = 0;
  for (const auto& set : sets_) widest = std::max(widest, set->dim());
  expects(widest <= 6, "Problem: a variable has more than 6 dimensions");
  return widest <= 3 ? 3 : 6;
}

void Problem::save(int copy) {
  for (auto& set : sets_) set->save(copy);
}

void Problem::restore(int copy) {
  for (auto& set : sets_) set->restore(copy);
}

}  // namespace pipit
