// apps/progress.h — a line on stderr for each iteration, and ctrl-C heard between two of them.
#pragma once
#include <fmt/format.h>

#include <cstdio>

#include "app.h"
#include "solve/minimise.h"

namespace pipit {

/// `chi2` is twice the cost: exactly chi2 without a robust loss, the objective with one.
inline Observer progress(bool quiet, const char* what = "chi2", double times = 2) {
  return [=](const Iteration& it) {
    if (!quiet)
      fmt::print(stderr,
                 "iteration {:3}   {} {:<12.7g} {}   {:3} inner   {:8.3f} s{}\n",
                 it.number,
                 what,
                 times * it.cost,
                 it.accepted ? fmt::format("down {:8.2e}", it.relative_decrease) : "step rejected",
                 it.inner_iterations,
                 it.seconds,
                 it.damping > 0 ? fmt::format("   damping {:.1e}", it.damping) : "");
    return !interrupted();
  };
}

/// A line of talk on stderr.
template <class... Args>
void say(bool quiet, fmt::format_string<Args...> text, Args&&... args) {
  if (!quiet) fmt::print(stderr, "{}\n", fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace pipit
