#!/usr/bin/env bash
# Feeds a target with bytes until something breaks or the time is over: fuzz.sh [TARGET] [SECONDS]
# What broke it lies in fuzz/artifacts; put it into fuzz/corpus, and `make test` tries it each time.
# These are the flags of cargo-fuzz without a sanitizer, for which a stable compiler does.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${1:-document}"
seconds="${2:-60}"
host="$(rustc -vV | sed -n 's/^host: //p')"
built="${CARGO_TARGET_DIR:-target}/fuzz"
features=()
if [ "$target" = worker ]; then features=(--features worker); fi

RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Ccodegen-units=1" \
    cargo build --release --manifest-path fuzz/Cargo.toml --target "$host" --target-dir "$built" --bin "$target" "${features[@]}"

mkdir -p "fuzz/artifacts/$target" "$built/corpus/$target"
# New inputs are gathered beside the committed ones: a copy of the interesting ones is for a person to choose.
"$built/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="fuzz/artifacts/$target/" "$built/corpus/$target" "fuzz/corpus/$target"
