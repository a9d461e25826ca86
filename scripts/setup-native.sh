#!/bin/sh
# Makes the probe and its addon ready where they are not, or are older than their sources (scripts/build-native.sh): what a checkout needs
# for live events and a package brings with it. What the build needs comes from Debian's packages, for root only.
#
#   sh scripts/setup-native.sh
#
# Takes some milliseconds when all is there. Says what it does on standard error; exit code 1, with the reason, when it cannot.
set -u
cd "$(dirname "$0")/.." || exit 1

case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) arch=none ;;
esac
addon=native/build/tiercel-linux-$arch.node

say() { printf 'tiercel: %s\n' "$*" >&2; }

is_ready() { [ -f "$addon" ] && [ -z "$(find native/bpf native/addon -type f -newer "$addon" 2>/dev/null | head -n 1)" ]; }

[ -f package-lock.json ] || exit 0 # a package has the addon or has none
is_ready && exit 0

if [ "$(uname -s)" != Linux ] || [ "$arch" = none ]; then
  say "live events need Linux on x86-64 or arm64; this is $(uname -s) on $(uname -m)"
  exit 1
fi

mkdir -p .cache native/build 2>/dev/null
log=.cache/setup-native.log
if command -v flock >/dev/null 2>&1; then
  exec 9>.cache/setup-native.lock
  flock -w 900 9
  is_ready && exit 0
fi

PATH=$PATH:/usr/sbin:/sbin # where bpftool is
missing=
command -v clang >/dev/null 2>&1 || missing="$missing clang"
command -v bpftool >/dev/null 2>&1 || missing="$missing bpftool"
[ -f /usr/include/bpf/bpf_helpers.h ] || missing="$missing libbpf-dev"
command -v "${CC:-cc}" >/dev/null 2>&1 || missing="$missing gcc"
[ -f /usr/include/errno.h ] || missing="$missing libc6-dev"
if [ -n "$missing" ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "building the probe for live events needs$missing: install them (on Debian: apt-get install$missing)"
    exit 1
  fi
  say "installing$missing, which building the probe for live events needs (apt-get, some 100 MB, once)"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # several packages
  if ! apt-get install -y --no-install-recommends $missing >"$log" 2>&1 9>&-; then
    # The lists of packages may be missing or old.
    if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 9>&-; then
      tail -n 4 "$log" | sed 's/^/tiercel:   /' >&2
      say "the packages could not be installed; live events stay away"
      exit 1
    fi
  fi
fi

say "building the probe for live events"
if ! sh scripts/build-native.sh >"$log" 2>&1 9>&-; then
  tail -n 6 "$log" | sed 's/^/tiercel:   /' >&2
  say "the probe could not be built (all that was said: $log)"
  exit 1
fi
