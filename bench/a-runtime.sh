# A runtime to measure: sourced by the scripts that start and stop one. It has a name and a folder of
# its own, and whatever ends the script, nothing is left of either.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
bin=$PWD/build/release/bin
live=$PWD/build/release/bench/live
[[ -x $bin/mabeam-supervisor && -x $live ]] ||
  { echo "${0##*/}: build first: cmake --preset release && cmake --build --preset release" >&2; exit 1; }
folder=$(mktemp -d)
export MABEAM_NAME=bench-$$ MABEAM_CONFIG=$folder/config.toml MABEAM_SUPERVISOR=$bin/mabeam-supervisor
trap 'leave' EXIT
trap 'exit 130' INT TERM

# The configuration is standard input. A breaker would open, and an intensity be exceeded, after a few kills.
configure() { cat >"$MABEAM_CONFIG"; }
endless='[restart]
intensity = 10000
backoff_min = "0s"
backoff_max = "0s"
[breaker]
failure_threshold = 65535'

# The log is a file, so it is JSON, and begins anew.
start() {
  : >"$folder/log"
  "$MABEAM_SUPERVISOR" --config "$MABEAM_CONFIG" --name "$MABEAM_NAME" >>"$folder/log" 2>&1 &
  local supervisor=$!
  disown  # the shell would tell of its death
  until grep -q '"message":"ready"' "$folder/log"; do
    kill -0 "$supervisor" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.01
  done
}

# Whoever is the supervisor now: it may be another one's successor. Returns when it has ended.
stop() { "$bin/mabeam" shutdown >/dev/null; }

# Without a supervisor the workers would go on for orphan_grace, and the segment stay: one more tidies up.
leave() {
  trap - INT TERM
  if [[ -e /dev/shm/mabeam-$MABEAM_NAME ]]; then
    if ! "$bin/mabeam" shutdown --now >/dev/null 2>&1; then
      start && stop
    fi
  fi
  rm -rf "$folder"
}

make_agents() { "$bin/mabeam" create --type "$1" --count "$2" --timeout 60s >/dev/null; }
now_ms() { date +%s%N | sed 's/......$//'; }
# quantile Q of the numbers in standard input, a line each; of an even count the median is between two.
quantile() {
  sort -n | awk -v q="$1" '{ v[NR] = $1 }
    END { at = q * (NR - 1) + 1; low = int(at); print v[low] + (at - low) * (v[low < NR ? low + 1 : NR] - v[low]) }'
}
median() { quantile 0.5; }
# The first number, or id, of that key of JSON, in each line.
field() { sed -nE "s/.*\"$1\": ?\"?([0-9a-f.]+).*/\1/p"; }
# Of the supervisor, then of each worker.
pids() { "$bin/mabeam" ps --json | grep -oE '"pid": ?[0-9]+' | grep -oE '[0-9]+$'; }
private_kib() { awk '/RssAnon/ { print $2 }' "/proc/$1/status"; }
