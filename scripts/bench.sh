#!/usr/bin/env bash
# Runs the workloads with the release binary: bench.sh [WORKLOAD…], by default all of them, and the pure core by itself before.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || cargo bench --package flow --bench core
exec target/release/pointwork bench "${@:-all}"
