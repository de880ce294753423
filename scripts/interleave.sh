#!/usr/bin/env bash
# Measures the kernels of two builds in turn, so that what slows the machine for a while slows both: round 1 base then new, round 2 new
# then base, and so on. Prints the command that compares them (docs/compare.md).
# Usage: scripts/interleave.sh BASE_BINARY NEW_BINARY CONFIG ROUNDS OUT
#   CONFIG   with `throughput:`; only its kernels are measured. ROUNDS: 6 at least, for an interval of 95 %; 10 is better.
#   OUT      gets base/NN/report.json and new/NN/report.json for every round. What is there of an earlier call is measured again.
set -euo pipefail

if (( $# != 5 )); then
  sed -n '4,6s/^# //p' "$0" >&2
  exit 2
fi
base="$1" new="$2" config="$3" rounds="$4" out="$5"
if [[ ! "$rounds" =~ ^[1-9][0-9]{0,2}$ ]]; then
  echo "interleave: ROUNDS is '$rounds', expected a number from 1 to 999" >&2
  exit 2
fi
for binary in "$base" "$new"; do
  command -v "$binary" > /dev/null || { echo "interleave: cannot run '$binary'" >&2; exit 2; }
done

measure() {  # SIDE BINARY ROUND
  local folder="$out/$1/$3"
  mkdir -p "$folder"
  "$2" run "$config" --out "$folder" --fresh --set metrics='[throughput]' > "$folder/log.txt" 2>&1 ||
    { cat "$folder/log.txt" >&2; exit 2; }
}

base_reports="" new_reports=""
for (( i = 1; i <= rounds; ++i )); do
  round="$(printf '%03d' "$i")"
  echo "round $i of $rounds" >&2
  if (( i % 2 == 1 )); then
    measure base "$base" "$round"
    measure new "$new" "$round"
  else
    measure new "$new" "$round"
    measure base "$base" "$round"
  fi
  base_reports+="${base_reports:+,}$out/base/$round/report.json"
  new_reports+="${new_reports:+,}$out/new/$round/report.json"
done
echo "quantbench compare --base-rounds $base_reports --new-rounds $new_reports"
