#!/usr/bin/env bash
# Sets everything up, builds quantbench and passes the tests. Safe to run again.
# Usage: scripts/test.sh [--dev] [--slow] [--checks] [--all]
#   (none)     release build, the default tests
#   --dev      the same tests under AddressSanitizer and UndefinedBehaviorSanitizer, warnings as errors
#   --slow     also the tests labelled slow
#   --checks   also clang-format and the folder arrows
#   --all      everything
set -euo pipefail
cd "$(dirname "$0")/.."

dev=false slow=false checks=false
for option in "$@"; do
  case "$option" in
    --dev) dev=true ;;
    --slow) slow=true ;;
    --checks) checks=true ;;
    --all) dev=true slow=true checks=true ;;
    *) echo "test.sh: unknown option $option (known: --dev --slow --checks --all)" >&2; exit 2 ;;
  esac
done

build_and_test() {  # preset
  cmake --preset "$1" -DQUANTBENCH_TESTS=ON --log-level=WARNING
  cmake --build --preset "$1"
  ctest --preset "$1" --parallel "$(nproc)"
}

if $checks; then scripts/setup.sh --checks; else scripts/setup.sh; fi
if $dev; then build_and_test dev; fi
build_and_test release
if $slow; then ctest --preset slow; fi
if $checks; then scripts/check_sources.sh; fi
