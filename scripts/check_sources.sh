#!/usr/bin/env bash
# The source checks. Usage: scripts/check_sources.sh [--fix | --tidy]
#   (none)   formatting and folder arrows
#   --fix    rewrites the formatting instead of reporting it
#   --tidy   clang-tidy over what ships (tests are held to warnings as errors by the `dev` build instead); needs a configured
#            `release` build (compile_commands.json)
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ "${1:-}" == "--tidy" ]]; then
  mapfile -t units < <(git ls-files '*.cpp' | grep -vE '_(test|fuzz)\.cpp$')
  printf '%s\n' "${units[@]}" | xargs --max-procs="$(nproc)" --max-args=4 \
    clang-tidy --quiet -p build/release --extra-arg=-Wno-unknown-warning-option 2> >(grep -v 'warnings generated' >&2)
  echo "clang-tidy: ${#units[@]} files are clean"
  exit 0
fi

mapfile -t sources < <(git ls-files '*.h' '*.cpp' '*.cu')

if [[ "${1:-}" == "--fix" ]]; then
  clang-format -i "${sources[@]}"
else
  clang-format --dry-run --Werror "${sources[@]}"
fi
echo "formatting: ${#sources[@]} files are clean"

scripts/check_arrows.sh
