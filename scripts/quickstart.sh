#!/usr/bin/env bash
# Sets everything up, builds quantbench and runs configs/default.yaml on the language model that ships with the repository.
# Safe to run again: nothing finished is done twice. Extra arguments go to `quantbench run` (e.g. --fresh).
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cmake --preset release -DQUANTBENCH_TESTS=OFF --log-level=WARNING
cmake --build --preset release
exec build/release/eval/quantbench run configs/default.yaml "$@"
