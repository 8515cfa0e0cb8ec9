#!/usr/bin/env bash
# clang-tidy of one file, or of one that includes others; nothing is done where they, the headers and the checks are those of
# its last clean pass.
set -euo pipefail
build=$1 file=$2
stamp="$build/tidy/$(printf '%s' "$file" | tr / _)"
mkdir -p "$build/tidy"
mapfile -t included < <(sed -n 's/^#include "\(.*\.cpp\)"$/\1/p' "$file")
key=$(cat "$file" "${included[@]}" .clang-tidy $(git ls-files -co --exclude-standard -- '*.h') | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; then exit 0; fi
if out=$(clang-tidy-14 --quiet -p "$build" "$file" 2>/dev/null); then
  printf '%s' "$key" >"$stamp"
else
  printf '%s\n%s\n' "$out" "clang-tidy: $file is not clean"
  exit 1
fi
