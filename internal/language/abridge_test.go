package language

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repeat gives lines that frame makes of the numbers from 1 to n.
func repeat(n int, frame func(i int) string) []string {
	var frames []string
	for i := range n {
		frames = append(frames, frame(i+1))
	}
	return frames
}

// Equal frames of an endless recursion are told once, however a kernel numbers them,
// and however many functions call each other in a circle.
func TestAbridgeFoldsEqualFrames(t *testing.T) {
	same := func(frame string) func(int) string { return func(int) string { return frame } }
	for name, tt := range map[string]struct{ traceback, want []string }{
		"python": {
			repeat(9991, same("  File \"a.py\", line 2, in f\n    return f(n + 1)")),
			[]string{"  File \"a.py\", line 2, in f\n    return f(n + 1)", "    … the same 9,990 times"},
		},
		"python, with colours": {
			repeat(2000, func(i int) string { return fmt.Sprintf("\x1b[%dm  File \"a.py\", line 2, in f\x1b[0m", 31+i%2) }),
			[]string{"\x1b[32m  File \"a.py\", line 2, in f\x1b[0m", "    … the same 1,999 times"},
		},
		"a circle": {
			repeat(300, func(i int) string { return "cell[1]:2:3 in even\ncell[1]:6:3 in odd\ncell[1]:9:3 in third" }),
			[]string{"cell[1]:2:3 in even\ncell[1]:6:3 in odd\ncell[1]:9:3 in third", "    … the same 299 times"},
		},
		"julia": {
			repeat(300, func(i int) string { return fmt.Sprintf(" [%d] f(x::Int64)\n   @ Main ./In[1]:2", i) }),
			[]string{" [1] f(x::Int64)\n   @ Main ./In[1]:2", "    … the same 299 times"},
		},
		"r": {
			repeat(300, func(i int) string { return fmt.Sprintf("%d. f(x - 1)   # at line 1 of file <text>", i) }),
			[]string{"1. f(x - 1)   # at line 1 of file <text>", "    … the same 299 times"},
		},
		"few": {repeat(19, same("at f (<anonymous>:2:9)")), repeat(19, same("at f (<anonymous>:2:9)"))},
		"different": {
			repeat(30, func(i int) string { return fmt.Sprintf("cell[1]:%d:3", i) }),
			repeat(30, func(i int) string { return fmt.Sprintf("cell[1]:%d:3", i) }),
		},
	} {
		traceback := append([]string{"Traceback"}, tt.traceback...)
		traceback = append(traceback, "Error: too deep")
		want := "Traceback\n" + strings.Join(tt.want, "\n") + "\nError: too deep"
		if diff := cmp.Diff(want, Abridge(traceback)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What cannot be folded loses its middle.
func TestAbridgeKeepsBothEnds(t *testing.T) {
	different := repeat(60_000, func(i int) string { return fmt.Sprintf("  File \"x%d.py\", line %d", i, i) })
	got := Abridge(different)
	if !strings.HasPrefix(got, different[0]+"\n"+different[1]) || !strings.HasSuffix(got, different[59_999]) ||
		!strings.Contains(got, " lines are left out here\n") {
		t.Errorf("%s", got)
	}
	got = Abridge([]string{"E: " + strings.Repeat("ö", 5<<20) + " at the end"})
	if len(got) > keptLine+10 || !strings.HasPrefix(got, "E: ö") || !strings.HasSuffix(got, "ö at the end") {
		t.Errorf("%d bytes: %.40s", len(got), got)
	}
}

// However long a traceback is and whatever it says, what is left is bounded, and is the
// traceback itself where that is short.
func FuzzAbridge(f *testing.F) {
	f.Add("a\nb\n", 500, 3)
	f.Add(" [1] f\n\x1b[3", 9, 40)
	f.Add("ö", 100_000, 1)
	f.Fuzz(func(t *testing.T, piece string, times, tail int) {
		if times < 0 || times > 1000 || tail < 0 || tail > 1000 {
			return
		}
		text := strings.Repeat(piece, times) + "\n" + strings.Repeat("x\ny", tail)
		got := Abridge([]string{text})
		if len(got) > keptTraceback+100 || strings.Count(got, "\n") > keptLines+1 {
			t.Errorf("%d bytes, %d lines", len(got), strings.Count(got, "\n"))
		}
		if len(text) < keptLine && strings.Count(text, "\n") < minFolded && got != text {
			t.Errorf("%q became %q", text, got)
		}
		if again := Abridge([]string{got}); len(again) > len(got)+200 {
			t.Errorf("%d bytes became %d", len(got), len(again))
		}
	})
}
