#!/bin/sh
# Makes a checkout, or an installed package, ready to run: a Node of at least 24, and the dependencies of package-lock.json.
#
#   sh scripts/setup.sh [run|develop]
#
# Prints the path of that Node on standard output, alone; says what it does on standard error, a line each. Changes nothing and takes
# some milliseconds when all is there. `run` (the default) needs the run-time dependencies only, `develop` those of the tests too.
# Several at once wait for one another. Exit code 1 when something cannot be had, with the reason.
#
# TIERCEL_NODE names a Node to use instead of the one on PATH.
set -u

need=${1:-run}
case $need in run | develop) ;; *)
  echo "usage: sh scripts/setup.sh [run|develop]" >&2
  exit 1
  ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd -P) || exit 1
oldest_node=24

# A package installed by npm has no lock file (npm never packs it) and its dependencies are already there.
if [ -f "$root/package-lock.json" ]; then
  is_checkout=yes
  cache=$root/.cache
else
  is_checkout=no
  cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tiercel
fi
fetched_node_dir=$cache/node$oldest_node

say() { printf 'tiercel: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# The dotted version of the Node at $1, without the v; nothing when it does not run.
version_of() { "$1" --version 2>/dev/null | sed -n 's/^v\([0-9][0-9.]*\).*/\1/p'; }

is_new_enough() {
  version=$(version_of "$1")
  [ -n "$version" ] && [ "${version%%.*}" -ge "$oldest_node" ]
}

# The path of a usable Node, or nothing.
find_node() {
  on_path=$(command -v node 2>/dev/null)
  for candidate in "${TIERCEL_NODE:-}" "$on_path" "$fetched_node_dir"/node_modules/node-linux-*/bin/node; do
    if [ -n "$candidate" ] && [ -x "$candidate" ] && is_new_enough "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
}

# What node_modules was last filled from; a copy kept inside it, so that removing node_modules forgets it.
stamp_of() { printf '%s/node_modules/.tiercel-%s-lock.json\n' "$root" "$1"; }

has_dependencies() {
  [ "$is_checkout" = no ] && return 0
  cmp -s "$root/package-lock.json" "$(stamp_of develop)" && return 0
  [ "$need" = run ] && cmp -s "$root/package-lock.json" "$(stamp_of run)"
}

node=$(find_node)
if [ -n "$node" ] && has_dependencies; then
  printf '%s\n' "$node"
  exit 0
fi

# --- Something is missing. From here on one process at a time.
command -v npm >/dev/null 2>&1 || fail "npm is not on PATH; it is needed once, to fetch what is missing (on Debian: apt-get install npm)"
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || fail "cannot write to $cache; run this once as a user who can"
log=$cache/setup.log
if command -v flock >/dev/null 2>&1; then
  exec 9>"$cache/setup.lock"
  if ! flock -n 9; then
    say "waiting for another set-up of $root to end"
    flock -w 900 9 || fail "another set-up has not ended after 15 minutes ($cache/setup.lock)"
  fi
fi

# npm in the folder $1 with the other arguments; its words go to the log, and to the terminal only when it fails. Installed scripts
# never run. The lock (fd 9) is not handed on.
run_npm() {
  dir=$1
  shift
  if (cd "$dir" && npm "$@" --prefix . --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error \
    --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000) >"$log" 2>&1 9>&-; then
    return 0
  fi
  grep -v 'npm error     at ' "$log" | head -n 6 | sed 's/^/tiercel:   /' >&2
  if grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET|FETCH_ERROR|network' "$log"; then
    say "the npm registry cannot be reached: check the network, the proxy and \`npm config get registry\`, then run this again"
  fi
  return 1
}

node=$(find_node)
if [ -z "$node" ]; then
  case "$(uname -s) $(uname -m)" in
    'Linux x86_64' | 'Linux amd64') platform=linux-x64 ;;
    'Linux aarch64' | 'Linux arm64') platform=linux-arm64 ;;
    *) fail "Node $oldest_node or newer is needed; there is no ready one for $(uname -s) $(uname -m): install it and put it on PATH" ;;
  esac
  have=$(version_of node)
  pinned=$root/scripts/node24/$platform # an exact version and its hash
  wanted=$(sed -n 's/.*"node-linux-.*": "\(.*\)".*/\1/p' "$pinned/package.json")
  say "Node $oldest_node or newer is needed and this machine has ${have:-none}: fetching $wanted for $platform (about 60 MB, once) into $fetched_node_dir"
  rm -rf "$fetched_node_dir"
  mkdir -p "$fetched_node_dir" && cp "$pinned"/package*.json "$fetched_node_dir" ||
    fail "cannot write to $fetched_node_dir"
  run_npm "$fetched_node_dir" ci --no-bin-links || fail "Node $wanted could not be fetched"
  node=$fetched_node_dir/node_modules/node-$platform/bin/node
  [ -x "$node" ] || fail "Node $wanted could not be fetched: npm ended well but left no $node"
  is_new_enough "$node" || fail "the fetched Node does not run here ($node); it needs glibc: install Node $oldest_node or newer and put it on PATH"
fi

if ! has_dependencies; then
  PATH=$(dirname "$node"):$PATH
  export PATH
  [ -f "$(stamp_of develop)" ] && need=develop # what a developer had is not taken away
  if [ "$need" = run ]; then
    say "installing the run-time dependencies (npm ci --omit=dev)"
    run_npm "$root" ci --omit=dev || fail "the dependencies could not be installed"
  else
    say "installing all dependencies, those of the tests too (npm ci)"
    run_npm "$root" ci --include=dev || fail "the dependencies could not be installed"
  fi
  cp "$root/package-lock.json" "$(stamp_of "$need")" || fail "cannot write to $root/node_modules"
fi

printf '%s\n' "$node"
