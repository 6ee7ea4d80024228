package language

import "testing"

// What ipykernel 7.4 and xeus-python 0.19 call these cells.
func TestHash(t *testing.T) {
	for code, want := range map[string]uint32{
		"x=1\ny=2\nraise ExceptionGroup(\"G\", [ValueError(\"a\")])": 1386989005,
		"x = (1,\n\ny = [": 3570791932,
	} {
		if got := Hash(code); got != want {
			t.Errorf("%q: %d, want %d", code, got, want)
		}
	}
}

func TestRewritePrinted(t *testing.T) {
	l, _ := For("python")
	resolve := func(cell Ref) (string, int, bool) { return "a b.py", 40, cell.Hash == 12 || cell.Count == 3 }
	for _, test := range []struct{ text, printed, value string }{
		{"/tmp/ipykernel_1/12.py:2: UserWarning: x\n", "a b.py:41: UserWarning: x\n", ""},
		{"  File \"/tmp/x y/ipykernel_1/12.py\", line 3, in f", "  File \"a b.py\", line 42, in f", ""},
		{"\x1b[31m/tmp/xpython_1/12.py\x1b[0m:\x1b[1m9\x1b[0m", "\x1b[31ma b.py\x1b[0m:\x1b[1m48\x1b[0m", ""},
		{"> /tmp/ipykernel_1/12.py(2)f()\n      1 def f():\n----> 2   x\n      3   y\n\n      4 z", "> a b.py(41)f()\n     40 def f():\n---> 41   x\n     42   y\n\n      4 z", ""},
		{"'/tmp/ipykernel_1/12.py'", "'a b.py'", "'/tmp/ipykernel_1/12.py'"},
		{"/tmp/ipykernel_1/13.py:2 and ipykernel_1", "/tmp/ipykernel_1/13.py:2 and ipykernel_1", ""},
		{"<ipython-input-3-ab12>:1: x", "a b.py:40: x", ""},
		{"/tmp/ipykernel_1/12.py:1 /tmp/ipykernel_2/12.py:2", "a b.py:40 a b.py:41", ""},
		{"C:\\Temp\\ipykernel_1\\12.py:1", "a b.py:40", ""},
	} {
		if got := l.RewritePrinted(test.text, false, resolve); got != test.printed {
			t.Errorf("%q printed is %q, want %q", test.text, got, test.printed)
		}
		if test.value == "" {
			test.value = test.printed
		}
		if got := l.RewritePrinted(test.text, true, resolve); got != test.value {
			t.Errorf("%q as a value is %q, want %q", test.text, got, test.value)
		}
	}
}
