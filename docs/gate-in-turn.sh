#!/usr/bin/env bash
# Runs an old and a new tailproof in turn and holds the new one to the baseline until the gate can tell.
# Usage: docs/gate-in-turn.sh OLD NEW SCENARIO FOLDER [GATE ARGUMENT…]
# RUN_ARGS: more words for `run`, such as "--duration 4s"      LOOKS: numbers of pairs after which the gate is asked
set -euo pipefail
old=$1 new=$2 scenario=$3 folder=$4
shift 4
read -ra more <<< "${RUN_ARGS:---duration 4s}"
perform() { "$1" run "$scenario" "${more[@]}" --ui none --out "$2" | tail -n 1 || true; }
mkdir -p "$folder/old" "$folder/new"
pairs=0
for look in ${LOOKS:-5 7 10 14 20 28 40}; do
  while [ "$pairs" -lt "$look" ]; do
    # Which side comes first changes from pair to pair, so that being second costs neither.
    if [ $((pairs % 2)) = 0 ]; then perform "$old" "$folder/old"; perform "$new" "$folder/new"
    else perform "$new" "$folder/new"; perform "$old" "$folder/old"; fi
    pairs=$((pairs + 1))
  done
  code=0
  said=$("$new" gate "$folder/new" --reference "$folder/old" "$@") || code=$?
  # Worth another look only if more pairs can tell.
  case "$code $(tail -n 1 <<< "$said")" in
    "3 "*" needed=0"*) break ;;
    "3 "*" needed="*) echo "after $pairs pairs: $(tail -n 1 <<< "$said")" ;;
    *) break ;;
  esac
done
printf '%s\n' "$said"
exit "$code"
