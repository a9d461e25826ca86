#!/bin/sh
# Fetches the DNS servers and clients that live tests of names use (test/conformance/live-names/) into .cache/clients. Debian's packages
# are unpacked there, not installed: no service is started, no file of the machine changes. What is on PATH already is taken from there.
#
#   sh scripts/setup-clients.sh
#
# Takes some milliseconds when all is there. Says on standard error what it cannot get, and why; the tests name what they go without.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

say() { printf 'tiercel: %s\n' "$*" >&2; }

folder=$PWD/.cache/clients
root=$folder/root

# program:package. `nss-resolve` runs what it is given with that module of glibc in reach. `gron` and `hey` are there because they are small programs in Go, whose resolver is its own; `gtlsclient` speaks QUIC.
wanted='ip:iproute2 curl:curl dig:bind9-dnsutils unbound:unbound dnsmasq:dnsmasq-base systemd-resolved:systemd-resolved musl-gcc:musl-tools
  busybox:busybox gron:gron hey:hey nscd:nscd nss-resolve:libnss-resolve gtlsclient:ngtcp2-client'
resolved_paths='lib/systemd/systemd-resolved usr/lib/systemd/systemd-resolved'

# Where a program is; `systemd-resolved` is on no PATH.
find_program() {
  command -v "$1" 2>/dev/null && return
  if [ "$1" = systemd-resolved ]; then
    for path in $resolved_paths; do [ -x "/$path" ] && echo "/$path" && return; done
  fi
  return 1
}

missing=
packages=
for pair in $wanted; do
  program=${pair%%:*}
  [ -x "$folder/bin/$program" ] && continue
  find_program "$program" >/dev/null && continue
  missing="$missing $program"
  packages="$packages ${pair##*:}"
done
[ -z "$missing" ] && exit 0

mkdir -p "$folder/archives/partial" "$folder/bin" "$root" || exit 1
log=$folder/setup.log
if command -v flock >/dev/null 2>&1; then
  exec 9>"$folder/lock"
  flock -w 300 9
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
  say "live tests of names go without$missing: fetching them needs root and Debian's apt-get"
  exit 1
fi

say "fetching$missing for live tests of names (apt-get, some 15 MB, once; not installed)"
export DEBIAN_FRONTEND=noninteractive
fetch() {
  # shellcheck disable=SC2086 # several packages
  apt-get -o Dir::Cache::archives="$folder/archives" -o DPkg::Lock::Timeout=120 install -y --no-install-recommends --download-only "$@" >"$log" 2>&1 9>&-
}
# shellcheck disable=SC2086
if ! fetch $packages && ! { apt-get update >"$log" 2>&1 9>&- && fetch $packages; }; then
  # One that cannot be had must not keep the others away.
  for package in $packages; do fetch "$package" || say "the package $package could not be fetched ($(tail -n 1 "$log"))"; done
fi
for archive in "$folder"/archives/*.deb; do
  case $archive in
    */libc6*) ;; # the machine's loader runs them, and it fits only its own libc
    *) [ -f "$archive" ] && dpkg-deb -x "$archive" "$root" >>"$log" 2>&1 && rm -f "$archive" ;;
  esac
done

libraries=
for path in "$root"/lib/*-linux-gnu "$root"/usr/lib/*-linux-gnu "$root"/usr/lib/*-linux-gnu/systemd "$root"/lib/systemd "$root"/usr/lib/systemd; do
  [ -d "$path" ] && libraries=$libraries${libraries:+:}$path
done
for program in $missing; do
  if [ "$program" = nss-resolve ]; then
    # Alone in its folder: what it is given has libraries of its own.
    module=$(find "$root" -name 'libnss_resolve.so.2' | head -n 1)
    [ -n "$module" ] || { say "live tests of names go without nss-resolve: its package has not been had ($log)" && continue; }
    mkdir -p "$folder/nss" && cp "$module" "$folder/nss/"
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec "$@"\n' "$folder/nss" >"$folder/bin/nss-resolve"
    chmod +x "$folder/bin/nss-resolve"
    continue
  fi
  case $program in
    systemd-resolved) paths=$resolved_paths ;;
    *) paths="usr/bin/$program usr/sbin/$program bin/$program sbin/$program" ;;
  esac
  found=
  for path in $paths; do [ -x "$root/$path" ] && found=$root/$path; done
  if [ -z "$found" ]; then
    say "live tests of names go without $program: its package has not been had ($log)"
    continue
  fi
  if [ "$program" = musl-gcc ]; then
    # Its settings name the folders of an installed package.
    specs=$(echo "$root"/usr/lib/*-linux-musl/musl-gcc.specs)
    sed -i -E "s#([ =L])/usr/(lib|include)/#\1$root/usr/\2/#g" "$specs"
    printf '#!/bin/sh\nexec cc "$@" -specs %s\n' "$specs" >"$folder/bin/$program"
  else
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$found" >"$folder/bin/$program"
  fi
  chmod +x "$folder/bin/$program"
done
exit 0
