#!/bin/bash
# planted_faults.sh ROOT WORK COMPILER: every rule of tests/arch must refuse a tree with the fault it is for, and pass
# the same tree without it. The tree is a small made-up one, so that this holds whatever state the real one is in.
set -euo pipefail
root=$1 work=$2 compiler=$3
here=$root/tests/arch
caught=0 bad=0

fresh_tree() {
  rm -rf "$work"
  mkdir -p "$work"/{src/low,src/high,apps,cmake,script,docs}
  printf 'set(allow_low "")\nset(allow_high low)\n' >"$work/cmake/allowed_includes.cmake"
  printf '#pragma once\n' >"$work/src/low/low.h"
  printf '#pragma once\n#include "low/low.h"\n#include <vector>\n' >"$work/src/high/high.h"
  for room in low high; do
    printf '# %s\n\n- what\n' "$room" >"$work/src/$room/README.md"
    printf 'room(%s HEADERS %s.h)\n' "$room" "$room" >"$work/src/$room/CMakeLists.txt"
  done
  printf '# apps\n\n- what\n' >"$work/apps/README.md"
  printf 'g++\nlibfmt-dev\n' >"$work/packages.txt"
  printf 'set(rooms_with_threads high)\n' >"$work/cmake/options.cmake"
  printf '#!/bin/bash\n' >"$work/script/setup"
  chmod +x "$work/script/setup"
  printf '# Tree\nRun `script/setup`, see [the rooms](src/low/README.md).\n' >"$work/README.md"
}
direction() { cmake -DROOT="$work" -P "$here/include_direction.cmake"; }
rule() { bash "$here/tree_rules.sh" "$work" "$1"; }
links() { bash "$here/links.sh" "$work"; }
quiet() {
  "$compiler" -std=c++20 -O1 -c "$work/noisy.cc" -o "$work/noisy.o"
  rm -f "$work/libnoisy.a"
  ar rc "$work/libnoisy.a" "$work/noisy.o"
  bash "$here/quiet_library.sh" "$work/libnoisy.a" "$@"
}
passes() {  # passes NAME CHECK..
  local name=$1
  shift
  if ! "$@" >"$work.log" 2>&1; then echo "$name: refused a good tree"; sed 's/^/    /' "$work.log"; bad=1; fi
}
refuses() {  # refuses NAME WANTED_TEXT CHECK..   (the fault has been planted)
  local name=$1 wanted=$2
  shift 2
  if "$@" >"$work.log" 2>&1; then echo "$name: NOT caught"; bad=1
  elif ! grep -qF -- "$wanted" "$work.log"; then echo "$name: caught for another reason:"; cat "$work.log"; bad=1
  else caught=$((caught + 1)); fi
  fresh_tree
}

fresh_tree
passes direction direction
for name in listed_sources no_marks short_files small_rooms room_readmes rooms_with_threads packages; do passes "$name" rule "$name"; done
passes links links

plant() { printf '%s\n' "$2" >>"$work/$1"; }
plant src/low/low.h '#include "high/high.h"';          refuses "upward include" "low may not include high" direction
plant src/low/low.h '  #  include "high/high.h"';      refuses "upward include, spaced" "low may not include high" direction
plant src/high/high.h '#include "apps/main.h"';        refuses "apps from a library" "is no room" direction
plant src/high/high.h '#include "bench/timer.h"';      refuses "bench from a library" "is no room" direction
plant src/high/high.h '#include "tests/data_path.h"';  refuses "tests from a library" "is no room" direction
plant src/high/high.h '#include "low.h"';              refuses "include without its room" "say the room" direction
plant src/high/high.h '#include "low/../high/high.h"'; refuses "a way around" "no way out" direction
plant src/high/high.h '#include <low/low.h>'; refuses "room in <>" "go in quotes" direction
plant src/high/high.h '#include <pipit/low/low.h>';    refuses "installed name inside" "say the room" direction
plant src/high/high.h '#include <CLI/CLI.hpp>';        refuses "command line in a library" "is not for high" direction
plant src/high/high.h '#include <opencv2/core.hpp>';   refuses "vision library elsewhere" "is not for high" direction
plant src/high/high.h '#include <torch/torch.h>';      refuses "training in the runtime" "is not for high" direction
plant src/high/high.h '#include <gtest/gtest.h>';      refuses "test library in a room" "is not for high" direction
plant src/high/high_test.cc '#include <gtest/gtest.h>'; passes "a test may" direction; fresh_tree
mkdir "$work/src/extra";                               refuses "room without a grant" "no allow_extra" direction
rm -r "$work/src/high";                                refuses "grant without a room" "no folder src/high" direction
printf 'set(allow_low high)\nset(allow_high low)\n' >"$work/cmake/allowed_includes.cmake"
refuses "cycle of grants" "may include each other" direction
plant src/low/stray.cc 'int a;'; mv "$work/src/low/stray.cc" "$work/src/stray.cc"
refuses "file outside a room" "only rooms live" direction

