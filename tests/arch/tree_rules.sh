#!/bin/bash
# tree_rules.sh ROOT RULE: one rule of the house about the shape of the source tree; prints each breach, fails on any.
#   listed_sources  no CMake file of src, apps, bench, examples globs for sources
#   no_marks        no unfinished-work marks anywhere
#   short_files     no source file above 425 lines (aim at 400)
#   small_rooms     no room above 25 sources, its tests and benchmarks not counted
#   room_readmes    every room, apps, bench and tests have a README.md of at most 15 lines
#   rooms_with_threads  a room that names threads is on the list of that name in cmake/options.cmake
#   packages        packages.txt is one Debian package name a line, none twice
set -euo pipefail
cd "$1"
bad=0
breach() { echo "$1"; bad=1; }

code_files() {  # what people wrote: sources, scripts, build files
  find src apps bench examples tests cmake script .ci CMakeLists.txt -type f \
    \( -name '*.h' -o -name '*.cc' -o -name '*.in' -o -name '*.cmake' -o -name '*.sh' -o -name CMakeLists.txt \
       -o -path 'script/*' -o -path '.ci/*' \) ! -path '*/corpus/*' ! -path '*/cases/*' 2>/dev/null
}

case $2 in
  listed_sources)
    while read -r hit; do breach "$hit: list the sources"; done < <(
      find src apps bench examples \( -name CMakeLists.txt -o -name '*.cmake' \) -exec \
        grep -HniE 'file *\( *GLOB|aux_source_directory' {} + || true) ;;
  no_marks)
    marks='\b(TO''DO|FIX''ME|XX''X|HA''CK)\b'
    while read -r hit; do breach "$hit"; done < <(
      { code_files; find . -name '*.md' ! -path './build/*' ! -path './.git/*'; } | xargs -d '\n' grep -HnE "$marks" || true) ;;
  short_files)
    while read -r file; do
      lines=$(wc -l <"$file")
      [ "$lines" -le 425 ] || breach "$file: $lines lines, want at most 425"
    done < <(code_files) ;;
  small_rooms)
    for room in src/*/; do
      count=$(find "$room" -type f \( -name '*.h' -o -name '*.cc' \) ! -name '*test*' ! -name '*_bench.cc' | wc -l)
      [ "$count" -le 25 ] || breach "$room: $count sources: it is two rooms"
    done ;;
  room_readmes)
    for room in src/*/ apps/ bench/ tests/; do
      [ -d "$room" ] || continue
      if [ ! -f "$room/README.md" ]; then breach "${room}README.md is missing"; continue; fi
      lines=$(wc -l <"$room/README.md")
      [ "$lines" -ge 3 ] && [ "$lines" -le 15 ] || breach "${room}README.md: $lines lines, want 3 to 15"
    done ;;
  rooms_with_threads)
    listed=" $(sed -n 's/^set(rooms_with_threads \(.*\))$/\1/p' cmake/options.cmake) "
    while read -r room; do
      [[ $listed == *" $room "* ]] || breach "src/$room names threads: it belongs to rooms_with_threads in cmake/options.cmake"
    done < <(grep -rlE 'base/parallel\.h|<(thread|mutex|atomic|condition_variable)>' src | cut -d/ -f2 | sort -u) ;;
  packages)
    while read -r line; do breach "packages.txt: '$line' is no package name"; done < <(
      grep -vE '^(#.*|[a-z0-9][a-z0-9.+-]+)$' packages.txt || true)
    while read -r line; do breach "packages.txt: '$line' is listed twice"; done < <(grep -v '^#' packages.txt | sort | uniq -d) ;;
  *) echo "no rule named $2"; exit 2 ;;
esac
exit "$bad"
