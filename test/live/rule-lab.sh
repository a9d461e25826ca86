#!/bin/bash
# Where rules are triggered: runs `testdata/trigger.py` twice, on the host and in a container of runc, both with the host's programs in a root
# of their own (an overlay, so that nothing they write stays) and in one network namespace of their own.
#
#   unshare --mount --net bash rule-lab.sh FOLDER ID
#
# FOLDER has act, trigger.py, host.json, container.json, and `as`, programs under other names; ID is the container's. Prints `ready`, waits for a
# line, and then what the two print goes to FOLDER/host.out and FOLDER/container.out. On a second line the container goes on from its first
# case, which it repeats until then; on a third one, or none, all ends. All that it mounts and configures ends with it.
set -eu
folder=$1 id=$2
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
mount --make-rprivate /
# The host's control group, so that what runs here is of no container.
for procs in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
  echo 0 >"$procs" 2>/dev/null || true
done
lab=$folder/lab
mkdir "$lab"
mount -t tmpfs none "$lab"
mkdir -p "$lab"/base/opt/lab "$lab"/{host,container}/{upper,work,root} "$lab/bundle"
mkdir "$lab/base/etc"
echo nameserver 198.51.100.1 >"$lab/base/etc/resolv.conf"
cp -r "$folder"/{act,as,trigger.py,host.json,container.json} "$lab/base/opt/lab"
for where in host container; do
  mount -t overlay -o "lowerdir=$lab/base:/,upperdir=$lab/$where/upper,workdir=$lab/$where/work" none "$lab/$where/root"
done

ip link set lo up
ip link add lab0 type veth peer name lab1
for address in 198.51.100.1/24 169.254.0.1/16 10.77.0.1/24; do ip address add "$address" dev lab0; done
ip address add fd00:77::1/64 dev lab0 nodad
ip link set lab0 up
ip link set lab1 up

cd "$lab/bundle"
runc spec
python3 -S - "$id" "$lab/container/root" /proc/$$/ns/net <<'PY'
import json, sys
config = json.load(open('config.json'))
process = config['process']
process['terminal'] = False
process['args'] = ['/usr/bin/python3', '-S', '/opt/lab/trigger.py', '/opt/lab/container.json']
process['env'] = ['CASE=start', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin']
more = ['CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_NET_RAW', 'CAP_SETUID', 'CAP_SETGID', 'CAP_DAC_OVERRIDE', 'CAP_CHOWN', 'CAP_SYS_PTRACE', 'CAP_MKNOD']
for kind in ('bounding', 'effective', 'permitted'):
    process['capabilities'][kind] = sorted({*process['capabilities'].get(kind, []), *more})
config['root'] = {'path': sys.argv[2], 'readonly': False}
config['linux']['cgroupsPath'] = '/docker/' + sys.argv[1]
config['linux'].get('resources', {}).pop('devices', None)
for namespace in config['linux']['namespaces']:
    if namespace['type'] == 'network':
        namespace['path'] = sys.argv[3]
json.dump(config, open('config.json', 'w'))
PY

cat >enter.sh <<'ENTER'
set -eu
cd "$1"
mount --rbind /proc proc
mount --rbind /sys sys
mount -t tmpfs none dev
mkdir dev/pts dev/shm
mount -t tmpfs none dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 none dev/pts
ln -s pts/ptmx dev/ptmx
for name in null zero tty urandom; do touch "dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
mkdir -p mnt
pivot_root . mnt
umount -l /mnt
cd /
exec env -i PATH="$PATH" python3 -S /opt/lab/trigger.py /opt/lab/host.json
ENTER

mkfifo "$folder/end" "$folder/known"
echo ready
read -r _
unshare --mount bash enter.sh "$lab/host/root" <"$folder/end" >"$folder/host.out" 2>&1 &
runc --root "$lab/runc" run "$id" <"$folder/known" >"$folder/container.out" 2>&1 &
exec 7>"$folder/end" 8>"$folder/known"
read -r _
echo known >&8
read -r _ || true
exec 7>&- 8>&-
wait
