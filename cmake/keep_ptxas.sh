#!/usr/bin/env bash
# keep_ptxas.sh OBJECT COMMAND...: runs the compiler and keeps what ptxas says of each kernel's registers in OBJECT.ptxas; the
# rest of its messages is shown.
object=$1
shift
"$@" 2>"$object.messages"
status=$?
grep '^ptxas info\|bytes stack frame' "$object.messages" >"$object.ptxas"
grep -v '^ptxas info\|bytes stack frame' "$object.messages" >&2
rm -f "$object.messages"
exit $status
