#!/bin/sh
# Makes the new namespaces (network, mounts, host name) that it is started in a small internet, then becomes the program given: every address of the
# networks for documentation and benchmarks is this machine, and DNS has a few servers of its own. Arguments: a folder with resolv.conf,
# nsswitch.conf, hosts, passwd and group; the program.
set -eu
folder=$1
shift
# The C library searches the domain that a host name with dots ends with.
echo world >/proc/sys/kernel/hostname
ip link set lo up
# TCP Fast Open for all, with data in the first packet and without a cookie.
echo 1543 >/proc/sys/net/ipv4/tcp_fastopen
# systemd-resolved asks nobody while only loopback is up.
ip link add out0 type veth peer name out1
ip link set out0 up
ip link set out1 up
ip addr add 10.53.0.1/24 dev out0
for address in 10.53.0.53 10.53.0.54 10.53.0.55 10.53.0.66; do ip addr add "$address/32" dev lo; done
for net in 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 198.18.0.0/15; do ip route add local "$net" dev lo; done
ip -6 route add local 2001:db8::/32 dev lo 2>/dev/null && ip -6 addr add 2001:db8::53/128 dev lo nodad || echo "no IPv6" >&2
# The machine's name service daemons stay outside.
mount -t tmpfs tmpfs /run
target=$(readlink -f /etc/resolv.conf)
mkdir -p "$(dirname "$target")"
[ -e "$target" ] || case $target in /run/*) : >"$target" ;; esac
for file in resolv.conf nsswitch.conf hosts passwd group; do
  [ ! -e "/etc/$file" ] || mount --bind "$folder/$file" "/etc/$file"
done
exec "$@"
