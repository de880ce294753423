#!/usr/bin/env bash
# Makes the Debian package of a build and looks it over: BUILD/quantbench_VERSION_ARCHITECTURE.deb.
# Usage: scripts/package.sh [BUILD]      (default build/release; it is configured and built when it has to be)
# QUANTBENCH_PACKAGE_MAINTAINER: 'name <address>' of whoever distributes the package. lintian, where it is installed, must find no error.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}

for tool in dpkg-shlibdeps:dpkg-dev file:file gzip:gzip; do
  command -v "${tool%:*}" > /dev/null || { echo "package: ${tool%:*} is missing: apt-get install ${tool#*:}" >&2; exit 1; }
done

if [[ ! -f "$build/CMakeCache.txt" ]]; then cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DQUANTBENCH_TESTS=OFF; fi
if [[ -n "${QUANTBENCH_PACKAGE_MAINTAINER:-}" ]]; then
  cmake -S . -B "$build" -DQUANTBENCH_PACKAGE_MAINTAINER="$QUANTBENCH_PACKAGE_MAINTAINER" > /dev/null
fi
cmake --build "$build" --target quantbench

# The same sources give the same package: its files carry the time of the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || date +%s)}
export SOURCE_DATE_EPOCH
rm -f "$build"/quantbench_*.deb
(cd "$build" && cpack -G DEB > cpack.log) || { cat "$build/cpack.log" >&2; exit 1; }
package=$(ls "$build"/quantbench_*.deb)
dpkg-deb --info "$package" | sed -n '/Package:/,$p'
if command -v lintian > /dev/null; then
  lintian --allow-root --fail-on error "$package"
else
  echo "package: lintian is not here, and the package is not checked" >&2
fi
echo "$package"
