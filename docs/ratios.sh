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

echo "== tailing $LINES bare lines of 300 B into a file: the pipeline against rsyslog imfile and syslog-ng file()"
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
# peer NAME PROGRAM COMMAND...: the lines that it takes a CPU-second, if it is installed, and ours to that. It writes to theirs.out.
peer() {
  local name=$1 program=$2; shift 2
  command -v "$program" >/dev/null || { echo "$name  not on PATH: skipped"; return; }
  theirs() { rm -rf "$folder/theirs" "$folder/theirs.out"; mkdir "$folder/theirs"; until_read "$folder/theirs.out" "$@"; }
  for _ in $(seq "$RUNS"); do cpu theirs "$@"; done > "$folder/theirs.cpu"
  b=$(rate "$(median < "$folder/theirs.cpu")"); echo "$name  $b lines per CPU-s"; whole "$folder/theirs.out"
  awk "BEGIN{printf \"ratio      %.1f\n\", $a/$b}"
}
cat > "$folder/rs.conf" <<CONF
global(workDirectory="$folder/theirs")
module(load="imfile")
template(name="raw" type="string" string="%msg%\n")
input(type="imfile" file="$folder/in.log" tag="t")
action(type="omfile" file="$folder/theirs.out" template="raw")
CONF
peer "rsyslog  " rsyslogd rsyslogd -n -f "$folder/rs.conf" -i "$folder/theirs/pid"
# Told a version later than its own, it refuses to start; told none, too.
cat > "$folder/sng.conf" <<CONF
@version: $(syslog-ng --version 2>/dev/null | sed -n 's/^Config version: //p')
options { stats-freq(0); };
source in { file("$folder/in.log" flags(no-parse)); };
destination out { file("$folder/theirs.out" template("\$MSG\n")); };
log { source(in); destination(out); };
CONF
peer syslog-ng syslog-ng syslog-ng -F --no-caps -f "$folder/sng.conf" -R "$folder/theirs/persist" -p "$folder/theirs/pid" -c "$folder/theirs/ctl"

echo "== the same configuration and lines, the pipeline and Fluent Bit (G7), RECORDS records of 300 B, positions kept"
RECORDS=${RECORDS:-2000000}
# same KIND KEYS OUTPUT: the median rate of each, and their ratio. The file is read once before, so that it lies in memory.
same() {
  local kind=$1 keys=$2 output=$3 agent ours=0
  "$bin/examples/deliver" fill "$folder/$kind.log" "$RECORDS" "$kind"
  for agent in "$bin/tailproof pipeline" fluent-bit; do
    command -v "${agent%% *}" >/dev/null || { echo "$kind → $output  ${agent##*/} is not on PATH: skipped"; continue; }
    for _ in $(seq "$RUNS"); do cpu once "$kind" "$keys" "$output" "$agent"; done > "$folder/g7"
    local seconds; seconds=$(median < "$folder/g7")
    local rate; rate=$(awk "BEGIN{printf \"%.0f\", $RECORDS/$seconds}")
    echo "$kind → $output  ${agent##*/} $rate records per CPU-s"
    [ "$ours" = 0 ] && ours=$rate || awk "BEGIN{printf \"ratio      %.1f\n\", $ours/$rate}"
  done
  rm -f "$folder/$kind.log"
}
# The sink is started behind the agent's back: bash bills a child when it is waited for, and nobody waits for the sink here.
once() {
  local kind=$1 keys=$2 output=$3 agent=$4 sink= port= target="Name null" stop="Exit_On_Eof on"
  rm -f "$folder"/g7.db*
  if [ "$output" = http ]; then
    [ -p "$folder/said" ] || mkfifo "$folder/said"
    exec 7<> "$folder/said"
    setsid -f "$bin/examples/deliver" sink "$RECORDS" > "$folder/said"; read -r port <&7
    target="Name http
    Host 127.0.0.1
    Port $port
    Format json_lines"; stop=
  fi
  printf '%s\n' "[SERVICE]" "    Flush 1" "    Log_Level error" "    Parsers_File $folder/parsers.conf" "[INPUT]" "    Name tail" \
    "    Path $folder/$kind.log" "    DB $folder/g7.db" "    Read_from_Head on" ${keys:+"    $keys"} ${stop:+"    $stop"} \
    "[OUTPUT]" "    Match *" "    $target" > "$folder/g7.conf"
  cat "$folder/$kind.log" > /dev/null
  $agent -c "$folder/g7.conf" & local pid=$!
  if [ "$output" = http ]; then read -r sink <&7; kill -TERM "$pid"; fi
  wait "$pid" || true
}
cat > "$folder/parsers.conf" <<'CONF'
[PARSER]
    Name        lines
    Format      json
    Time_Key    time
    Time_Format %Y-%m-%dT%H:%M:%S.%L%z
[PARSER]
    Name        access
    Format      regex
    Regex       ^(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^\"]*?)(?: +\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^\"]*)" "(?<agent>[^\"]*)")?$
    Time_Key    time
    Time_Format %d/%b/%Y:%H:%M:%S %z
CONF
same raw "" null
same json "Parser lines" null
same cri "multiline.parser cri" http
same nginx "Parser access" http

echo "== requests a CPU-second (G3): the driver, every request in the books, and wrk, on 64 connections to nginx"
if command -v nginx >/dev/null && command -v wrk >/dev/null; then
  cat > "$folder/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $folder/nginx.pid; error_log $folder/nginx.err;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; server { listen 127.0.0.1:18081; location / { return 200 "ok\n"; } } }
CONF
  nginx -c "$folder/nginx.conf" 2>/dev/null & nginx=$!
  until curl -s -o /dev/null http://127.0.0.1:18081/; do sleep 0.1; done
  for _ in $(seq "$RUNS"); do "$bin/examples/drive" 127.0.0.1:18081 64 1 4 | awk '/per CPU-s/{print $3}' >> "$folder/drive"
    seconds=$(cpu bash -c "wrk -t1 -c64 -d4 http://127.0.0.1:18081/ > $folder/wrk.out")
    awk -v s="$seconds" '/requests in/{printf "%.0f\n", $1/s}' "$folder/wrk.out" >> "$folder/wrk"; done
  kill -QUIT "$nginx"; wait "$nginx" || true
  a=$(median < "$folder/drive"); b=$(median < "$folder/wrk")
  awk "BEGIN{printf \"driver     %d requests per CPU-s\nwrk        %d\nratio      %.2f (goal 0.85)\n\", $a, $b, $a/$b}"
else
  echo "nginx or wrk not installed: skipped"
fi

echo "== writer tax (G12)"
"$bin/examples/writer_tax"

echo "== the bench's share of CPU (G8) and the stall on screen (G11)"
"$bin/tailproof" run steady --ui none --out "$folder/runs" | grep -E '^  used|bench CPU' || true
start=$(date +%s.%N)
"$bin/tailproof" run tail-stall --defect stale-membership-inode-reuse --ui none --out "$folder/runs" | tail -n 1 || true
awk "BEGIN{printf \"verdict after %.1f s (goal 30)\n\", $(date +%s.%N)-$start}"
