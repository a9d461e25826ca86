#!/bin/bash
# Runs the recorded workloads as they were run for the captures: from /srv/lab, each in a pid, mount and network namespace of its own, network
# workloads between two more network namespaces.
#
#   bash lab.sh WORKLOADS_DIR OUT_DIR NAME…
#
# Prints `ready` once all is prepared, then waits for a line on standard input, then runs the workloads at the same time. What they print
# goes to OUT_DIR/NAME.log. Makes /srv/lab and removes it; says so and ends with 3 if it is there already and not its own.
set -eu
workloads=$1 out=$2
shift 2
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset NODE_OPTIONS LD_PRELOAD
ulimit -n 20000
umask 022

# One at a time on a machine: the paths are fixed.
exec 9>/run/lock/tiercel-lab
flock 9
if [ -e /srv/lab ] && [ ! -e /srv/lab/.tiercel-tests ]; then
  echo '/srv/lab is there already'
  exit 3
fi
# The recordings were made in the root of all control groups.
for procs in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
  echo 0 >"$procs" 2>/dev/null || true
done
clean_up() {
  umount -l /srv/lab/bundle/rootfs 2>/dev/null || true
  rm -rf --one-file-system /srv/lab
}
clean_up
trap clean_up EXIT
# On the file system of /usr, as it was: hard links and clones between them work.
mkdir -p /srv/lab/tmp /srv/lab/home /srv/lab/etc /srv/lab/workloads
touch /srv/lab/.tiercel-tests
cp "$workloads"/* /srv/lab/workloads
cd /srv/lab
chmod +x workloads/*.sh
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n' >etc/hosts
echo 'nameserver 127.0.0.1' >etc/resolv.conf
gcc -o workloads/sec workloads/sec.c
gcc -static -o workloads/sec-static workloads/sec.c
(
  mkdir repo && cd repo
  mkdir -p rules build docs
  for i in 1 2 3 4 5 6 7 8; do printf -- '- macro: m%s\n  condition: spawned_process and proc.name = p%s\n' $i $i >rules/r$i.yaml; done
  seq -f 'rule %g and its words' 400 >README.md
  seq 3000 >build/numbers
  export HOME=/srv/lab/home
  git init -q -b main .
  git add .
  # So many that `git log | head` ends by SIGPIPE.
  seq -f 'commit refs/heads/main
committer lab <lab@test.local> %.0f +0000
data 5
step
' 1700000000 1700003000 | git fast-import --quiet
  git -c user.name=lab -c user.email=lab@test.local commit -q -m 'all files'
)
case " $* " in *' ctr '*)
  bash workloads/mkbundle.sh /srv/lab/bundle >/dev/null
  # The container was recorded in its second run.
  bash workloads/ctr.sh /srv/lab/bundle >/dev/null 2>&1 || true
  ;;
esac
for name; do
  case $name in
    net | sec) what="ip netns exec labA workloads/$name.sh" ;;
    ctr) what='workloads/ctr.sh /srv/lab/bundle' ;;
    *) what=workloads/$name.sh ;;
  esac
  printf 'mount --bind /srv/lab/etc/hosts /etc/hosts; mount --bind /srv/lab/etc/resolv.conf /etc/resolv.conf\n%s\n' "$what" >"run.$name"
done


# What a workload needs around it: homes and shared memory that end with it, the host name of the recordings, and the two networks. Descriptor 10 was open, too.
cat >around.sh <<'AROUND'
set -eu
mkdir -p homes "root.$1" /run/netns
echo vm >/proc/sys/kernel/hostname
mount --bind homes /home
mount --bind "root.$1" /root
mount -t tmpfs none /dev/shm
mount -t tmpfs none /run/netns
ip link set lo up
[ "$1" != net ] && [ "$1" != sec ] || bash workloads/netns.sh
exec setsid env -i LOGNAME=root HOME=/srv/lab/home LANG=C.UTF-8 USER=root PATH="$PATH" \
  bash -c "cd /srv/lab; unset OLDPWD; echo \$\$ > pid.$1; read x < fifo.$1; timeout -k 5 $2 unshare -m -p -f --kill-child --mount-proc bash run.$1; echo > done.$1"
AROUND

for name; do
  mkfifo "fifo.$name"
  unshare -m -n -u bash around.sh "$name" $([ $name = net ] && echo 90 || echo 60) >"$out/$name.log" 2>&1 </dev/null 9>&- 10</dev/null &
done
echo ready
read -r _
for name; do
  echo go >"fifo.$name"
done
wait
