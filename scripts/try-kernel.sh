#!/bin/sh
# Boots Debian's kernel under emulation with this checkout in it, and runs the tests of live events there: for kernels and machines that
# one does not have. Slow (minutes), not part of `npm test`.
#
#   sh scripts/try-kernel.sh arm64|x64 [TEST FILES…]
#
# Needs Debian with root, and installs: qemu, cpio, and for the other machine a cross compiler. Keeps what it fetches in ~/.cache/tiercel/vm.
# Exit code 0 when all tests pass.
set -eu
cd "$(dirname "$0")/.."
arch=${1:?"usage: sh scripts/try-kernel.sh arm64|x64 [TEST FILES…]"}
shift
tests=${*:-src/events/live/open-live.test.ts src/events/live/connects.test.ts src/events/live/file-filter.test.ts src/events/live/native-addon.test.ts src/events/live/wanted-calls.test.ts}

case $arch in
  arm64) debian=arm64 emulator=qemu-system-arm console=ttyAMA0 cross='gcc-aarch64-linux-gnu libc6-dev-arm64-cross' ;;
  x64) debian=amd64 emulator=qemu-system-x86 console=ttyS0 cross='gcc libc6-dev' ;;
  *) echo "try-kernel: arm64 or x64, not $arch" >&2 && exit 2 ;;
esac
say() { printf 'try-kernel: %s\n' "$*" >&2; }

say 'packages of this machine'
# shellcheck disable=SC2086 # several packages
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$emulator" cpio clang bpftool libbpf-dev $cross >/dev/null
sh scripts/setup.sh develop >/dev/null
sh scripts/build-native.sh "$arch" >&2

vm=${XDG_CACHE_HOME:-$HOME/.cache}/tiercel/vm/$arch
mkdir -p "$vm/lists/partial" "$vm/cache/archives/partial"
: >"$vm/status"
cat >"$vm/apt.conf" <<END
APT::Architecture "$debian";
APT::Architectures "$debian";
Dir::State::Lists "$vm/lists";
Dir::State::status "$vm/status";
Dir::Cache "$vm/cache";
END
say "packages of the $debian machine"
export APT_CONFIG="$vm/apt.conf"
apt-get update >/dev/null
apt-get install -y --download-only --no-install-recommends "linux-image-$debian" busybox-static python3 libstdc++6 libgcc-s1 >/dev/null
unset APT_CONFIG

say 'its file system'
root=$vm/root
rm -rf "$root"
mkdir -p "$root"
for deb in "$vm"/cache/archives/*.deb; do
  case ${deb##*/} in
    linux-image-*) dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$vm" --wildcards './boot/vmlinuz-*' 2>/dev/null || true ;;
    *) dpkg-deb -x "$deb" "$root" ;;
  esac
done
kernel=$(find "$vm/boot" -name 'vmlinuz-*' | sort -V | tail -n 1)
cp -r "scripts/node24/linux-$arch" "$vm/node"
(cd "$vm/node" && npm ci --ignore-scripts --no-audit --no-fund --force "--cpu=$arch" --os=linux --libc=glibc >/dev/null 2>&1)
mkdir -p "$root/node" "$root/tiercel" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/root"
cp "$(find "$vm/node/node_modules" -path '*/bin/node' -type f | head -n 1)" "$root/node/"
git ls-files -z | xargs -0 cp --parents -t "$root/tiercel" 2>/dev/null || true
mkdir -p "$root/tiercel/native/build"
cp "native/build/tiercel-linux-$arch.node" "$root/tiercel/native/build/"
for package in fast-check pure-rand picocolors re2js yaml dns-packet @leichtgewicht; do
  mkdir -p "$root/tiercel/node_modules"
  [ ! -d "node_modules/$package" ] || cp -r "node_modules/$package" "$root/tiercel/node_modules/"
done
cat >"$root/init" <<END
#!/bin/busybox sh
export PATH=/node:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TZ=UTC NO_COLOR=1
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs tmp /tmp
busybox mount -t tracefs tracefs /sys/kernel/tracing
busybox mkdir -p /sys/fs/cgroup
busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
busybox ip link set lo up
busybox hostname emulated
cd /tiercel
busybox uname -a
node --disable-warning=ExperimentalWarning --test --test-concurrency=1 --test-timeout=600000 $tests
echo "try-kernel: exit \$?"
busybox poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$vm/initrd.gz"

say "booting ${kernel##*/}"
case $arch in
  arm64) set -- qemu-system-aarch64 -M virt -cpu cortex-a76 ;;
  x64) set -- qemu-system-x86_64 -M q35 -cpu max ;;
esac
"$@" -accel tcg,thread=multi -smp 2 -m 4096 -nographic -nic none -kernel "$kernel" -initrd "$vm/initrd.gz" \
  -append "console=$console quiet panic=-1" -no-reboot | tee "$vm/log"
grep -q '^try-kernel: exit 0' "$vm/log"
