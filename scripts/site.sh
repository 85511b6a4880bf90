#!/usr/bin/env bash
# Builds the site into target/site: site.sh [--dev]
# With --dev the app is compiled quickly and kept big; without, it is what the release binary carries.
# WASM builds have a target directory of their own: their compiler may be another than the default one.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=wasm
quick=()
if [ "${1:-}" = --dev ]; then
    profile=wasm-dev
    quick=(--quick)
fi

[ -f target/wasm.env ] || { echo "site: run scripts/setup.sh first" >&2; exit 1; }
(
    . target/wasm.env
    cargo build -p frontend --lib --target wasm32-unknown-unknown --profile "$profile" --target-dir target/wasm
)

optimizer=()
if [ "$profile" = wasm ]; then
    if command -v wasm-opt >/dev/null; then
        optimizer=(--wasm-opt "$(command -v wasm-opt)")
    elif [ -x target/tools/node_modules/.bin/wasm-opt ]; then
        optimizer=(--wasm-opt target/tools/node_modules/.bin/wasm-opt)
    else
        echo "site: no wasm-opt, so the app stays about twice as big (npm gives it: scripts/setup.sh)"
    fi
fi

# The bundler is built optimised in either case: compressing in a debug build takes a minute.
cargo run -q --release -p bundle -- --wasm "target/wasm/wasm32-unknown-unknown/$profile/frontend.wasm" \
    "${optimizer[@]}" "${quick[@]}"
