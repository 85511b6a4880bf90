#!/usr/bin/env bash
# Runs the workloads with the release binary: bench.sh [WORKLOAD…], by default all of them, and the pure core by itself before.
# `bench.sh pages` measures the pages in Chromium instead.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = pages ]; then
    scripts/setup-tests.sh
    POINTWORK="${POINTWORK:-$PWD/target/release/pointwork}" exec npm run --silent --prefix end2end bench
fi

[ $# -gt 0 ] || cargo bench --package flow --bench core
exec target/release/pointwork bench "${@:-all}"
