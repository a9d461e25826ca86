#!/bin/sh
# Everything that is checked without running it: types, format and lint, who imports whom, generated documents.
set -u
cd "$(dirname "$0")/.." || exit 1
node=$(sh scripts/setup.sh develop) || exit 1
PATH=$(dirname "$node"):$PWD/node_modules/.bin:$PATH
export PATH

failed=0
check() {
  what=$1
  shift
  echo "# $what: $*"
  "$@" || {
    echo "# $what: failed" >&2
    failed=1
  }
}
check types tsc
check 'format and lint' biome check --error-on-warnings --no-errors-on-unmatched
check 'import table' node scripts/check-imports.ts
check 'generated documents' node scripts/generate-docs.ts --check
exit "$failed"
