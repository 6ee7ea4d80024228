//go:build !windows

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// ran is what a program printed and how it ended.
type ran struct {
	out, err string
	status   int
}

func (r ran) String() string { return fmt.Sprintf("%q, %q, exit status %d", r.out, r.err, r.status) }

// runFile has `reval run` run a file of that name in a kernel; its standard input is a pipe.
func runFile(t *testing.T, kernel, name, code, input string) ran {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sibling.py"), []byte("def leave(n=None): exit(n)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	argv := []string{"run", name}
	if kernel != "" {
		argv = []string{"run", "--kernel", kernel, name}
	}
	cmd := exec.CommandContext(t.Context(), testenv.Reval(t), argv...)
	cmd.Dir, cmd.Env = dir, append(testenv.Env(t), "JUPYTER_PATH="+testenv.JupyterPath(), "HISTFILE=", "NO_COLOR=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return ran{stdout.String(), slowStart.ReplaceAllString(stderr.String(), ""), cmd.ProcessState.ExitCode()}
}

// slowStart is what is told of a kernel that a busy machine starts slowly.
var slowStart = regexp.MustCompile(`(?m)^reval: kernel .* does not answer yet.*\n`)

// need skips where a kernel is not installed.
func need(t *testing.T, kernel string) {
	t.Helper()
	cmd := exec.Command(testenv.Reval(t), "kernels")
	cmd.Env = append(testenv.Env(t), "JUPYTER_PATH="+testenv.JupyterPath())
	out, err := cmd.Output()
	if err != nil || !bytes.Contains(out, []byte(" "+kernel+" ")) {
		testenv.Missing(t, "the kernel "+kernel)
	}
}

// TestScriptExits: the status with which a script ends is that of `reval run`, whether its
// kernel ends with it, starts its interpreter anew, or goes on; and what the script does not
// say is not said for it.
func TestScriptExits(t *testing.T) {
	for _, c := range []struct {
		kernel, name, code string
		want               ran
	}{
		{"deno", "a.ts", "Deno.exit(6)", ran{"", "reval: a.ts: kernel died: exit status 6\n", 6}},
		{"deno", "a.ts", "Deno.exit(0)\n// %%\nconsole.log('after')", ran{}},
		{"tslab", "a.ts", "process.exit(5)", ran{"", "reval: a.ts: kernel died: exit status 5\n", 5}},
		{"python3", "a.py", "import os\nos._exit(9)", ran{"", "reval: a.py: kernel died: exit status 9\n", 9}},
		{"python3", "a.py", "import os\nos._exit(0)", ran{}},
		{"python3", "a.py", "import os\nos.kill(os.getpid(), 15)", ran{"", "reval: a.py: kernel died: signal: terminated\n", 143}},
		{"python3", "a.py", "import sys\nsys.exit('no such thing: größe')\n# %%\nprint('after')", ran{"", "no such thing: größe\n", 1}},
		{"python3", "a.py", "import sys\nsys.exit(1 > 2)", ran{}},
		{"python3", "a.py", "import sys\nsys.exit(1 < 2)", ran{status: 1}},
		{"python3", "a.py", "import sibling\n# %%\nsibling.leave(4)", ran{status: 4}},
		{"ipykernel6", "a.py", "import sibling\nsibling.leave('bye')", ran{"", "bye\n", 1}},
		{"xeus-python", "a.py", "import sibling\nsibling.leave(3)", ran{status: 3}},
		{"ir", "a.R", "print(1); quit(status = 7)\nprint(2)", ran{"[1] 1\n", "", 7}},
		{"ir", "a.R", "f <- function() q('no')\nf()\nprint(2)", ran{}},
		{"bash", "a.sh", "echo hi; exit 7\n# %%\necho after", ran{"hi\n", "", 7}},
		{"bash", "a.sh", "set -e\nfalse\necho no\n# %%\necho after", ran{status: 1}},
		{"bash", "a.sh", "f() {\n\techo \"it's ß!\tand\"\n\texit\n}\n(exit 3)\nf", ran{"it's ß!\tand\n", "", 0}},
		{"bash", "a.sh", "trap 'echo \"it'\"'\"'s $?\" # over' EXIT\n(trap 'echo sub' EXIT; exit 8)\nset -e\n(exit 9)", ran{"sub\nit's 9\n", "", 9}},
		{"bash", "a.sh", "trap 'exit 4' EXIT\nexit 3", ran{status: 4}},
		{"bash", "a.sh", "(exit 200)", ran{status: 200}},
		{"bash", "a.sh", "(exit 5)\n# %%\necho after", ran{"", "reval: a.sh: the cell at line 1 ended with status 5, what is below it was not run\n", 5}},
		{"bash", "a.sh", "exec true\n# %%\necho after", ran{"Restarting Bash\n", "reval: a.sh: the code ended its shell, with which status is not known\n", 1}},
		{"bash", "a.sh", "echo Restarting Bash\n# %%\necho on", ran{"Restarting Bash\non\n", "", 0}},
	} {
		t.Run(c.kernel, func(t *testing.T) {
			t.Parallel()
			need(t, c.kernel)
			if got := runFile(t, c.kernel, c.name, c.code, ""); got != c.want {
				t.Errorf("%s\ngave %v\nwant %v", c.code, got, c.want)
			}
		})
	}
}

// TestScriptReads: what is given to `reval run` reaches its script, also what is no text,
// and to whom asks the client as to whom reads by itself, in turns; where it cannot, the
// script finds its end and waits for nothing.
func TestScriptReads(t *testing.T) {
	const lines = "one\ntwo words\nthree\nfour"
	for _, c := range []struct {
		kernel, name, code, input string
		want                      ran
	}{
		{"python3", "a.py", "import sys\nprint(input())\nprint(repr(sys.stdin.readline()))\nprint(sys.stdin.readlines())\ntry: input()\nexcept EOFError: print('end')", lines, ran{"one\n'two words\\n'\n['three\\n', 'four']\nend\n", "", 0}},
		{"python3", "a.py", "import sys\nprint(sys.stdin.buffer.read() == bytes(range(256)) * 1000)", strings.Repeat(string(allBytes()), 1000), ran{"True\n", "", 0}},
		{"ir", "a.R", "print(readline('? '))\nprint(readLines('stdin'))", lines + "\n", ran{"? [1] \"one\"\n[1] \"two words\" \"three\"     \"four\"     \n", "", 0}},
		{"deno", "a.ts", "console.log(JSON.stringify(await new Response(Deno.stdin.readable).text()))", lines, ran{`"one\ntwo words\nthree\nfour"` + "\n", "", 0}},
		{"bash", "a.sh", "read -r a; echo \"<$a>\"\n# %%\nwhile read -r a b; do echo \"<$a|$b>\"; done; read -r c || echo end", lines + "\n", ran{"<one>\n<two|words>\n<three|>\n<four|>\nend\n", "", 0}},
		{"bash", "a.sh", "cat <<X | { read -r a; echo \"$a\"; }\nhere\nX\nread -r b || echo end", "", ran{"here\nend\n", "", 0}},
	} {
		t.Run(c.kernel, func(t *testing.T) {
			t.Parallel()
			if c.kernel == "bash" && runtime.GOOS != "linux" && c.input != "" {
				t.Skip("the shell's kernel has a terminal, and its own input is found by /proc")
			}
			need(t, c.kernel)
			if got := runFile(t, c.kernel, c.name, c.code, c.input); got != c.want {
				t.Errorf("%s\ngave %v\nwant %v", c.code, got, c.want)
			}
		})
	}
}

func allBytes() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// TestTypedInputIsNoFile: a script that reads by itself in a terminal is told to find the end.
func TestTypedInputIsNoFile(t *testing.T) {
	need(t, "bash")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.sh"), []byte("read -r a\necho \"end<$a>\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(testenv.Env(t), "JUPYTER_PATH="+testenv.JupyterPath(), "HISTFILE=")
	term := testenv.StartTerminal(t, env, dir, testenv.Reval(t), "run", "a.sh")
	term.WaitFor("a.sh reads by itself, and what is typed does not reach it")
	term.WaitFor("end<>")
}

// TestProgramHasItsOwnLoop: a program that runs a loop of asyncio's does so beside the kernel's,
// which goes on, and what asyncio refuses of a program it refuses.
func TestProgramHasItsOwnLoop(t *testing.T) {
	const code = `import asyncio
async def f(n):
    await asyncio.sleep(0)
    return n
async def inner():
    asyncio.run(f(0))
print(asyncio.run(f(1)))
loop = asyncio.new_event_loop()
print(loop.run_until_complete(f(2)))
loop.close()
try:
    asyncio.run(inner())
except RuntimeError as e:
    print(e)
# %%
print(await f(3))
# %%
task = asyncio.create_task(f(4))
# %%
print(await task, asyncio.current_task() is not None)
`
	want := "1\n2\nasyncio.run() cannot be called from a running event loop\n3\n4 True\n"
	for _, kernel := range []string{"python3", "ipykernel6", "xeus-python"} {
		t.Run(kernel, func(t *testing.T) {
			t.Parallel()
			need(t, kernel)
			if got := runFile(t, kernel, "a.py", code, ""); got.out != want || got.status != 0 {
				t.Errorf("got %v", got)
			}
		})
	}
}
