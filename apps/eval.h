// apps/eval.h — the evaluations: each is a sub-command of `pipit eval` in a file of its own.
#pragma once
#include "app.h"

namespace pipit {

void add_eval_trajectory(CLI::App& eval, Task& task);  ///< ate, rpe
void add_eval_loops(CLI::App& eval, Task& task);
void add_eval_growth(CLI::App& eval, Task& task);
void add_eval_increments(CLI::App& eval, Task& task);
void add_eval_ablation(CLI::App& eval, Task& task);
void add_eval_starts(CLI::App& eval, Task& task);
void add_eval_windows(CLI::App& eval, Task& task);
void add_eval_wer(CLI::App& eval, Task& task);
void add_eval_lattice(CLI::App& eval, Task& task);
void add_eval_endpoint(CLI::App& eval, Task& task);

}  // namespace pipit
