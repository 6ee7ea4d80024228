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
