#!/usr/bin/env bash
# Cross-compiles core and kernels for 64-bit Arm and runs the tests of the NEON code under qemu. Debian 12 on x86-64.
# Usage: scripts/test_neon.sh --setup        installs the compiler, qemu and the libraries for arm64
#        scripts/test_neon.sh
# Left out are tests of encoders (the solver `search` has no NEON code, and takes long in an emulator).
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ "${1:-}" == "--setup" ]]; then
  as_root=()
  (( EUID == 0 )) || as_root=(sudo)
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" dpkg --add-architecture arm64
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends g++-aarch64-linux-gnu qemu-user nlohmann-json3-dev \
    libfmt-dev:arm64 libssl-dev:arm64 libpcre2-dev:arm64 libbenchmark-dev:arm64 libgtest-dev:arm64 libgmock-dev:arm64 \
    libgomp1:arm64 >/dev/null
  exit 0
fi

cmake --preset neon
cmake --build --preset neon --target core_test kernels_test
run() { OMP_WAIT_POLICY=passive qemu-aarch64 -L / "$@" --gtest_brief=1; }
run build/neon/core/core_test --gtest_filter='Isa*' | grep "best instruction set: neon"
run build/neon/core/core_test --gtest_filter='Matmul*:Parallel*:*Half*'
run build/neon/kernels/kernels_test --gtest_filter='Int8*:MatmulInt8*:MatmulBf16*:Repacked*:Decode*:Kernels.*-Kernels.Encoded*:Repacked.Holds*'
