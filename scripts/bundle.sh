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
  local root
  root=$(mktemp -d)
  trap 'umount "$root/proc" 2>/dev/null; rm -rf --one-file-system "$root"' RETURN
  mkdir -p "$root/lib64" "$root/tmp" "$root/proc" "$root/dev" "$root/lib/x86_64-linux-gnu"
  mknod -m 666 "$root/dev/null" c 1 3
  cp -r "$to" "$root/parallax"
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
  local name
  for name in libc.so.6 libm.so.6 libdl.so.2 librt.so.1 libpthread.so.0 libresolv.so.2; do
    cp -L "/lib/x86_64-linux-gnu/$name" "$root/lib/x86_64-linux-gnu/"
  done
  mount -t proc proc "$root/proc"  # by which the loader finds $ORIGIN
  chroot "$root" /parallax/bin/parallax info
  chroot "$root" /parallax/bin/parallax train --device cpu --data /parallax/data/multiple-features.h5 --method sparsemvc --quiet --restarts 3 \
    --set pre_epochs=1 --set con_epochs=1 --set 'encoder_hidden=[32,32,64]' --set 'decoder_hidden=[64,32,32]' --out /tmp/run
  chroot "$root" /parallax/bin/test_tensor --gtest_brief=1
  if [ -e "$to/bin/test_cuda" ]; then chroot "$root" /parallax/bin/test_cuda --gtest_brief=1 --gtest_filter='CudaDevice*:CudaCluster*'; fi
}
stage "install packages" scripts/install_deps.sh
stage "build" configure_build "$preset"
stage "collect" collect
if [ "$try" = true ]; then stage "start it alone" start_alone; fi
summary
say "$to: $(du -sh "$to" | cut -f1)"
