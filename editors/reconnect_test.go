package editors

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// seat is an editor with the plugin in a terminal, whose `reval` begins only when its user
// lets it: what is done meanwhile is done while there is no server.
type seat struct {
	t     *testing.T
	name  string // Emacs, Vim or Neovim
	dir   string
	env   []string
	hold  string // while this file is there no server begins
	broke string // while this one is, they end at once
	term  *testenv.Terminal
}

// seats runs a test in each editor, with files of a project by their names, of which the
// editor visits the first.
func seats(t *testing.T, files map[string]string, first string, test func(*seat), flags ...string) {
	t.Parallel()
	vim := func(program string) []string { return []string{program, "-u", script("try.vim"), "-i", "NONE"} }
	for name, argv := range map[string][]string{
		"Vim":    vim(testenv.Vim(t)),
		"Neovim": vim(testenv.Nvim(t)),
		"Emacs":  {testenv.Emacs(t), "-nw", "-Q", "-l", script("try.el")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, env := project(t)
			aside := t.TempDir()
			s := &seat{t: t, name: name, dir: dir, hold: filepath.Join(aside, "hold"), broke: filepath.Join(aside, "broke")}
			reval := filepath.Join(aside, "reval")
			gate := "#!/bin/sh\n" +
				"[ ! -e " + s.broke + " ] || { echo it is broken >&2; exit 1; }\n" +
				"while [ -e " + s.hold + " ]; do sleep 0.02; done\n" +
				"exec " + testenv.Reval(t) + " \"$@\"\n"
			if err := os.WriteFile(reval, []byte(gate), 0o700); err != nil {
				t.Fatal(err)
			}
			for file, text := range files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.env = append(env, "TERM=screen-256color", "REVAL_TRY_ROOT="+testenv.Root(), "REVAL_TRY_BIN="+reval, "REVAL_TRY_FLAGS="+strings.Join(flags, " "))
			s.term = testenv.StartTerminal(t, s.env, dir, append(argv, first)...)
			test(s)
		})
	}
}

// keys presses keys in Emacs, or types an Ex command in the others.
func (s *seat) keys(emacs []string, command string) {
	s.t.Helper()
	if s.name == "Emacs" {
		s.term.Press(emacs...)
	} else {
		s.term.Type(command + "\n")
	}
}

// evaluate evaluates a line, from 1.
func (s *seat) evaluate(line int) {
	s.t.Helper()
	s.goTo(line)
	s.keys([]string{"C-c", ";", "l"}, ":Reval")
}

func (s *seat) goTo(line int) {
	s.t.Helper()
	if s.name == "Emacs" {
		s.term.Press("M-g", "M-g")
		s.term.Type(strconv.Itoa(line) + "\n")
		return
	}
	s.term.Type(":" + strconv.Itoa(line) + "\n")
}

// visit shows another file in the window.
func (s *seat) visit(file, words string) {
	s.t.Helper()
	if s.name == "Emacs" {
		s.term.Press("C-x", "C-f")
		s.term.Type(file + "\n")
	} else {
		s.term.Type(":edit " + file + "\n")
	}
	s.term.WaitFor(words)
}

// daemon is the process of the user's daemon, and those of its editors' `reval lsp`; 0 if
// none runs.
func (s *seat) daemon() (pid int, forwarders []int) {
	s.t.Helper()
	status := exec.Command(testenv.Reval(s.t), "daemon", "status", "--json")
	status.Env = s.env
	out, err := status.Output()
	if err != nil {
		return 0, nil
	}
	var d struct {
		PID     int `json:"pid"`
		Clients []struct {
			PID int    `json:"pid"`
			For string `json:"for"`
		} `json:"clients"`
	}
	if err := json.Unmarshal(out, &d); err != nil {
		s.t.Fatalf("reval daemon status: %v: %s", err, out)
	}
	for _, c := range d.Clients {
		if c.For == "lsp" {
			forwarders = append(forwarders, c.PID)
		}
	}
	return d.PID, forwarders
}

// killDaemon ends the daemon by SIGKILL, and tells its process.
func (s *seat) killDaemon() int {
	s.t.Helper()
	pid, _ := s.daemon()
	s.kill(pid)
	return pid
}

