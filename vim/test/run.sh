#!/bin/sh
# Runs the scenarios in a real editor against the real server and kernels.
#
#   REVAL_BIN=path/to/reval vim/test/run.sh vim|nvim [pattern]
#
# The editor is $REVAL_TEST_VIM or $REVAL_TEST_NVIM, else the one on PATH; python3
# on PATH must have ipykernel. The tests of kernels elsewhere are left out unless
# REVAL_TEST_SERVER and the rest of editors/elsewhere_test.go are set. With a pattern
# only the tests whose names match it run. Exit status 1 after a failure, which is
# told in full, also when the run is ended from outside.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
which=${1:?usage: run.sh vim|nvim [pattern]}
: "${REVAL_BIN:?set it to the reval binary}"
export REVAL_BIN REVAL_TEST_PATTERN="${2:-.}"

work=$(mktemp -d "${TMPDIR:-/tmp}/reval-vim.XXXXXX")
editor=
trap '[ -z "$editor" ] || kill -KILL "$editor" 2>/dev/null; rm -rf "$work"' EXIT
trap 'tell; exit 130' INT TERM
export HOME="$work/home" XDG_CONFIG_HOME="$work/config" XDG_DATA_HOME="$work/data" \
  XDG_STATE_HOME="$work/state" XDG_CACHE_HOME="$work/cache" XDG_RUNTIME_DIR="$work/run" \
  REVAL_TEST_REPORT="$work/report" LC_ALL=C.UTF-8

# What the tests reported and, where not all of them passed, what else there is to know.
tell() {
  cat "$REVAL_TEST_REPORT"
  if ! grep -q '^all [1-9][0-9]* passed$' "$REVAL_TEST_REPORT"; then
    if [ -n "$editor" ]; then
      echo "--- the editor and what it runs:"
      ps -o pid,ppid,stat,wchan:20,args -p "$editor" --ppid "$editor" || true
    fi
    echo "--- what the editor said:"
    tail -c 3000 "$work/screen"
    return 1
  fi
}
mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$work/project/.git"
chmod 700 "$XDG_RUNTIME_DIR"
: >"$REVAL_TEST_REPORT"
cd "$work/project"

case $which in
vim)
  # A pipe that is open at both ends is an input that stays silent and does not end.
  mkfifo "$work/input"
  "${REVAL_TEST_VIM:-vim}" -Nu "$here/init.vim" -n -i NONE --not-a-term -S "$here/scenarios.vim" \
    <>"$work/input" >"$work/screen" 2>&1 &
  ;;
nvim)
  "${REVAL_TEST_NVIM:-nvim}" --headless -u "$here/init.vim" -n -i NONE -S "$here/scenarios.vim" \
    </dev/null >"$work/screen" 2>&1 &
  ;;
*)
  echo "run.sh: $which is neither vim nor nvim" >&2
  exit 2
  ;;
esac
editor=$!

# Each test has its own time limit inside the editor; this is for an editor that does
# not even run its timers any more: it reports nothing. A new report is a new limit.
patience=120
limit=$patience
reported=0
while kill -0 "$editor" 2>/dev/null; do
  size=$(wc -c <"$REVAL_TEST_REPORT")
  [ "$size" -eq "$reported" ] || limit=$patience
  reported=$size
  limit=$((limit - 1))
  if [ "$limit" -eq 0 ]; then
    echo "FAIL: the editor is stuck after the last test of these"
    tell || exit 1
    echo "FAIL: it does not end"
    exit 1
  fi
  sleep 1
done
status=0
wait "$editor" || status=$?
editor=

# The server and its kernels end with the editor, soon.
pids=$(sed -n 's/^pids //p' "$REVAL_TEST_REPORT")
for pid in $pids; do
  limit=50
  while kill -0 "$pid" 2>/dev/null; do
    limit=$((limit - 1))
    if [ "$limit" -eq 0 ]; then
      ps -o pid,ppid,args -p "$pid"
      echo "FAIL: this process outlived the editor" && status=1
      break
    fi
    sleep 0.1
  done
done

tell || status=1
exit "$status"
