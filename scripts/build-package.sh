#!/bin/sh
# Fills dist/ for `npm pack`: the sources as JavaScript with their declarations, and the tables that they read. A checkout needs none of
# this; Node refuses to run TypeScript below node_modules, so a package carries the result.
set -eu
cd "$(dirname "$0")/.."
node=$(sh scripts/setup.sh develop)
PATH=$(dirname "$node"):$PWD/node_modules/.bin:$PATH
export PATH

sh scripts/setup-native.sh # the package brings the addon of the machine that packs it, and of the other one if there is a cross compiler
for arch in x64:x86_64 arm64:aarch64; do
  if [ "${arch#*:}" != "$(uname -m)" ] && command -v "${arch#*:}-linux-gnu-gcc" >/dev/null 2>&1; then
    sh scripts/build-native.sh "${arch%:*}" >/dev/null
  fi
done
rm -rf dist
tsc -p tsconfig.build.json
mkdir -p dist/events/data
cp src/events/data/*.json dist/events/data/
