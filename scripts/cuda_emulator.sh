#!/usr/bin/env bash
# Builds the software CUDA runtime of ../shared/cuemu, where that exists, into build/cuemu: the CUDA tests run under it on
# a machine without a card (docs/testing-cuda.md). The product neither needs nor knows it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source=$root/../shared/cuemu
[ -d "$source" ] || { echo "there is no ../shared/cuemu" >&2; exit 1; }
to=$root/build/cuemu
if [ ! -e "$to/build/lib/libcublasLt.so.13" ] || [ -n "$(find "$source/src" "$source/libs" -newer "$to/built" -name '*.c*' 2>/dev/null | head -1)" ]; then
  scripts/install_deps.sh --emulator
  mkdir -p "$to"
  cp -r "$source/." "$to/"
  chmod -R u+w "$to"
  # its mov.pred writes 64 bytes where a predicate has four, over its neighbours; its own predicate logic does it right
  sed -i 's/^  if (n == "mov") {/  if (n == "mov" \&\& t != Ty::pred) {/' "$to/src/alu_move.cpp"
  { make -C "$to" -j "$jobs" && make -C "$to/libs" -j "$jobs"; } >"$to/build.log" 2>&1 || { tail -30 "$to/build.log" >&2; exit 1; }
  touch "$to/built"
fi
