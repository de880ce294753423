#!/usr/bin/env bash
# The source checks. Usage: scripts/check_sources.sh [--fix | --tidy [MINUTES]]
#   (none)   formatting and folder arrows
#   --fix    rewrites the formatting instead of reporting it
#   --tidy   clang-tidy over what ships (tests are held to warnings as errors by the `dev` build instead). All of it takes half an hour of processor time: with MINUTES, what was
#            changed last is checked first, nothing is begun after that time, and what was left out is counted
set -euo pipefail
cd "$(dirname "$0")/.."

# Every unit that ships, those of the newest commits first; but for those of other processors and of CUDA, which no compile command is known of.
tidy_units() {
  { git log --format= --name-only --diff-filter=d -- '*.cpp'; git ls-files '*.cpp'; } |
    grep -vE '_(test|fuzz|neon)\.cpp$|/cuda/device/' | awk '!seen[$0]++' | while read -r unit; do [[ ! -f "$unit" ]] || echo "$unit"; done
}

tidy_some() {  # deadline in seconds since 1970, file that counts what is left out, units
  local deadline=$1 left_out=$2
  shift 2
  if (($(date +%s) >= deadline)); then printf '%s\n' "$@" >> "$left_out"; return; fi
  clang-tidy --quiet -p build/tidy --extra-arg=-Wno-unknown-warning-option "$@" 2> >(grep -v 'warnings generated' >&2)
}
export -f tidy_some

if [[ "${1:-}" == "--tidy" ]]; then
  # The headers that GCC precompiled for build/release are not clang's.
  cmake --preset release -B build/tidy -DQUANTBENCH_PRECOMPILED_HEADERS=OFF --log-level=WARNING > /dev/null
  deadline=$(($(date +%s) + 60 * ${2:-600}))
  left_out=$(mktemp)
  trap 'rm -f "$left_out"' EXIT
  mapfile -t units < <(tidy_units)
  printf '%s\n' "${units[@]}" | xargs --max-procs="$(nproc)" --max-args=2 bash -c 'tidy_some "$@"' _ "$deadline" "$left_out"
  unchecked=$(wc -l < "$left_out")
  echo "clang-tidy: $((${#units[@]} - unchecked)) files are clean, $unchecked were left out for time"
  exit 0
fi

mapfile -t sources < <(git ls-files '*.h' '*.cpp' '*.cu' '*.cuh')

if [[ "${1:-}" == "--fix" ]]; then
  clang-format -i "${sources[@]}"
else
  clang-format --dry-run --Werror "${sources[@]}"
fi
echo "formatting: ${#sources[@]} files are clean"

scripts/check_arrows.sh