plant src/low/CMakeLists.txt 'file(GLOB sources *.cc)'; refuses "globbed sources" "list the sources" rule listed_sources
plant src/low/low.h '// TO''DO: finish';                refuses "unfinished mark" "low.h" rule no_marks
plant README.md 'FIX''ME';                              refuses "unfinished mark in a document" "README.md" rule no_marks
seq 451 >"$work/src/low/long.cc";                       refuses "long file" "451 lines" rule short_files
for i in $(seq 33); do : >"$work/src/low/f$i.cc"; done; refuses "crowded room" "two rooms" rule small_rooms
rm "$work/src/low/README.md";                           refuses "room without a README" "README.md is missing" rule room_readmes
rm "$work/apps/README.md";                              refuses "apps without a README" "README.md is missing" rule room_readmes
seq 16 >"$work/src/low/README.md";                      refuses "long README" "want 3 to 15" rule room_readmes
plant src/low/low.h '#include <thread>';                 refuses "threads in a quiet room" "names threads" rule rooms_with_threads
plant packages.txt 'apt install g++';                   refuses "no package name" "no package name" rule packages
plant packages.txt 'g++';                               refuses "package twice" "twice" rule packages
plant README.md 'see [this](docs/missing.md)';          refuses "dead link" "leads nowhere" links
plant README.md '![picture](docs/missing.svg)';         refuses "dead picture" "leads nowhere" links
plant README.md 'see [this](/etc/../../../etc/passwd)'; refuses "link out of the tree" "the link" links
plant README.md 'then run `script/missing`';            refuses "dead command" "cannot be run" links
plant script/setup '# see docs/missing.md';             refuses "dead document in a script" "is not there" links
plant script/setup 'script/missing';                    refuses "dead command in a script" "cannot be run" links
plant src/low/low.h '// why: docs/missing.md';          refuses "dead document in a source" "is not there" links

noisy() { printf '%s\n' "$1" >"$work/noisy.cc"; }
noisy 'int f(int a) { return a + 1; }';                                             passes "quiet library" quiet
noisy '#include <cstdio>
void f(int a) { std::printf("%d\n", a); }';        refuses "printf" "prints or ends" quiet
noisy '#include <cstdio>
void f() { std::puts("a"); }';                     refuses "puts" "prints or ends" quiet
noisy '#include <cstdio>
void f(int a) { std::fprintf(stderr, "%d", a); }'; refuses "fprintf to stderr" "prints or ends" quiet
noisy '#include <iostream>
void f(int a) { std::cout << a; }';                refuses "cout" "prints or ends" quiet
noisy '#include <iostream>
void f(int a) { std::cerr << a; }';                refuses "cerr" "prints or ends" quiet
noisy '#include <cstdlib>
void f() { std::exit(1); }';                       refuses "exit" "prints or ends" quiet
noisy '#include <cstdlib>
void f() { std::abort(); }';                       refuses "abort" "prints or ends" quiet
noisy '#include <cassert>
void f(int a) { assert(a); }';                     refuses "assert" "prints or ends" quiet
noisy '#include <cstdlib>
void f() { std::abort(); }';                       passes "the exempt member" quiet noisy.o

rm -rf "$work" "$work.log"
echo "$caught planted faults caught"
exit "$bad"
