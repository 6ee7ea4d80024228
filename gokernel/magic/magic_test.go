package magic

import (
	"fmt"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	isName := func(name string) bool { return name == "ok" }
	for _, tc := range []struct{ cell, want string }{
		{"x := 1\nx", "go@1"},
		{"x := 1\n%time f(x)\ny := 2", `go@1 line@2 time "f(x)" go@3`},
		{"%who", `line@1 who ""`},
		{"\n%%bash -e\nls\n%who\n", `cell@2 bash "-e" "ls\n%who\n"`},
		{"!ls -l | wc", `shell@1 "ls -l | wc"`},
		{"!ok", "go@1"},
		{"!(1 == 2)", "go@1"},
		{"!!ok", "go@1"},
		{"b := true &&\n!ok2", "go@1"},
		{"f(1,\n%x\n)", "go@1"},
		{"s := `\n%time\n!ls\n`", "go@1"},
		{"/*\n%time\n*/\n%time 1", `go@1 line@4 time "1"`},
		{"?fmt.Println", `help@1 fmt.Println`},
		{"fmt.Println?", `help@1 fmt.Println`},
		{"x := 1\nx??", `go@1 help@2 x source`},
		{"?%time", `help@1 %time`},
		{"func f() {\n!ls\n}", "go@1"},
		{"größe?", "help@1 größe"},
		{"%time 5 % 3", `line@1 time "5 % 3"`},
		{"a := 5 %\n3", "go@1"},
	} {
		var got []string
		for _, p := range Split(tc.cell, isName) {
			switch p.Kind {
			case Go:
				got = append(got, fmt.Sprintf("go@%d", p.Line))
				first, rest, _ := strings.Cut(strings.TrimLeft(p.Text, "\n"), "\n")
				_ = rest
				if lines := strings.Split(p.Text, "\n"); lines[p.Line-1] != first {
					t.Errorf("%q: line %d is %q, want %q", tc.cell, p.Line, lines[p.Line-1], first)
				}
			case Line:
				got = append(got, fmt.Sprintf("line@%d %s %q", p.Line, p.Name, p.Args))
			case Cell:
				got = append(got, fmt.Sprintf("cell@%d %s %q %q", p.Line, p.Name, p.Args, p.Text))
			case Shell:
				got = append(got, fmt.Sprintf("shell@%d %q", p.Line, p.Text))
			case Help:
				s := fmt.Sprintf("help@%d %s", p.Line, p.Name)
				if p.Detail {
					s += " source"
				}
				got = append(got, s)
			}
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%q: %s, want %s", tc.cell, s, tc.want)
		}
	}
}