// killForwarder ends the editor's `reval lsp` by SIGKILL, and waits for another; the daemon
// lives.
func (s *seat) killForwarder() {
	s.t.Helper()
	_, before := s.daemon()
	if len(before) != 1 {
		s.t.Fatalf("the daemon serves the editors' processes %v", before)
	}
	s.kill(before[0])
	s.term.WaitUntil("another reval lsp", func(string) bool {
		_, now := s.daemon()
		return len(now) == 1 && now[0] != before[0]
	})
}

func (s *seat) kill(pid int) {
	s.t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil || pid == 0 {
		s.t.Fatalf("kill process %d: %v", pid, err)
	}
}

func (s *seat) touch(path string) {
	s.t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *seat) remove(path string) {
	s.t.Helper()
	if err := os.Remove(path); err != nil {
		s.t.Fatal(err)
	}
}

// output waits until what the output buffer holds is as a test wants it.
func (s *seat) output(what string, holds func(all string) bool) {
	s.t.Helper()
	s.keys([]string{"M-:"}, `:call writefile(getbufline('reval-output://python3', 1, '$'), 'all')`)
	if s.name == "Emacs" {
		s.term.Type(`(with-current-buffer (seq-find (lambda (b) (string-prefix-p "*reval-output" (buffer-name b))) (buffer-list)) (let ((default-directory "` + s.dir + `/")) (write-region nil nil "all")))` + "\n")
	}
	s.term.WaitUntil(what+" in the output buffer", func(string) bool {
		all, _ := os.ReadFile(filepath.Join(s.dir, "all"))
		return holds(string(all))
	})
}

// dated matches what stands beside code when its result may be of the session or of the
// history.
const dated = `( +\(20\d\d-\d\d-\d\d \d\d:\d\d\))? *$`

