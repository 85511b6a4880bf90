#!/usr/bin/env bash
# Runs the workloads with the release binary: bench.sh [WORKLOAD…], all of them by default.
set -euo pipefail
cd "$(dirname "$0")/.."

exec target/release/pointwork bench "${@:-all}"
