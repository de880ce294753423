#!/usr/bin/env bash
# Installs a package into a fresh Debian 12 and runs the default config there: what someone gets who has nothing but the package.
# Usage: scripts/check_package.sh PACKAGE.deb [--full] [--root FOLDER]      (as root; needs debootstrap and a Debian mirror)
#   --full         all of configs/default.yaml, as released (two minutes on two cores); else 4 windows of text, in seconds
#   --root FOLDER  keeps the Debian there, and uses one that is there already
# What takes time is Debian: a minute to fetch and unpack it, half a minute for the libraries that the package depends on.
set -euo pipefail

fail() { echo "check_package: $*" >&2; exit 1; }
package='' full=false root=''
while (($# > 0)); do
  case "$1" in
    --full) full=true ;;
    --root) root=$2; shift ;;
    -*) fail "unknown option $1 (known: --full, --root FOLDER)" ;;
    *) package=$1 ;;
  esac
  shift
done
[[ -f "$package" ]] || fail "there is no package '$package'; scripts/package.sh makes one"
((EUID == 0)) || fail "this needs root, for chroot"
command -v debootstrap > /dev/null || fail "debootstrap is missing: apt-get install debootstrap"

keep=true
if [[ -z "$root" ]]; then root=$(mktemp -d) keep=false; fi
finish() {
  umount "$root/proc" 2> /dev/null || true
  if ! $keep; then rm -rf --one-file-system "$root"; fi
}
trap finish EXIT

if [[ ! -x "$root/usr/bin/apt-get" ]]; then
  mirror=$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' 'Origin: Debian' 2> /dev/null | head -n 1 || true)
  debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" > "$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; fail "debootstrap failed"; }
  rm -f "$root.log"
fi
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
if [[ -f /etc/resolv.conf ]]; then cp /etc/resolv.conf "$root/etc/resolv.conf"; fi
cp "$package" "$root/tmp/quantbench.deb"

inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
inside apt-get update -qq
inside apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends /tmp/quantbench.deb > /dev/null
echo "installed: $(inside dpkg-query --show --showformat '${Package} ${Version}' quantbench), $(inside quantbench --version)"

inside quantbench doctor --quick
inside quantbench list methods --json > /dev/null
inside bash -n /usr/share/bash-completion/completions/quantbench
for file in /usr/share/zsh/vendor-completions/_quantbench /usr/share/fish/vendor_completions.d/quantbench.fish; do
  [[ -s "$root$file" ]] || fail "$file is not in the package"
done
# minbase leaves manuals out when it unpacks packages; the package itself has it.
dpkg-deb --contents "$package" | grep ' \./usr/share/man/man1/quantbench\.1\.gz$' > /dev/null || fail "the manual is not in the package"

settings=(--set dataset.chunks=4)
if $full; then settings=(); fi
inside rm -rf /tmp/x
start=$SECONDS
inside quantbench run /usr/share/quantbench/configs/default.yaml --out /tmp/x --json "${settings[@]}" | tee "$root/tmp/summary.json"
echo "run: $((SECONDS - start)) s"
grep -q '"cells": 36' "$root/tmp/summary.json" || fail "the default config has 36 cells"
grep -q '"failed": 0,' "$root/tmp/summary.json" || fail "a cell failed"
inside quantbench explain /tmp/x/report.json --method q4_k
inside quantbench report /tmp/x/report.json --out /tmp/x/pages > /dev/null
inside apt-get purge -y -qq -o Dpkg::Use-Pty=0 quantbench > /dev/null
[[ ! -e "$root/usr/share/quantbench" && ! -e "$root/usr/bin/quantbench" ]] || fail "purging the package leaves files behind"
echo "check_package: $(basename "$package") installs on Debian 12, runs and goes away"
