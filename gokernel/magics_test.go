package gokernel

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

func TestMagics(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the shell's commands here are Unix'")
	}
	dir := t.TempDir()
	for _, engine := range Engines {
		c := startKernelOn(t, engine)
		for _, tc := range []struct{ code, want string }{
			{"%cd " + dir, "stdout:\n" + regexp.QuoteMeta(dir) + "\n"},
			{"!printf 'a\\nb\\n' | wc -l; echo oh >&2", "stdout:\n *2\nstderr:\noh\n|stderr:\noh\nstdout:\n *2\n"},
			{"!exit 3", "stderr:\nexit status 3\n"},
			{"%env REVAL_X=5", ""},
			{"%env REVAL_X\n!echo $REVAL_X", "stdout:\n5\n5\n"},
			{"import \"os\"\nos.Getenv(\"REVAL_X\")", "value: \"5\"\n"},
			{"%%bash -e a b\necho $1 $2\nfalse\necho no", "stdout:\na b\nError:\nexit status 1\n"},
			{"x, ok := 5, true\n%time x + 1", "stdout:\ntook [0-9.]+[nµm]?s\nvalue: 6\n"},
			{"!ok", "value: false\n"},
			{"%%time\nx++\npanic(x)", "panic:\npanic: 6\ncell\\[.*\\]:3:.*(.|\n)*"},
			{"%timeit x * 2", "stdout:\n[0-9.]+[nµm]?s to [0-9.]+[nµm]?s each \\(5 rounds of [0-9]+\\)\n"},
			{"%timeit y :=", "Error:\n%timeit: the code has no end: y :=\n"},
			{"%time", "Error:\n%time: there is no code to time\n"},
			{"%%time\n", "Error:\n%time: there is no code to time\n"},
			{"%load", "Error:\n%load: name a file\n"},
			{"%load " + dir, "Error:\n%load: .* is no file of at most 16 MiB\n"},
			{"%history 5-2", "Error:\n%history: \"5-2\" is no range of cells: the first is behind the last\n"},
			{"%timeit nope", "CompileError:\n(.|\n)*undefined: nope(.|\n)*"},
			{"%who", "stdout:\nok x\n"},
			{"%whos", "value: Name  Type  Value\nok    bool  true\nx     int   6\n"},
			{"%history 6-7", "stdout:\n6: import \"os\"\n   os.Getenv\\(\"REVAL_X\"\\)\n7: %%bash -e a b\n   echo \\$1 \\$2\n   false\n   echo no\n"},
			{"%history 6 -o", "stdout:\n6: import \"os\"\n   os.Getenv\\(\"REVAL_X\"\\)\n6= \"5\"\n"},
			{"%save " + engine + ".go 6-8", "stdout:\n2 cells in " + engine + ".go\n"},
			{"!cat " + engine + ".go", "stdout:\n// %%\nimport \"os\"\nos.Getenv\\(\"REVAL_X\"\\)\n\n// %%\nx, ok := 5, true\n"},
			{"%save " + engine + ".go", "Error:\n%save: .*exists\n"},
			{"%nope", "Error:\nthere is no magic %nope: %lsmagic lists them\n"},
			{"%%who\na", "Error:\n%%who: this magic takes no lines: write %who\n"},
			{"reval.Magic(\"twice\", func(arg, lines string) (string, error) { return arg + lines, nil })\n%twice ab", "value: abcell\n|value: ab\n"},
			{"%%twice ab\ncd", "value: abcd\n"},
			{"reval.Magic(\"fails\", func() error { return os.ErrExist })\n%fails", "Error:\nfile already exists\n"},
			{"reval.Magic(\"a b\", func() {})", "panic:\npanic: reval.Magic \"a b\": this is no name\n(.|\n)*"},
			{"reval.Magic(\"\", func() {})", "panic:\npanic: reval.Magic \"\": this is no name\n(.|\n)*"},
			{"reval.Magic(\"größe\", func() int { return 5 })\n%größe", "value: 5\n"},
			{"reval.Magic(\"n\", func(int) {})", "panic:\npanic: reval.Magic \"n\": a func\\(int\\) is no function of at most two strings\n(.|\n)*"},
			{"%lsmagic", "value: %argv(.|\n)*%%bash(.|\n)*%twice(.|\n)*"},
			{"nothing?", "Error:\nnothing is known of nothing\n"},
			{"%reset\n%who", "stdout:\n\n"},
			{"x", "CompileError:\n.*undefined: x\n(.|\n)*"},
			{"%twice a", "Error:\nthere is no magic (.|\n)*"},
			{"x := 1\n// a comment\n\n%time 1\nx + y", "stdout:\ntook .*\nCompileError:\ncell\\[.*\\]:5:5: undefined: y\n(.|\n)*"},
		} {
			if got := c.run(tc.code); !regexp.MustCompile("^(" + tc.want + ")$").MatchString(got) {
				t.Errorf("%s: %s\ngives %s\nwant %s", engine, tc.code, got, tc.want)
			}
		}
	}
}

