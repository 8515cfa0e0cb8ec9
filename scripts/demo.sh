#!/usr/bin/env bash
# From a fresh clone to a result: installs what is missing, builds, trains SparseMVC on the data set that comes with the
# project, shows the scores and says where the pictures are. Can be run again.
#   scripts/demo.sh          a short schedule, within four minutes on two cores
#   scripts/demo.sh --full   the method's own schedule
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
out=runs/demo
schedule=(--set batch_size=256 --set pre_epochs=30 --set con_epochs=40 --set pre_check=15 --set con_check=10)
note="a short schedule: 30 + 40 epochs in batches of 256, one to four minutes; --full runs the method's own, 300 + 300 full-batch epochs"
case "${1:-}" in
  "") ;;
  --full) out=runs/demo-full schedule=() note="the method's own schedule" ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
parallax=build/cpu-release/bin/parallax
stage "install packages" scripts/install_deps.sh
targets=(parallax_app parallax-hdf5)
stage "build" configure_build cpu-release

say "the data"
"$parallax" inspect data/multiple-features.h5
say "training SparseMVC: $note"
train() { "$parallax" train --data data/multiple-features.h5 --method sparsemvc --out "$out" --force "${schedule[@]}"; }
stage "training" train
say "results"
tail -n 12 "$out/log.txt"
echo
echo "pictures:    $root/$out/curves.png, curves.svg"
echo "labels:      $root/$out/labels.npy"
echo "everything:  $root/$out (docs/file-formats.md says what is what)"
summary
