#!/usr/bin/env bash
# Opens the sample in an editor with the plugin of this checkout and none of the
# user's configuration. Without an editor, runs the sample in the terminal.
#
# usage: scripts/try.sh EDITOR ORIGIN, the value and the origin of make's variable
set -euo pipefail
cd "$(dirname "$0")/.."

sample=testdata/try/sample.go
export REVAL_TRY_BIN=$PWD/bin/reval
export REVAL_TRY_FLAGS=--standalone # it leaves nothing behind
export REVAL_TRY_ROOT=$PWD
floors='Neovim 0.10, Vim 9.0.1378 or Emacs 28.1'

is_new_enough() {
  case $1 in
    nvim) "$2" -es -u NONE -i NONE -c "if has('nvim-0.10') | qall! | endif" -c 'cquit!' ;;
    vim) "$2" -es -u NONE -i NONE -N \
      -c "if has('patch-9.0.1378') && has('channel') && has('textprop') | qall! | endif" -c 'cquit!' ;;
    emacs) "$2" -Q --batch --eval '(kill-emacs (if (version< emacs-version "28.1") 1 0))' ;;
  esac >/dev/null 2>&1 </dev/null
}

# The one on PATH, else the one that `make test` installed.
find_editor() {
  local path
  for path in "$(command -v "$1" || true)" "$PWD/.testenv/bin/$1"; do
    if [ -x "$path" ] && is_new_enough "$1" "$path"; then
      printf '%s\n' "$path"
      return
    fi
  done
  return 1
}

open_in() {
  case $1 in
    nvim | vim) exec "$2" -u scripts/try.vim -i NONE "$sample" ;;
    emacs) exec "$2" -Q --load scripts/try.el "$sample" ;;
  esac
}

wanted=$(basename "${1%% *}")
case $wanted in
  vi | view | gvim) wanted=vim ;;
  neovim) wanted=nvim ;;
  emacsclient) wanted=emacs ;;
esac
case $wanted in
  nvim | vim | emacs)
    if path=$(find_editor "$wanted"); then open_in "$wanted" "$path"; fi
    if [ "$2" = 'command line' ]; then
      echo "try: no $wanted that is new enough; reval needs $floors" >&2
      exit 1
    fi
    ;;
  ?*)
    # One that stands in the user's environment is only a wish.
    if [ "$2" = 'command line' ]; then
      echo "try: no plugin for '$1'; EDITOR= takes nvim, vim or emacs" >&2
      exit 1
    fi
    ;;
esac
for editor in nvim vim emacs; do
  if path=$(find_editor "$editor"); then open_in "$editor" "$path"; fi
done

echo "try: found no editor ($floors); running $sample in the terminal:"
"$REVAL_TRY_BIN" run "$sample" || [ $? -eq 1 ] # its last cell fails on purpose
