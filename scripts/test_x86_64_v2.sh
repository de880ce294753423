#!/usr/bin/env bash
# Runs the release build under qemu as the first x86-64-v2 machine (Nehalem: SSE4.2 and nothing newer), which stops at any newer
# instruction. Needs the Debian package qemu-user.
# Usage: scripts/test_x86_64_v2.sh
# Left out are tests of encoders, which take long in an emulator, and those that start programs, which would leave it.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake --preset release --log-level=WARNING
cmake --build --preset release --target quantbench core_test kernels_test
old_machine() { OMP_WAIT_POLICY=passive qemu-x86_64 -cpu Nehalem "$@"; }
run_tests() { old_machine "build/release/$1/$1_test" --gtest_brief=1 --gtest_filter="$2"; }
quantbench() { old_machine build/release/eval/quantbench "$@"; }

quantbench doctor | grep -x "instruction sets  scalar"
quantbench list methods >/dev/null
quantbench perplexity embedded:stories --text embedded:stories/eval --chunks 1 --ctx 64 --method rtn:q4_0
run_tests core '-*Slow*'
run_tests kernels 'Int8*:MatmulInt8*:MatmulBf16*:GoldenDecode*:Kernels.*-Kernels.Encoded*'
