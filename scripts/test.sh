#!/bin/sh
# The whole of what must hold: `scripts/check.sh`, then every test. With arguments, only the tests of those files or globs.
set -u
cd "$(dirname "$0")/.." || exit 1
node=$(sh scripts/setup.sh develop) || exit 1
PATH=$(dirname "$node"):$PWD/node_modules/.bin:$PATH
export PATH

checked=0
if [ $# -eq 0 ]; then
  # What live tests need. Without it they say why they are skipped.
  sh scripts/setup-native.sh && sh scripts/setup-tests.sh && sh scripts/setup-clients.sh
  sh scripts/check.sh || checked=1
  set -- 'src/**/*.test.ts' 'test/**/*.test.ts' 'scripts/**/*.test.ts'
fi
# Times are printed in UTC wherever a test compares text, and colours would only get in the way.
TZ=UTC NO_COLOR=1 node --disable-warning=ExperimentalWarning --test --test-reporter=spec --test-timeout=300000 "$@" || exit 1
if [ "$checked" -ne 0 ]; then
  echo 'the tests pass, but a check before them failed (see the lines that begin with # above)' >&2
  exit 1
fi