// A function of one part that fails in another is shown with its own line.
func TestPlacesInPartsOfACell(t *testing.T) {
	c := startKernel(t)
	got := c.run("func f() {\n\tpanic(1)\n}\n%pwd\nf()")
	if !strings.Contains(got, "cell[1]:2:2 in f") || !strings.Contains(got, "panic(1)") || !strings.Contains(got, "cell[1]:5:1") {
		t.Errorf("the places are\n%s", got)
	}
}

func TestHelpAndLoadArePayloads(t *testing.T) {
	c := startKernel(t)
	file := filepath.Join(t.TempDir(), "next.go")
	if err := os.WriteFile(file, []byte("x := 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("import \"strings\"\n// twice doubles.\nfunc twice(x int) int { return 2 * x }")
	for _, tc := range []struct{ code, want string }{
		{"strings.Repeat?", "func strings.Repeat(s string, count int) string"},
		{"?twice", "twice doubles."},
		{"?fmt.Println", "func fmt.Println(a ...any) (n int, err error)"}, // it is not imported
		{"?rand", "Package rand implements"},
		{"twice??", "return 2 * x"},
		{"%time?", "%time CODE"},
		{"%load " + file, `"text":"x := 1\n"`},
	} {
		r := c.execute(tc.code)
		c.expectRunning(r)
		reply := c.ends(r)
		if len(reply.Payload) != 1 {
			t.Errorf("%s: %d payloads", tc.code, len(reply.Payload))
			continue
		}
		var page struct {
			Source string
			Data   map[string]string
		}
		got := string(reply.Payload[0])
		if err := json.Unmarshal(reply.Payload[0], &page); err == nil && page.Source == "page" {
			got = page.Data["text/plain"]
		}
		if !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s, without %s", tc.code, got, tc.want)
		}
	}
}

func TestMagicsComplete(t *testing.T) {
	c := startKernel(t)
	for code, want := range map[string]string{"x := 1\n%ti": "time timeit", "%%ba": "bash", "%time le": "len"} {
		got := content[jupyter.CompleteReplyContent](t, c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: code, CursorPos: len(code)}))
		if s := strings.Join(got.Matches, " "); s != want || got.CursorEnd != len(code) {
			t.Errorf("complete %q: %q, want %q", code, s, want)
		}
	}
}

func TestInterruptOfACommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	c := startKernel(t)
	for _, code := range []string{"!sleep 1000 & echo $!; wait", "%%bash\nsleep 1000 &\necho $!\nwait"} {
		r := c.execute(code)
		c.expectRunning(r)
		printed := content[jupyter.StreamContent](t, c.expect(c.iopub, jupyter.StreamMsg, r)).Text
		c.interrupted(r)
		sleep, err := strconv.Atoi(strings.TrimSpace(printed))
		if err != nil {
			t.Fatalf("%s printed %q", code, printed)
		}
		// What a command started ends with it.
		for deadline := time.Now().Add(limit); exec.Command("kill", "-0", strconv.Itoa(sleep)).Run() == nil; {
			if time.Now().After(deadline) {
				t.Fatalf("%s: process %d goes on", code, sleep)
			}
		}
	}
}

// The user's file is evaluated before the first cell; what is wrong with it is told.
func TestStartup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go-kernel.go")
	if err := os.WriteFile(file, []byte("import \"strings\"\nfunc shout(s string) string { return strings.ToUpper(s) }\nreval.Magic(\"shout\", shout)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startKernelOn(t, "", startupVariable+"="+file)
	if got := c.run("%shout a"); got != "value: A\n" {
		t.Errorf("%%shout: %s", got)
	}
	if got := c.run("shout(\"b\")"); got != "value: \"B\"\n" {
		t.Errorf("shout: %s", got)
	}
}
