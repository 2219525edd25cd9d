#!/usr/bin/env bash
# Whole-process ratios: our parts against bare loops and against the peers that are installed, back to back on this machine.
# Work per CPU-second (user + system), median of RUNS runs. Usage: docs/ratios.sh [FOLDER on ext4], from the root of the tree.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d "$(realpath "${1:-target}")/ratios.XXXXXX")
trap 'rm -rf "$folder"' EXIT
RUNS=${RUNS:-5}
LINES=${LINES:-1000000}

median() { sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }
# CPU seconds of a finished child, by bash's own accounting.
# (`times` must run in this very shell: a subshell has children of its own.)
cpu() {
  times > "$folder/before"; "$@" >/dev/null 2>&1; times > "$folder/after"
  awk 'FNR==2{split($1,u,/[ms]/); split($2,s,/[ms]/); t[FILENAME]=u[1]*60+u[2]+s[1]*60+s[2]} END{print t[ARGV[2]]-t[ARGV[1]]}' "$folder/before" "$folder/after"
}
rate() { awk "BEGIN{printf \"%.0f\", $LINES/$1}"; }

cargo build --release --quiet --workspace --examples --bins
bin=$PWD/target/release

echo "== generator and receivers (G1, G2, G4): loadgen/examples/measure"
"$bin/examples/measure" "$folder"

echo "== the pipeline (G6): CRI to HTTP JSON lines, acks and checkpoints on"
for _ in $(seq "$RUNS"); do "$bin/examples/deliver" 2000000 | awk '/records per CPU-s/{print $1}'; done > "$folder/g6"
echo "median $(median < "$folder/g6") records per CPU-s (goal 2750000)"

echo "== tailing $LINES bare lines of 300 B into a file: the pipeline against rsyslog imfile"
awk -v n="$LINES" 'BEGIN{pad=sprintf("%280s",""); gsub(/ /,"x",pad); for(i=0;i<n;i++) printf "{\"n\":%012d,\"x\":\"%s\"}\n", i, substr(pad,1,278)}' > "$folder/in.log"
cat > "$folder/pipeline.conf" <<CONF
[INPUT]
    Name            tail
    Path            $folder/in.log
    Tag             t
    Read_from_Head  true
    DB              $folder/db
[OUTPUT]
    Name            file
    Match           *
    Path            $folder
    File            ours.out
CONF
# Runs a command until its output stands still, then asks it to end. (Counting lines meanwhile would be billed to it.)
until_read() {
  local out=$1 size=-1 last=-2; shift
  "$@" & local pid=$!
  until [ "$size" -gt 0 ] && [ "$size" = "$last" ]; do
    sleep 0.5; last=$size; size=$(stat -c %s "$out" 2>/dev/null || echo 0)
    kill -0 "$pid" 2>/dev/null || break
  done
  kill -TERM "$pid" 2>/dev/null || true; wait "$pid" || true
}
whole() { [ "$(wc -l < "$1")" = "$LINES" ] || echo "           incomplete: $(wc -l < "$1") of $LINES lines"; }
ours() { rm -f "$folder"/db* "$folder/ours.out"; until_read "$folder/ours.out" "$bin/tailproof" pipeline -c "$folder/pipeline.conf"; }
for _ in $(seq "$RUNS"); do cpu ours; done > "$folder/ours.cpu"
a=$(rate "$(median < "$folder/ours.cpu")"); echo "pipeline   $a lines per CPU-s"; whole "$folder/ours.out"
if command -v rsyslogd >/dev/null; then
  cat > "$folder/rs.conf" <<CONF
global(workDirectory="$folder/rs")
module(load="imfile")
template(name="raw" type="string" string="%msg%\n")
input(type="imfile" file="$folder/in.log" tag="t")
action(type="omfile" file="$folder/rs.out" template="raw")
CONF
  theirs() { rm -rf "$folder/rs" "$folder/rs.out"; mkdir "$folder/rs"; until_read "$folder/rs.out" rsyslogd -n -f "$folder/rs.conf" -i "$folder/rs.pid"; }
  for _ in $(seq "$RUNS"); do cpu theirs; done > "$folder/rs.cpu"
  b=$(rate "$(median < "$folder/rs.cpu")"); echo "rsyslog    $b lines per CPU-s"; whole "$folder/rs.out"
  awk "BEGIN{printf \"ratio      %.1f\n\", $a/$b}"
else
  echo "rsyslog    not installed: skipped"
fi

echo "== writer tax (G12)"
"$bin/examples/writer_tax"

echo "== the bench's share of CPU (G8) and the stall on screen (G11)"
"$bin/tailproof" run steady --ui none --out "$folder/runs" | grep -E '^  used|bench CPU' || true
start=$(date +%s.%N)
"$bin/tailproof" run tail-stall --defect stale-membership-inode-reuse --ui none --out "$folder/runs" | tail -n 1 || true
awk "BEGIN{printf \"verdict after %.1f s (goal 30)\n\", $(date +%s.%N)-$start}"
