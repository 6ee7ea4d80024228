package lsp

import (
	"strings"
	"testing"
)

// What IPython tells of tables, and of what is asked for their size, as it was told.
func TestSizeOfTables(t *testing.T) {
	const frame = "Type:        DataFrame\nString form:\n   price prio\n0    1.0    a\n1    2.0    b\nLength:      2\n" +
		"File:        /v/lib/python3.11/site-packages/pandas/__init__.py\nDocstring:  \nTwo-dimensional\n\nParameters\n"
	for _, test := range []struct{ name, text, ask, answer, want string }{
		{"df", frame, ".dtypes.values.size", "Type:        int\nString form: 2\nDocstring:  \nint([x]) -> integer\n", "df: DataFrame (2 × 2)\n   price prio\n0    1.0    a\n"},
		{"df", strings.Replace(frame, "pandas", "mine", 1), "", "", "df: DataFrame (2)\n   price prio\n"},
		{"big", "Type:        DataFrame\nString form:\nc0  c1  \\\n           0    0\n           [100 rows x 30 columns]\nLength:      100\nFile: x\n", "", "", "big: DataFrame (100 × 30)\nc0  c1"},
		{"pf", "Type:        DataFrame\nString form:\nshape: (2, 1)\n┌─────┐\nLength:      2\n", "", "", "pf: DataFrame (2 × 1)\nshape"},
		{"arr", "Type:            ndarray\nString form:    \n[[ 0  1]\n [ 4  5]]\nLength:          2\nFile:            /v/numpy/__init__.py\n", ".shape", "Type:        tuple\nString form: (2, 2)\nLength:      2\n", "arr: ndarray (2 × 2)\n[[ 0  1]\n"},
		{"v", "Type:            ndarray\nString form:     [0 1 2]\nLength:          3\nFile:            /v/numpy/__init__.py\n", ".shape", "Type:        tuple\nString form: (3,)\n", "v: ndarray (3) = [0 1 2]\n"},
		{"ser", "Type:        Series\nString form:\n0    1.0\n1    2.0\nLength:      2\n", "", "", "ser: Series (2)\n0    1.0\n"},
		{"d", "Type:        dict\nString form: {'a': 1}\nLength:      1\nDocstring:  \ndict() -> new\n", "", "", "d: dict = {'a': 1}\n"},
		{"x", "Type:        int\nString form: 41\nDocstring:   an int\n", "", "", "x: int = 41\nDocstring: an int"},
		{"train", "Signature: train(pts)\nDocstring: train doc\nType:      function\n", "", "", "Signature: train(pts)\n"},
	} {
		i := parseInspection(test.text)
		size, ask := i.shape()
		if ask != test.ask {
			t.Errorf("%s: asks %q, want %q", test.name, ask, test.ask)
		}
		if ask != "" {
			size = i.sized(parseInspection(test.answer))
		}
		if got := i.headed(test.name, size); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	// Without an answer what is known is told.
	if i := parseInspection(frame); i.sized(inspection{}) != "2" {
		t.Errorf("%q", i.sized(inspection{}))
	}
}
