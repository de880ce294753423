#!/usr/bin/env bash
# Sets everything up, builds quantbench and runs configs/default.yaml on the language model that ships with the repository.
# Safe to run again: nothing finished is done twice. Extra arguments go to `quantbench run` (e.g. --fresh).
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
# As scripts/test.sh has it, so that neither builds anew what the other has built.
precompiled=ON
if [[ -n "${CMAKE_CXX_COMPILER_LAUNCHER:-}" ]]; then precompiled=OFF; fi
cmake --preset release -DQUANTBENCH_TESTS=OFF -DQUANTBENCH_PRECOMPILED_HEADERS=$precompiled --log-level=WARNING
cmake --build --preset release
exec build/release/eval/quantbench run configs/default.yaml "$@"
