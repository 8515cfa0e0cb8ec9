#!/usr/bin/env bash
# A folder that runs on a machine without packages: programs, tests and the shared libraries they need, but for the C library
# and CUDA's. For cluster nodes: copy it there, start bin/parallax.
#   scripts/bundle.sh [DIR]          default build/bundle; built with CUDA where nvcc is
#   scripts/bundle.sh --try [DIR]    also starts it in a folder that holds nothing else but the C library (chroot, as root)
#   scripts/bundle.sh --preset NAME  another preset than cuda-release (or, without nvcc, cpu-release); cuda-check: one architecture
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
try=false preset=cpu-release
if command -v nvcc >/dev/null; then preset=cuda-release; fi
while [ $# -gt 0 ]; do
  case "$1" in
    --try) try=true ;;
    --preset) preset=${2:?a preset}; shift ;;
    -*) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
to=$(realpath -m "${1:-build/bundle}")
# the C library, which belongs to the node, and what CUDA brings
not_ours='^(ld-linux.*|libc|libm|libdl|librt|libpthread|libresolv|libutil|libnsl|libcuda.*|libcublas.*|libnv.*)\.so'

collect() {
  rm -rf "$to.new"
  mkdir -p "$to.new/bin" "$to.new/lib" "$to.new/data"
  cp "build/$preset/bin"/* "$to.new/bin/"
  cp data/* "$to.new/data/"
  local file path
  for file in "$to.new/bin"/*; do
    ldd "$file" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'
  done | sort -u | while read -r path; do
    [[ $(basename "$path") =~ $not_ours ]] || cp -L "$path" "$to.new/lib/"
  done
  rm -rf "$to"
  mv "$to.new" "$to"
}
start_alone() {
  alone=$(mktemp -d)
  # also when a program in there fails: a mounted /proc must not stay behind
  trap 'umount "$alone/proc" 2>/dev/null; rm -rf --one-file-system "$alone"' EXIT
  mkdir -p "$alone/lib64" "$alone/tmp" "$alone/proc" "$alone/dev" "$alone/lib/x86_64-linux-gnu"
  mknod -m 666 "$alone/dev/null" c 1 3
  cp -r "$to" "$alone/parallax"
  cp -L /lib64/ld-linux-x86-64.so.2 "$alone/lib64/"
  local name
  for name in libc.so.6 libm.so.6 libdl.so.2 librt.so.1 libpthread.so.0 libresolv.so.2; do
    cp -L "/lib/x86_64-linux-gnu/$name" "$alone/lib/x86_64-linux-gnu/"
  done
  mount -t proc proc "$alone/proc"  # by which the loader finds $ORIGIN
  chroot "$alone" /parallax/bin/parallax info
  chroot "$alone" /parallax/bin/parallax train --device cpu --data /parallax/data/multiple-features.h5 --method sparsemvc --quiet --restarts 3 \
    --set pre_epochs=1 --set con_epochs=1 --set 'encoder_hidden=[32,32,64]' --set 'decoder_hidden=[64,32,32]' --out /tmp/run
  chroot "$alone" /parallax/bin/test_tensor --gtest_brief=1
  if [ -e "$to/bin/test_cuda" ]; then chroot "$alone" /parallax/bin/test_cuda --gtest_brief=1 --gtest_filter='CudaDevice*:CudaCluster*'; fi
}
stage "install packages" scripts/install_deps.sh
stage "build" configure_build "$preset"
stage "collect" collect
if [ "$try" = true ]; then stage "start it alone" start_alone; fi
summary
say "$to: $(du -sh "$to" | cut -f1)"
