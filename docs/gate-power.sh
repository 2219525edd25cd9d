#!/usr/bin/env bash
# The gate's false alarms and power on real runs of this machine: performs RUNS short runs of one build, then replays sessions of
# the gate on pairs of neighbours, with and without a planted slowdown. Usage: docs/gate-power.sh [FOLDER on ext4], about 8 minutes.
set -euo pipefail
mkdir -p "${1:-target}"
folder=$(mktemp -d "$(realpath "${1:-target}")/gate-power.XXXXXX")
trap 'rm -rf "$folder"' EXIT
RUNS=${RUNS:-90}
cargo build --release --quiet --bin tailproof
cargo build --release --quiet -p tailproof-results --example gate_power
target=${CARGO_TARGET_DIR:-target}
"$target/release/tailproof" run steady --repeat "$RUNS" --duration 3s --set time.warm_up=500ms --ui none --out "$folder/runs" | grep -c 'verdict=PASS'
"$target/release/examples/gate_power" "$folder/runs"
