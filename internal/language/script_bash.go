package language

import (
	"fmt"
	"strings"
)

// bashSurroundings are $0 (from Bash 5 on), $1 and so on, what a script reads, and the
// status that it exits with.
//
// Bash's kernel starts a shell anew that ended, and forgets how: exit, and a trap for EXIT,
// also one that the script replaces, print the script's mark to the terminal.
func bashSurroundings(s Script) (begin, end string) {
	var args []string
	for _, a := range s.Args[1:] {
		args = append(args, bashLiteral(a))
	}
	const forget = `; history -d -1 2>/dev/null`
	begin = ` [ -n "${_reval_name+x}" ] || { _reval_name=$0; _reval_args=("$@"); }; BASH_ARGV0=` + bashLiteral(s.Args[0]) +
		`; set -- ` + strings.Join(args, " ")
	end = ` if [ -n "${_reval_name+x}" ]; then BASH_ARGV0=$_reval_name; set -- "${_reval_args[@]}"; unset _reval_name _reval_args; fi`
	if s.Mark != "" {
		input := "/dev/null"
		if s.Input { // the shell has a terminal of its kernel's
			input = "/proc/$PPID/fd/0"
		}
		begin += `; { exec ` + bashInput + `<` + input + `; } 2>/dev/null || exec ` + bashInput + `</dev/null` +
			`; _reval_exit() { local status=$?; [ "$BASHPID" != "$$" ] || printf '%s%d\a' ` + bashLiteral(s.Mark) + ` "$status" >/dev/tty; return "$status"; }` +
			`; exit() { local status=$?; [ "$#" -gt 0 ] || set -- "$status"; (builtin exit "$@") 2>/dev/null; _reval_exit; builtin exit "$@"; }` +
			`; trap() { builtin trap "$@" || return; case " $* " in *" EXIT "*|*" 0 "*) _reval_trap;; esac; }` +
			// The trap is set again from what trap -p prints of it, quoted. It is to find the
			// status, and set -e is not to end it.
			`; _reval_trap() { local was; was=$(builtin trap -p EXIT); was=${was#trap -- \'}; was=${was%\' EXIT}` +
			`; case $was in "if _reval_exit"*) return;; esac` +
			`; eval "builtin trap -- 'if _reval_exit; then ${was:=:}"$'\nelse '"$was"$'\nfi'"' EXIT"; }` +
			`; _reval_trap`
		end += `; if declare -F _reval_exit >/dev/null; then builtin trap - EXIT; unset -f exit trap _reval_exit _reval_trap; exec ` + bashInput + `<&-; fi`
	}
	return begin + forget, end + forget
}

// bashInput is the file descriptor of what scripts read, which none will use for itself.
const bashInput = "247"

// bashCode has a cell read what the script reads, and not the terminal, on which the kernel
// sends the lines behind it.
func bashCode(code string) string { return " eval " + bashLiteral(code) + " <&" + bashInput }

// bashAlive fails in another shell than the script's.
const bashAlive = ` [ -n "${_reval_name+x}" ]`

// What the shell says of its own when it exits, behind the mark, and its kernel at the end
// of what was printed.
const (
	bashExit    = "exit"
	bashRestart = "Restarting Bash"
)

// bashLiteral is a word in the signs that no terminal takes for a key.
func bashLiteral(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c > '~' || c == '\'' || c == '\\' || c == '!':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return "$'" + b.String() + "'"
}
