#!/bin/sh
# Builds the eBPF probe and the addon that reads it: native/build/tiercel-linux-<arch>.node.
#
#   sh scripts/build-native.sh [x64|arm64]
#
# For this machine, or for the one named, with its cross compiler (for Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross).
# Needs clang, bpftool and libbpf's headers (for Debian: clang bpftool libbpf-dev), a C compiler, and Node's headers, which are
# found beside Node itself. The addon needs nothing but libc where it runs.
# Exit code 1 when something is missing, with its name; 2 when a step fails.
set -u
cd "$(dirname "$0")/.." || exit 1
out=native/build
mkdir -p "$out"

fail() {
  printf 'build-native: %s\n' "$1" >&2
  exit "${2:-1}"
}

machine=$(uname -m)
case ${1:-$machine} in
  x64 | x86_64) arch=x64 target=x86 cpu=x86_64 ;;
  arm64 | aarch64) arch=arm64 target=arm64 cpu=aarch64 ;;
  *) fail "no probe for ${1:-$machine}" ;;
esac
if [ "$machine" != "$cpu" ]; then CC=$cpu-linux-gnu-gcc; fi

# bpftool of a distribution may be where only root looks.
PATH=$PATH:/usr/sbin:/sbin
for tool in clang bpftool "${CC:-cc}"; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done

headers=
for dir in "${NODE_HEADERS:-}" \
  "$(dirname "$(dirname "$(readlink -f "$(command -v node || echo /usr/bin/node)")")")/include/node" \
  .cache/node*/node_modules/node-linux-*/include/node /usr/include/node; do
  if [ -n "$dir" ] && [ -f "$dir/node_api.h" ]; then
    headers=$dir
    break
  fi
done
[ -n "$headers" ] || fail "Node's headers (node_api.h) are not found; set NODE_HEADERS"

triple=$(${CC:-cc} -dumpmachine)
clang -g -O2 -target bpf -mcpu=v3 "-D__TARGET_ARCH_$target" "-I/usr/$triple/include" "-I/usr/include/$triple" -Wall -Werror -Wno-unused-function \
  -fdebug-prefix-map="$PWD"=. -c native/bpf/probe.bpf.c -o "$out/probe-$arch.full.o" || fail 'the probe does not compile' 2
# Linking one file to itself leaves the debug sections out and keeps the types.
bpftool gen object "$out/probe-$arch.o" "$out/probe-$arch.full.o" || fail 'bpftool does not link the probe' 2
rm "$out/probe-$arch.full.o"
functions=$(LC_ALL=C readelf -sW "$out/probe-$arch.o" 2>/dev/null | awk '$4 == "FUNC"' | wc -l)
[ "$functions" -le 32 ] || fail "the probe has $functions functions, and the loader that bpftool makes room for 32" 2
bpftool gen skeleton -L "$out/probe-$arch.o" name probe >"$out/probe-$arch.lskel.h" || fail 'bpftool makes no loader' 2
"${CC:-cc}" -O2 -g0 -shared -fPIC -fvisibility=hidden -Wall -Wextra -Wno-unused-function -Wno-sign-compare "-I$headers" \
  "-DPROBE_HEADER=\"../build/probe-$arch.lskel.h\"" -s native/addon/live.c -o "$out/addon.$$" ||
  fail 'the addon does not compile' 2
mv "$out/addon.$$" "$out/tiercel-linux-$arch.node" # whole or not at all: it may be in use
printf '%s\n' "$out/tiercel-linux-$arch.node"
