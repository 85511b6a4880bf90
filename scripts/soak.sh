#!/usr/bin/env bash
# Looks for what the tests may have missed, for as long as wanted: soak.sh [SECONDS] [SEEDS]
# Simulates seeds nobody has tried, in memory and on disk; kills the real server 200 times under load; runs the tests of scale in full.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-}"
seeds="${2:-}"
if [ -z "$seconds$seeds" ]; then seconds=600; fi

SIM_SEED="${SIM_SEED:-$(date +%s%N)}"
export SIM_SEED
if [ -n "$seeds" ]; then export SIM_SEEDS="$seeds"; else export SIM_SECONDS="$seconds"; fi

cargo test --release --package engine --lib sim::nothing_is_lost -- --nocapture --test-threads 1
SCALE=full cargo test --release --package engine --test scale -- --test-threads 1
POINTWORK_KILLS=200 cargo test --release --package server --test kill9 -- --nocapture
