package language

import (
	"slices"
	"strings"
	"testing"
)

func TestNamesIn(t *testing.T) {
	for _, test := range []struct{ id, text, want string }{
		{"python", "def f(arg, *rest, key=other):\n    one = two.three\n    # four\n    'five'\n    on", "two one other key rest arg f"},
		{"python", "def f(a):\n    def g(b):\n        inner = 1\n    x = 1\n    i", "x g a f"},
		{"python", "class A:\n    def m(self, one):\n        first = 1\n\n    def n(self, two):\n        second = 2\n        s", "second two self n m A"},
		{"python", "def before(p):\n    hidden = 1\n\nshown = 2\nif shown:\n    also = 3\ndef f(\n    a,\n    b=\"c\",\n):\n    x", "b a f also shown before"},
		{"python", "async def f(größe):\n    for i, j in größe: pass\n    gr", "größe j i f"},
		{"python", "print(f\"{x} y\", z.w)\n\nx", "z x print"},
		{"python", "from os import (\n  path,\n  join,\n)\nj", "join path os"},
		{"python", "def f():\n  x = 1\n\ny = 2\nw", "y f"},
		{"r", "my.fun <- function(first.arg) {\n  loc.name <- first.arg$part\n  # no\n  if (x) { deep <- 2 }\n  l", "deep x first.arg loc.name my.fun"},
		{"r", "one <- function(a) {\n  hidden <- 1\n}\ntwo <- 2\nf <- function(b) {\n  h", "b f two one"},
		{"javascript", "function f(locArg, {a, b}) {\n  const $x = locArg.y ?? `t ${z} w`\n  // no\n  ", "z locArg $x b a f"},
		{"shellscript", "f() {\n  local loc_name=1 x\n  for i in a b; do echo $i \"$j\"; done\n  read -r line\n  echo $l", "line i loc_name"},
		{"scheme", "(define my-one 1)\n(define (hidden a) (let ((b 2)) b))\n(define (f lis-arg)\n  ; no\n  (let ((lis-name 1)) (+ lis", "lis-name lis-arg f hidden my-one"},
		{"lua", "local function f(a)\n  local b = a.c\nend\nlocal d = 1\nfunction g(e)\n  if e then local h = 1 end\n  x", "h e g d f"},
		{"octave", "function y = f(a)\n  b = a;\n  b", "a b f y"},
	} {
		l, _ := For(test.id)
		got := strings.Join(l.NamesIn(test.text), " ")
		if got != test.want {
			t.Errorf("%s %q: %q, want %q", test.id, test.text, got, test.want)
		}
	}
}

// FuzzNamesIn looks for names that are not there.
func FuzzNamesIn(f *testing.F) {
	f.Add("def f(a):\n  b = 1\n  c")
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range table {
			names := l.NamesIn(text)
			for i, name := range names {
				if !strings.Contains(text, name) || slices.Contains(names[:i], name) {
					t.Errorf("%s: %q in %q", l.ID, name, text)
				}
			}
		}
	})
}

// A long line, as of generated code, takes no longer than many short ones: with work that grew
// with what stands before each name, this took hours.
func TestNamesInALongLine(t *testing.T) {
	for _, part := range []string{"value = f(a);", "x.", "x-", "$x ", "((x "} {
		text := strings.Repeat(part, 64<<10/len(part))
		for _, l := range table {
			l.NamesIn(text)
		}
	}
}
