#!/bin/sh
# Starts the service of packaging/systemd really: systemd as the first process of its own namespaces (pid, mount, cgroup, …), with this
# checkout under /opt/tiercel, and nothing of the machine changed. Then what an operator does: status, reload, restart after a kill, stop.
# Needs root, systemd, and what live events need. Says what it does; exit code 1 when something is not as it shall be, 2 when it cannot be
# tried here, with the reason.
#
#   sh scripts/try-service.sh
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD

cannot() {
  echo "try-service: $*" >&2
  exit 2
}

if [ "${1:-}" != inside ]; then
  [ "$(id -u)" -eq 0 ] || cannot 'needs root'
  for program in unshare nsenter systemctl systemd-analyze; do command -v "$program" >/dev/null || cannot "needs $program"; done
  [ -x /lib/systemd/systemd ] || cannot 'systemd is not installed'
  sh scripts/setup-native.sh || cannot 'the probe is not built'
  node=$(sh scripts/setup.sh run) || exit 1
  work=$(mktemp -d /srv/tiercel-service.XXXXXX) || exit 1
  manager=
  # It ends with this script, however that ends.
  trap '[ -z "$manager" ] || kill -KILL "$manager" 2>/dev/null; rm -rf "$work"' EXIT
  trap 'exit 1' INT TERM HUP
  mkdir -p "$work/log"
  unshare --mount --pid --fork --uts --ipc --cgroup --kill-child sh "$root/scripts/try-service.sh" inside "$work" "$node" >"$work/log/console" 2>&1 &
  manager=$!
  # The first process of the new pid namespace, which becomes systemd.
  first=
  for _ in $(seq 100); do
    first=$(cat "/proc/$manager/task/$manager/children" 2>/dev/null | tr -d ' ')
    [ -n "$first" ] && [ -S "/proc/$first/root/run/systemd/private" ] && break
    kill -0 "$manager" 2>/dev/null || break
    sleep 0.1
  done
  run() { nsenter --target "$first" --mount --pid --uts --ipc --cgroup "$@"; }
  failed=0
  show() { sed 's/^/    /' "$1"; }
  expect() { # expect WHAT COMMAND…: true within 20 seconds
    what=$1
    shift
    for _ in $(seq 200); do
      if "$@" >/dev/null 2>&1; then
        echo "ok      $what"
        return 0
      fi
      sleep 0.1
    done
    echo "not ok  $what"
    failed=1
  }
  if [ -z "$first" ] || [ ! -S "/proc/$first/root/run/systemd/private" ]; then
    show "$work/log/console"
    cannot 'systemd does not start in namespaces here'
  fi
  main_pid() { run systemctl show --value -p MainPID tiercel; }
  is_active() { [ "$(run systemctl is-active tiercel)" = active ]; }
  logged() { grep -q "$1" "$work/log/console"; }
  alerted() { grep -q "$1" "$work/alerts"; }
  expect 'the service is active' is_active
  expect 'it watches' logged 'watching .* system calls'
  expect 'it says that /proc is not that of the host here' logged "/proc is not the host's"
  expect 'systemd finds no fault in the unit' run systemd-analyze verify --man=no /run/units/tiercel.service
  touched() { # a fresh event for the rule, then a look
    mkdir "$work/sign" 2>/dev/null && rmdir "$work/sign"
    alerted "$1"
  }
  expect 'an alert is in the file' touched 'service sign'
  before=$(main_pid)
  sed -i 's/service sign/second sign/' "$work/rules.yaml"
  run systemctl reload tiercel
  expect 'a reload counts' touched 'second sign'
  [ "$(main_pid)" = "$before" ] && echo 'ok      and is no restart' || { echo 'not ok  a reload restarted it'; failed=1; }
  run systemctl kill -s KILL tiercel
  restarted() { is_active && [ "$(main_pid)" != "$before" ] && [ "$(main_pid)" != 0 ]; }
  expect 'after a kill it is started again' restarted
  : >"$work/alerts"
  expect 'and alerts again' touched 'second sign'
  echo "        capabilities: $(grep CapEff "/proc/$first/root/proc/$(main_pid)/status")"
  echo "        memory:       $(grep VmRSS "/proc/$first/root/proc/$(main_pid)/status")"
  run systemctl stop tiercel
  ended() { [ "$(run systemctl show --value -p Result tiercel)" = success ] && ! is_active; }
  expect 'it stops in good order' ended
  [ "$failed" -eq 0 ] || show "$work/log/console"
  exit "$failed"
fi

# --- inside the namespaces, about to become systemd
work=$2
node=$3
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p /run/units /run/lock
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 1
# Of its own, over those of the machine.
for folder in /opt /var/lib /var/log /var/cache; do mount -t tmpfs tmpfs "$folder"; done
mkdir -p /opt/tiercel
cp -a "$root/bin" "$root/src" "$root/rules" "$root/scripts" "$root/native" "$root/package.json" "$root/package-lock.json" "$root/node_modules" /opt/tiercel/
cp "$node" /opt/node
cat >"$work/rules.yaml" <<'RULES'
- rule: sign
  desc: d
  condition: evt.type in (mkdir, mkdirat) and evt.args contains tiercel-service
  output: service sign
  priority: ALERT
RULES
mkdir -p /run/etc /run/units
cat >/run/etc/tiercel.yaml <<CONFIG
rules_files: [$work/rules.yaml]
file_output: {enabled: true, filename: $work/alerts}
stdout_output: {enabled: false}
log_level: info
CONFIG
: >"$work/alerts"
sed -e 's#/usr/bin/tiercel#/opt/tiercel/bin/tiercel#' -e 's#/etc/tiercel/#/run/etc/#' packaging/systemd/tiercel.service >/run/units/tiercel.service
mkdir -p /run/units/tiercel.service.d
cat >/run/units/tiercel.service.d/try.conf <<DROPIN
[Unit]
DefaultDependencies=no
[Service]
Environment=TIERCEL_NODE=/opt/node
StandardError=file:$work/log/console
ReadWritePaths=$work
DROPIN
for unit in basic.target sysinit.target shutdown.target multi-user.target nss-lookup.target local-fs.target; do
  printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$unit" >"/run/units/$unit"
done
export container=tiercel SYSTEMD_UNIT_PATH=/run/units SYSTEMD_LOG_TARGET=console
exec /lib/systemd/systemd --system --unit=tiercel.service --show-status=no
