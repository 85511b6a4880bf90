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

# Parts of the app that are loaded apart, as in app/src/bundles.rs. A quick build is one for all.
readonly PARTS=(board monitor editor)
readonly BUILT="target/wasm/wasm32-unknown-unknown/$profile"
wasm=()

# compile ARG…: the app into $BUILT/frontend.wasm.
compile() {
    (
        . target/wasm.env
        # What comes later is taken out of the linked code, by what the linker says of it.
        cargo rustc -p frontend --lib --target wasm32-unknown-unknown --profile "$profile" --target-dir target/wasm "$@" -- -Clink-arg=--emit-relocs
    )
}

if [ "$profile" = wasm ]; then
    for part in "${PARTS[@]}"; do
        compile --no-default-features --features "$part"
        cp "$BUILT/frontend.wasm" "$BUILT/$part.wasm"
        wasm+=(--wasm "$part=$BUILT/$part.wasm")
    done
else
    compile
    wasm=("${PARTS[@]/%/=$BUILT/frontend.wasm}")
    wasm=("${wasm[@]/#/--wasm=}")
fi

# Without `wasm-opt -Oz`: it makes the files a seventh smaller, but what travels, as brotli, a twelfth bigger.
# The bundler is built optimised in either case: compressing in a debug build takes a minute.
cargo run -q --release -p bundle -- "${wasm[@]}" "${quick[@]}"
