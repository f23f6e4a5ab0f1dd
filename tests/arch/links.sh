#!/bin/bash
# links.sh ROOT: every relative link in every *.md leads to a file that exists, every script/... that the documents and
# the scripts name is there and can be run, and every docs/... that a script or a source names is there (but for results,
# which scripts write). Links to the web are not followed.
set -euo pipefail
cd "$1"
bad=0 links=0 commands=0
named_commands() {
  local command
  while read -r command; do
    commands=$((commands + 1))
    if [ ! -x "$command" ]; then echo "$1: names $command, which is not there or cannot be run"; bad=1; fi
  done < <(grep -oE '(^|[^A-Za-z0-9_./-])(script|\.ci)/[a-z_]+' "$1" | grep -oE '(script|\.ci)/[a-z_]+' | sort -u)
}
while read -r document; do
  folder=$(dirname "$document")
  while read -r target; do
    [ -n "$target" ] || continue
    case $target in data:* | http://* | https://* | mailto:* | '#'*) continue ;; esac
    links=$((links + 1))
    path=${target%%#*}
    if [ ! -e "$folder/$path" ]; then echo "$document: the link '$target' leads nowhere"; bad=1; fi
    case $(realpath -m "$folder/$path") in
      "$(realpath .)"/*) ;;
      *) echo "$document: the link '$target' leads out of the repository"; bad=1 ;;
    esac
  done < <(grep -oE '\]\([^()[:space:]]+( "[^"]*")?\)|(src|href)="[^"]+"' "$document" |
             sed -E 's/^\]\(([^[:space:])]+).*/\1/; s/^(src|href)="([^"]+)"$/\2/')
  named_commands "$document"
done < <(find . -name '*.md' ! -path './build/*' ! -path './.git/*' | sort)
while read -r file; do
  case $file in ./script/* | ./.ci/*) named_commands "$file" ;; esac
  while read -r path; do
    case $file:$path in ./script/*:docs/results/*) continue ;; esac  # what it writes
    links=$((links + 1))
    if [ ! -e "$path" ]; then echo "$file: names $path, which is not there"; bad=1; fi
  done < <(grep -oE '\bdocs/[a-z0-9_/]+\.[a-z]+' "$file" | sort -u)
done < <(find ./script ./.ci ./src ./apps ./bench ./examples -type f ! -name '*.md' 2>/dev/null | sort)
[ "$bad" = 0 ] && echo "$links links and $commands commands are there"
exit "$bad"
