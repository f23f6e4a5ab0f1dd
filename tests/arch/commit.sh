#!/bin/bash
# commit.sh ROOT WORK: script/commit says "+" for a changed source and not for a result just written, and version.cc
# follows the commit without a new configuration, but is left alone while nothing changes.
set -euo pipefail
root=$1 work=$2
rm -rf "$work"
mkdir -p "$work/tree"/{script,src/base,docs/results,bench/results}
cd "$work/tree"
cp "$root/script/commit" script/
cp "$root/src/base/version.cc.in" src/base/
echo one >docs/results/a.txt
echo one >bench/results/b.txt
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CEILING_DIRECTORIES=$work
git init -q .
save() { git add -A && git -c user.name=test -c user.email=test@localhost commit -q -m "$1"; }
is() {  # is WANTED FOUND WHAT
  [ "$1" = "$2" ] || { echo "$3: '$2', want '$1'"; exit 1; }
}
version() {
  cmake -DROOT="$PWD" -DTO="$work/version.cc" -DPROJECT_VERSION=1 -DCOMPILER=c -DBUILD_TYPE=b -P "$root/cmake/version.cmake"
  stat -c %y "$work/version.cc"
}
save first
first=$(git rev-parse --short=10 HEAD)
is "$first" "$(script/commit)" "a clean tree"
before=$(version)
grep -qF "\"$first\"" "$work/version.cc" || { echo "version.cc does not name $first"; exit 1; }
echo two >docs/results/a.txt
echo two >bench/results/b.txt
is "$first" "$(script/commit)" "new results"
is "$before" "$(version)" "version.cc while nothing changes"
echo "// more" >>src/base/version.cc.in
is "$first+" "$(script/commit)" "a changed source"
save second
second=$(git rev-parse --short=10 HEAD)
is "$second" "$(script/commit)" "the next commit"
version >/dev/null
grep -qF "\"$second\"" "$work/version.cc" || { echo "version.cc does not follow to $second"; exit 1; }
rm -rf .git
is unknown "$(script/commit)" "outside git"
rm -rf "$work"
echo "commits are named as they are"
