#!/usr/bin/env bash
# Serves a debug build, and builds and starts again when a source changes: dev.sh [SERVE-OPTION…]
# What does not compile is reported; the last build that did goes on serving.
set -uo pipefail
cd "$(dirname "$0")/.."

readonly SOURCES=(app frontend server style public Cargo.toml Cargo.lock)
readonly SEEN=target/dev.seen
readonly BINARY=target/debug/pointwork
export CARGO_TARGET_DIR=$PWD/target
server=
served=

stop() {
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}
trap 'stop; exit 0' INT TERM
trap stop EXIT

changed() { [ ! -e "$SEEN" ] || [ -n "$(find "${SOURCES[@]}" -type f -newer "$SEEN" -print -quit)" ]; }

rm -f "$SEEN"
while true; do
    if changed; then
        touch "$SEEN"
        if scripts/site.sh --dev && cargo build --package server --bin pointwork; then
            # A change of style or app alone needs no new server: a debug build reads the site from disk.
            built=$(stat -c %Y "$BINARY" 2>/dev/null || stat -f %m "$BINARY")
            if [ "$built" != "$served" ]; then
                stop
                "$BINARY" serve "$@" &
                server=$!
                served=$built
            fi
            echo "dev: ready"
        fi
    fi
    sleep 1
done