// A daemon that is killed, at rest or while a kernel prints, takes nothing along that an
// editor showed: it is connected again by itself, with all that it had open, and what ran goes on.
func TestDaemonDies(t *testing.T) {
	const stream = "import time\nfor i in range(100): print('line', i, flush=True); time.sleep(0.1)\n"
	files := map[string]string{"a.py": "6 * 7\n1/0\n" + stream, "b.py": "'the other'\n"}
	seats(t, files, "a.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.evaluate(1)
		s.term.WaitFor(`6 \* 7 +⇒ 42`)
		s.evaluate(2)
		s.term.WaitFor(`1/0 +✗ ZeroDivisionError`)
		s.visit("b.py", `'the other'`)
		s.evaluate(1)
		s.term.WaitFor(`'the other' +⇒ 'the other'`)
		s.killDaemon()
		s.term.WaitFor(`reval: connected again`)
		s.term.WaitFor(`(?m)'the other' +⇒ 'the other' *$`)
		s.visit("a.py", `6 \* 7`)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 *$`)
		s.term.WaitFor(`(?m)1/0 +✗ ZeroDivisionError: division by zero *$`)
		s.evaluate(3)
		s.evaluate(4)
		s.term.WaitFor(`(?m)^line 2$`)
		pid := s.killDaemon()
		s.term.WaitUntil("another daemon", func(string) bool {
			now, _ := s.daemon()
			return now != pid && now != 0
		})
		s.term.WaitFor(`(?m)time\.sleep\(0\.1\) +(● )?running`)
		s.term.WaitFor(`(?m)^line 99$`)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 *$`)
		s.evaluate(1)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 *$`)
	})
}

// Where the kernel died with the daemon, what is shown of it is marked: its values are those of
// a namespace that is gone.
func TestDaemonAndKernelDie(t *testing.T) {
	const code = "6 * 7\nimport os, time; os.getpid()\ntime.sleep(600)\n"
	seats(t, map[string]string{"a.py": code}, "a.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.evaluate(1)
		s.term.WaitFor(`6 \* 7 +⇒ 42`)
		s.evaluate(2)
		shown := regexp.MustCompile(`getpid\(\) +⇒ (\d+)`)
		kernel, err := strconv.Atoi(shown.FindStringSubmatch(s.term.WaitFor(shown.String()))[1])
		if err != nil {
			s.t.Fatal(err)
		}
		s.evaluate(3)
		s.term.WaitFor(`sleep\(600\) +(● )?running`)
		s.touch(s.hold)
		s.killDaemon()
		s.kill(kernel)
		s.remove(s.hold)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 +\((earlier kernel|20\d\d-\d\d-\d\d \d\d:\d\d)\)$`)
		s.term.WaitFor(`sleep\(600\) +(✗ )?lost`)
		s.evaluate(1)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 *$`)
	})
}

// What runs goes on where only the connection died: its result is as true as before, its output
// has each line once, and what it asks is asked again.
func TestForwarderDies(t *testing.T) {
	const code = "import time\nfor i in range(60): print('line', i, flush=True); time.sleep(0.05)\ninput('who? ')\n"
	seats(t, map[string]string{"a.py": code, "b.py": "6 * 7\n"}, "b.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.evaluate(1)
		s.term.WaitFor(`6 \* 7 +⇒ 42`)
		s.visit("a.py", `import time`)
		s.evaluate(1)
		s.evaluate(2)
		s.evaluate(3)
		s.term.WaitFor(`(?m)^line 10$`)
		s.killForwarder()
		s.term.WaitFor(`reval: connected again$`)
		s.term.WaitFor(`(?m)time\.sleep\(0\.05\) +(● )?running`)
		s.term.WaitFor(`(?m)^who\? *$`)
		s.killForwarder()
		s.term.WaitFor(`(?m)^who\? *(\[reval: connected again\])?$`)
		s.term.Type("Zoë\n")
		s.term.WaitFor(`(?m)input\('who\? '\) +⇒ 'Zoë' *$`)
		s.term.WaitFor(`(?m)time\.sleep\(0\.05\) +✓ \d`)
		s.visit("b.py", `(?m)6 \* 7 +⇒ 42 *$`)
		want := ""
		for i := range 60 {
			want += fmt.Sprintf("line %d\n", i)
		}
		s.output("each line once", func(all string) bool {
			return strings.Count(all, want) == 1 && strings.Count(all, "line 59\n") == 1 && strings.Count(all, "line 0\n") == 1
		})
	})
}

// What is edited while there is no server counts: a result comes back where its code stands,
// and one whose code was changed stays marked, or goes.
func TestEditBetweenServers(t *testing.T) {
	seats(t, map[string]string{"a.py": "6 * 7\n'word'\n"}, "a.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.evaluate(1)
		s.term.WaitFor(`6 \* 7 +⇒ 42`)
		s.evaluate(2)
		s.term.WaitFor(`'word' +⇒ 'word'`)
		s.touch(s.hold)
		s.killDaemon()
		s.term.WaitFor(`(?m)'word' +⇒ 'word' +\(the server ended since\)$`)
		s.goTo(2)
		s.keys([]string{"C-e", "x"}, ":normal! Ax")
		s.goTo(1)
		s.keys([]string{"C-o"}, ":normal! O")
		s.term.WaitFor(`(?m)^(  1 )? *$\n.*6 \* 7`)
		s.remove(s.hold)
		s.term.WaitFor(`reval: connected again`)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42` + dated)
		s.term.WaitFor(`(?m)'word'x( +⇒ 'word' +\((the server ended since|code changed)\))? *$`)
		s.evaluate(2)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 *$`)
	})
}

// A question takes no key while there is no server, and is asked again by the next one, whose
// kernel it is.
func TestQuestionWithoutAServer(t *testing.T) {
	seats(t, map[string]string{"a.py": "input('who? ')\n6 * 7\n"}, "a.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.evaluate(1)
		s.term.WaitFor(`(?m)^who\? *$`)
		s.touch(s.hold)
		s.killDaemon()
		s.term.WaitFor(`(?m)input\('who\? '\) +(✗ )?lost: the server ended`)
		s.term.WaitUntil("no question", func(screen string) bool { return !strings.Contains(screen, "\nwho?") })
		s.remove(s.hold)
		s.term.WaitFor(`(?m)^who\? *(\[reval: connected again\])?$`)
		s.term.Type("Zoë\n")
		s.term.WaitFor(`(?m)input\('who\? '\) +⇒ 'Zoë' *$`)
	})
}

// `reval daemon restart` is no end for an editor.
func TestDaemonIsRestarted(t *testing.T) {
	seats(t, map[string]string{"a.py": "6 * 7\nprint('on' + 'ce')\n"}, "a.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.evaluate(1)
		s.term.WaitFor(`6 \* 7 +⇒ 42`)
		s.evaluate(2)
		s.term.WaitFor(`'ce'\) +✓`)
		restart := exec.Command(testenv.Reval(t), "daemon", "restart")
		restart.Env = s.env
		if out, err := restart.CombinedOutput(); err != nil {
			s.t.Fatalf("%v: %s", err, out)
		}
		s.term.WaitFor(`reval: connected again`)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42` + dated)
		s.output("each output once", func(all string) bool {
			return strings.Count(all, "42\n") == 1 && strings.Count(all, "once\n") == 1
		})
	})
}

