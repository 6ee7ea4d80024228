package language

import (
	"strings"
	"testing"
)

// TestSpot tells what the end of a text is in: code, a comment, or a string, of which it gives
// the text behind its quote; and the signs of the brackets that are open.
func TestSpot(t *testing.T) {
	for _, test := range []struct{ id, text, in, open string }{
		{"python", "x = f(a, [b", "code", "(["},
		{"python", "x = f(a) # so", "comment", ""},
		{"python", "# so\nx", "code", ""},
		{"python", "x = 'a # b", "'a # b", ""},
		{"python", "x = 'a\\'b", "'a\\'b", ""},
		{"python", "x = 'a\ny", "code", ""},
		{"python", "'''a\n'b", "'''a\n'b", ""},
		{"python", "df[['price', 'si", "'si", "[["},
		{"python", "f'{a", "code", ""},
		{"python", "f'{a}b", "'{a}b", ""},
		{"python", "f'{{a", "'{{a", ""},
		{"python", "f'{a:>{w", "code", ""},
		{"python", "f'{a:>1", "'{a:>1", ""},
		{"python", "f'{f(a", "code", "("},
		{"python", "f'{d[\"k", "\"k", "["},
		{"python", "g('{a", "'{a", "("},
		{"python", "rf\"{a", "code", ""},
		{"python", "x = (1,\ndef f(", "code", "("},
		{"r", "l[[\"a", "\"a", "[["},
		{"r", "x # '", "comment", ""},
		{"r", "f('a\nb", "'a\nb", "("},
		{"javascript", "`a ${b", "code", ""},
		{"javascript", "`a ${b} c", "`a ${b} c", ""},
		{"javascript", "'a ${b", "'a ${b", ""},
		{"javascript", "a /* ( */ (b", "code", "("},
		{"javascript", "a /* (", "comment", ""},
		{"go", "x := 'a' + \"b", "\"b", ""},
		{"julia", "\"a $(f(b", "code", "("},
		{"julia", "a' * \"b", "\"b", ""},
		{"shellscript", "echo \"a $(b", "code", ""},
		{"shellscript", "echo a#b", "code", ""},
		{"scheme", "(f #\\( 'a", "code", "("},
		{"scheme", "(f ; a", "comment", "("},
	} {
		l, _ := For(test.id)
		s := l.Spot(test.text)
		in := "code"
		switch {
		case s.Comment:
			in = "comment"
		case s.String >= 0:
			in = s.Quote + test.text[s.String:]
		}
		var open strings.Builder
		for _, b := range s.Open {
			open.WriteByte(b.Sign)
		}
		if in != test.in || open.String() != test.open {
			t.Errorf("%s, %q: in %q with %q open, want %q with %q", test.id, test.text, in, open.String(), test.in, test.open)
		}
	}
}

func TestOneLine(t *testing.T) {
	for _, test := range []struct{ id, text, want string }{
		{"python", "x\n(df # a frame\n  .gro", "(df.gro"},
		{"python", "train(pts, # all\n\n  lea", "train(pts, lea"},
		{"python", "x = 1\ny", ""},
		{"python", "df\n  .a()\n  .b", "df.a().b"},
		{"python", "df\n  .groupby(\n  'x", "df.groupby( 'x"},
		{"python", ".x", ""},
		{"r", "f(\n  x.do", "f( x.do"},
		{"javascript", "a\n  ?.b", "a?.b"},
	} {
		l, _ := For(test.id)
		got, ok := l.OneLine(test.text, l.Spot(test.text))
		if got != test.want || ok != (test.want != "") {
			t.Errorf("%s, %q: %q %v, want %q", test.id, test.text, got, ok, test.want)
		}
	}
}

func TestPathAtEnd(t *testing.T) {
	for _, test := range []struct {
		id, text, path string
		whole          bool
	}{
		{"python", "f(a.b.c", "a.b.c", true},
		{"python", "f(a)", "", true},
		{"python", "a[0].b.c", "b.c", false},
		{"python", "f().b", "b", false},
		{"python", "'a'.b", "b", false},
		{"r", "x + read.c", "read.c", true},
		{"r", "x <- df$pri", "df$pri", true},
		{"r", "base::pas", "base::pas", true},
		{"r", "f()$a", "a", false},
		{"scheme", "(my-fun", "my-fun", true},
		{"javascript", "a?.b.$c", "a?.b.$c", true},
	} {
		l, _ := For(test.id)
		if path, whole := l.PathAtEnd(test.text); path != test.path || whole != test.whole {
			t.Errorf("%s, %q: %q %v, want %q %v", test.id, test.text, path, whole, test.path, test.whole)
		}
	}
}

func FuzzSpot(f *testing.F) {
	f.Add("f'{a:>{'\\")
	f.Add("(\n.\n.")
	f.Add("`${'")
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range table {
			s := l.Spot(text)
			if s.String > len(text) {
				t.Errorf("%s: a string at %d of %d", l.ID, s.String, len(text))
			}
			for _, b := range s.Open {
				if b.At >= len(text) || b.Argument > len(text) {
					t.Errorf("%s: %+v of %d", l.ID, b, len(text))
				}
			}
			l.OneLine(text, s)
			l.PathAtEnd(text)
		}
	})
}
