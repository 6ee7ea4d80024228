#!/usr/bin/env bash
# Runs every linter over everything and fails at the end if one of them did.
# What they need is installed by `scripts/testenv.sh lint`.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$PWD/.testenv/venv
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=()

# check NAME COMMAND...: a check fails by its status.
check() {
  local name=$1
  shift
  echo "lint: $name"
  "$@" || failed+=("$name")
}

# files PATTERN...: those of the checkout, tracked or new, that git does not ignore.
files() {
  local file
  git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
    if [ -e "$file" ]; then printf '%s\n' "$file"; fi
  done
}

# on_files COMMAND... -- PATTERN...: the command with those files as its last arguments.
on_files() {
  local command=()
  while [ "$1" != -- ]; do
    command+=("$1")
    shift
  done
  shift
  files "$@" | xargs "${command[@]}"
}

go_format() {
  local unformatted
  # testdata holds cells, which are no whole Go files, and golden files.
  unformatted=$(on_files gofmt -l -- '*.go' ':!:*testdata/*')
  [ -z "$unformatted" ] || { echo "gofmt -w $unformatted"; return 1; }
}

# in_modules COMMAND...: in the folder of every Go module of the repository: ./... ends
# where another module begins.
in_modules() {
  local file status=0
  while read -r file; do
    (cd "$(dirname "$file")" && "$@") || { echo "in $(dirname "$file")"; status=1; }
  done < <(files go.mod '*/go.mod')
  return $status
}

go_elsewhere() {
  local os
  for os in darwin windows; do
    GOOS=$os CGO_ENABLED=0 go build ./... || return 1
  done
}

elisp() {
  on_files emacs -q --batch -L elisp -l scripts/lint.el -f reval-lint -- \
    'elisp/*.el' ':!:elisp/*/*' 'editors/eglot/*.el'
}

is_vim9() { grep -q '^vim9script' "$1"; }

# Not the tests: they press keys, with mappings, which vint calls fragile.
legacy_vim() {
  local file legacy=()
  while read -r file; do is_vim9 "$file" || legacy+=("$file"); done < <(files 'vim/*.vim' ':!:vim/test/*')
  [ ${#legacy[@]} -eq 0 ] || PYTHONWARNINGS=ignore "$venv/bin/vint" --style-problem "${legacy[@]}"
}

# Vim itself is the only one that knows Vim9 script: compile every function of a copy.
vim9() {
  local file status=0
  cp -R vim "$scratch/vim"
  while read -r file; do
    is_vim9 "$file" || continue
    printf '\ndefcompile\n' >>"$scratch/$file"
    if ! vim -es -N -u NONE -i NONE --cmd "set runtimepath^=$scratch/vim" \
      -c "try | source $scratch/$file | catch | call writefile([v:throwpoint, v:exception], '$scratch/words') | cquit | endtry" \
      -c 'qall!'; then
      sed "s|$scratch/||g" "$scratch/words"
      status=1
    fi
  done < <(files 'vim/*.vim')
  return $status
}

lua() { luacheck --quiet --std luajit --globals vim --max-line-length 120 -- vim editors; }

shell() { on_files shellcheck -- '*.sh' .ci/run; }

check gofmt go_format
check 'go vet' in_modules go vet ./...
check staticcheck in_modules "$PWD/.testenv/bin/staticcheck" ./...
check 'go build for other systems' go_elsewhere
if [ -d elisp ]; then check 'byte-compile, checkdoc, package-lint' elisp; fi
if [ -d vim ]; then
  check vint legacy_vim
  check 'Vim9 script' vim9
  check luacheck lua
fi
check shellcheck shell

if [ ${#failed[@]} -gt 0 ]; then
  printf 'lint: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
