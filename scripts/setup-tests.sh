#!/bin/sh
# Installs what tests call and Debian has: Python, whose system calls live tests watch, and the programs of the recorded workloads
# (test/live). Only for root; without them those tests say why they are skipped.
#
#   sh scripts/setup-tests.sh
#
# Takes some milliseconds when all is there. Never fails: the tests tell what is missing.
set -u
cd "$(dirname "$0")/.." || exit 0
PATH=/usr/sbin:/usr/bin:/sbin:/bin # where the workloads look

missing=
while read -r program package; do
  command -v "$program" >/dev/null 2>&1 || missing="$missing $package"
done <<'PROGRAMS'
python3 python3
gcc gcc
git git
perl perl
curl curl
wget wget
ssh openssh-client
strace strace
ip iproute2
ps procps
script bsdutils
debugfs e2fsprogs
flock util-linux
unshare util-linux
runc runc
busybox busybox-static
dnsmasq dnsmasq-base
dig bind9-dnsutils
nc netcat-openbsd
ncat ncat
socat socat
sudo sudo
ifconfig net-tools
PROGRAMS
[ -f /usr/include/errno.h ] || missing="$missing libc6-dev"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "tiercel: live tests would like$missing" >&2
  exit 0
fi
echo "tiercel: installing$missing, whose system calls live tests watch (apt-get, once)" >&2
mkdir -p .cache
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # several packages
{ apt-get install -y --no-install-recommends $missing || { apt-get update && apt-get install -y --no-install-recommends $missing; }; } >.cache/setup-tests.log 2>&1 ||
  echo 'tiercel: they could not be installed (.cache/setup-tests.log)' >&2
exit 0
