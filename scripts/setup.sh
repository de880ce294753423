#!/usr/bin/env bash
# Installs what building and testing need on Debian 12, and nothing that is there already. Safe to run again.
# Usage: scripts/setup.sh [--checks]      --checks: also the tools of the source checks (clang-format, clang-tidy, clang)
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config git
  libfmt-dev nlohmann-json3-dev libeigen3-dev libyaml-cpp-dev libcli11-dev libssl-dev libpcre2-dev libutf8proc-dev zlib1g-dev
  libbenchmark-dev libgtest-dev libgmock-dev libvalijson-dev
)
if [[ "${1:-}" == "--checks" ]]; then
  packages+=(clang-format clang-tidy clang-14 libclang-rt-14-dev libomp-14-dev)
fi

# Of this machine's architecture: the same package may be there for another one (scripts/test_neon.sh).
missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat='${db:Status-Status} ${Architecture}\n' "$package" 2>/dev/null |
    grep -qE "^installed (all|$(dpkg --print-architecture))$" || missing+=("$package")
done
if (( ${#missing[@]} == 0 )); then exit 0; fi

as_root=()
if (( EUID != 0 )); then
  command -v sudo >/dev/null || { echo "setup: these packages are missing and need root: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