// `reval daemon stop` is an end in order: nobody starts a daemon again before the next evaluation.
func TestDaemonIsStopped(t *testing.T) {
	seats(t, map[string]string{"a.py": "6 * 7\n"}, "a.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.evaluate(1)
		s.term.WaitFor(`6 \* 7 +⇒ 42`)
		stop := exec.Command(testenv.Reval(t), "daemon", "stop")
		stop.Env = s.env
		if out, err := stop.CombinedOutput(); err != nil {
			s.t.Fatalf("%v: %s", err, out)
		}
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 +\(the server ended since\)$`)
		s.term.WaitFor(`the server ended, the next evaluation starts another`)
		if pid, _ := s.daemon(); pid != 0 {
			s.t.Errorf("a daemon runs, process %d", pid)
		}
		s.evaluate(1)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 *$`)
	})
}

// A server that does not come up is given up after some attempts, with what to do; the next
// evaluation tries again.
func TestServerIsGivenUp(t *testing.T) {
	seats(t, map[string]string{"a.py": "6 * 7\n"}, "a.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.evaluate(1)
		s.term.WaitFor(`6 \* 7 +⇒ 42`)
		s.touch(s.broke)
		s.killDaemon()
		s.term.WaitFor(`the server ended 6 times in a row, the next evaluation starts another`)
		s.remove(s.broke)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 +\(the server ended since\)$`)
		s.evaluate(1)
		s.term.WaitFor(`(?m)6 \* 7 +⇒ 42 *$`)
	})
}

// What becomes of what runs is said without a question, and is read when the editor has gone.
func TestQuittingSaysWhatGoesOn(t *testing.T) {
	for words, flags := range map[string][]string{
		"^reval: 2 evaluations go on: their files, opened again, show what comes, or `reval tail`": nil,
		"^reval: 2 evaluations end with (Emacs|Vim|Neovim)$":                                       {"--standalone"},
	} {
		t.Run(strings.Join(flags, ""), func(t *testing.T) {
			seats(t, map[string]string{"a.py": "import time; time.sleep(600)\n6 * 7\n"}, "a.py", func(s *seat) {
				s.term.WaitFor(`6 \* 7`)
				s.evaluate(1)
				s.term.WaitFor(`sleep\(600\) +(● )?running`)
				s.evaluate(2)
				s.term.WaitFor(`6 \* 7 +(◌ )?queued`)
				s.keys([]string{"C-x", "C-c"}, ":qall")
				s.term.WaitExit()
				if screen := s.term.WaitFor(words); strings.Contains(screen, "6 * 7") {
					s.t.Errorf("the editor's screen is still there:\n%s", screen)
				}
			}, flags...)
		})
	}
}

// Where nothing was evaluated no daemon is started.
func TestNothingToGoOnWith(t *testing.T) {
	seats(t, map[string]string{"a.py": "6 * 7\n"}, "a.py", func(s *seat) {
		s.term.WaitFor(`6 \* 7`)
		s.keys([]string{"M-x"}, ":RevalState")
		if s.name == "Emacs" { // any command that needs the server
			s.term.Type("reval-next-cell\n")
			s.term.WaitFor(`No next cell`)
		} else {
			s.term.WaitFor(`reval: none`)
		}
		s.killDaemon()
		s.term.WaitFor(`the server ended, the next evaluation starts another`)
		if pid, _ := s.daemon(); pid != 0 {
			s.t.Errorf("a daemon runs, process %d", pid)
		}
	})
}
