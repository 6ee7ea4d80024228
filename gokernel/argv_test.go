package gokernel

import (
	"regexp"
	"testing"
)

// A program finds its own arguments and flags, as often as it is evaluated; what a
// program would end with ends the cell.
func TestArgv(t *testing.T) {
	const flags = "import (\"flag\"; \"fmt\"; \"os\")\nn := flag.Int(\"n\", 1, \"a `number`\")\nflag.Parse()\nfmt.Println(*n, flag.Args(), len(os.Args))"
	for _, engine := range Engines {
		c := startKernelOn(t, engine)
		for _, tc := range []struct{ code, want string }{
			{flags, "stdout:\n1 \\[\\] 1\n"},
			{"%argv prog -n 3 \"a \\\"b\\\"\\xff\" `c d` e\"f", ""},
			{flags, "stdout:\n3 \\[a \"b\"\uFFFD c d e\"f\\] 6\n"},
			{"flag.Parsed() && os.Args[0] == \"prog\"", "value: true\n"},
			{"%argv prog -n x", ""},
			{flags, "stderr:\ninvalid value \"x\" for flag -n: parse error\nUsage of prog:\n  -n number\n    \ta number \\(default 1\\)\nExit:\nexit status 2(.|\n)*"},
			{"%argv prog -h", ""},
			{flags, "stderr:\nUsage of prog:\n(.|\n)*Exit:\nexit status 0(.|\n)*"},
			{"%argv", ""},
			{flags, "stdout:\n1 \\[\\] 1\n"},
			{"%argv \"open", "Error:\n%argv: the text that begins with \"open has no end: write it as in Go\n"},
			{"flag.CommandLine.Name() == os.Args[0]", "value: true\n"},
		} {
			if got := c.run(tc.code); !regexp.MustCompile("^(" + tc.want + ")$").MatchString(got) {
				t.Errorf("%s: %s\ngives %s\nwant %s", engine, tc.code, got, tc.want)
			}
		}
	}
}

// What of the library ends a process ends the cell, on sets of flags and loggers of the
// program's own, too.
func TestExitsOfTheLibrary(t *testing.T) {
	const begin = `import ("flag"; "log"; "os"; "syscall")
fs := flag.NewFlagSet("x", flag.ExitOnError)
type holder struct { *flag.FlagSet; n int }
type box struct { in holder; flag.FlagSet }
h, l := holder{fs, 1}, log.New(os.Stdout, "", 0)
var b box
b.Init("b", flag.ExitOnError)
_ = syscall.Exit`
	for _, engine := range Engines {
		c := startKernelOn(t, engine)
		if got := c.run(begin); got != "" {
			t.Fatalf("%s: %s", engine, got)
		}
		for code, want := range map[string]string{
			`fs.Parse([]string{"-z"})`:                    "stderr:\nflag provided but not defined: -z\nUsage of x:\nExit:\nexit status 2(.|\n)*",
			`if err := fs.Parse(nil); err != nil { }`:     "",
			`(fs.Parse)([]string{"-h"})`:                  "stderr:\nUsage of x:\nExit:\nexit status 0(.|\n)*",
			`h.Parse([]string{"-z"})`:                     "(.|\n)*\nExit:\nexit status 2(.|\n)*",
			`b.Parse([]string{"-z"})`:                     "(.|\n)*Usage of b:\nExit:\nexit status 2(.|\n)*",
			`b.in = h; b.in.Parse([]string{"-z"})`:        "(.|\n)*Usage of x:\nExit:\nexit status 2(.|\n)*",
			`func() { defer fs.Parse([]string{"-z"}) }()`: "(.|\n)*\nExit:\nexit status 2(.|\n)*",
			`flag.CommandLine.Parse([]string{"-z"})`:      "(.|\n)*\nExit:\nexit status 2(.|\n)*",
			`l.Fatalf("bye %d", 1)`:                       "stdout:\nbye 1\nExit:\nexit status 1(.|\n)*",
			`l.Fatalln("bye", 1)`:                         "stdout:\nbye 1\nExit:\nexit status 1(.|\n)*",
			`log.Default().Fatal("bye")`:                  "stderr:\n.*bye\nExit:\nexit status 1(.|\n)*",
			`syscall.Exit(4)`:                             "Exit:\nexit status 4(.|\n)*",
		} {
			if got := c.run(code); !regexp.MustCompile("^(" + want + ")$").MatchString(got) {
				t.Errorf("%s: %s\ngives %q\nwant %s", engine, code, got, want)
			}
		}
	}
}
