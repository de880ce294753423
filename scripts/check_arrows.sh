#!/usr/bin/env bash
# Includes may only point down:  core <- quantizers <- kernels <- models <- eval   and   core <- datasets <- eval
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A allowed=(
  [core]="core"
  [quantizers]="core quantizers"
  [kernels]="core quantizers kernels"
  [datasets]="core datasets"
  [models]="core quantizers kernels models"
  [eval]="core quantizers kernels models datasets eval"
)
wrong=0
for folder in "${!allowed[@]}"; do
  others=$(printf '%s\n' "${!allowed[@]}" | grep -vxF "$(tr ' ' '\n' <<<"${allowed[$folder]}")" | paste -sd '|' || true)
  [[ -n "$others" ]] || continue
  if grep -rnE --include='*.h' --include='*.cpp' --include='*.cu' "^#include \"($others)/" "$folder"; then
    echo "check_arrows: $folder/ must not include ${others//|/, }" >&2
    wrong=1
  fi
done
(( wrong == 0 )) && echo "arrows: includes only point down"
exit "$wrong"
