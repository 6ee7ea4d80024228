package display

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

type point struct {
	X, Y  int
	label string
}

type drawing struct{}

func (drawing) SVG() string { return "<svg/>" }
func (drawing) PNG() []byte { return []byte{1, 2} }

func TestForms(t *testing.T) {
	type pair struct{ mime, has string }
	for _, tc := range []struct {
		name  string
		value any
		want  []pair
	}{
		{"methods", drawing{}, []pair{{"image/svg+xml", `"<svg/>"`}, {"image/png", `"AQI="`}}},
		{"structs", []point{{1, 2, "a"}, {3, 4, "b"}}, []pair{{"text/html", `>label</th>`}, {"text/html", `>3</td>`}}},
		{"pointers", []*point{nil, {1, 2, "<"}}, []pair{{"text/html", `&lt;`}}},
		{"map of structs", map[string]point{"one": {1, 2, ""}}, []pair{{"text/html", `<th>one</th>`}}},
		{"map", map[int]string{10: "ten", 9: "nine"}, []pair{{"text/html", `nine</td></tr>\n<tr><th>10`}}},
		{"maps", []map[string]any{{"a": 1}, {"b": "x"}}, []pair{{"text/html", `>a</th>`}}},
		{"rows", [][]float64{{1.5, 2}, {3}}, []pair{{"text/html", `1.5`}}},
		{"interfaces", []any{point{1, 2, ""}}, []pair{{"text/html", `>X</th>`}}},
		{"HTML", HTML("<b>"), []pair{{"text/html", `"<b>"`}, {"text/plain", `"<b>"`}}},
		{"PNG", PNG("12"), []pair{{"image/png", `"MTI="`}, {"text/plain", `"PNG of 2 bytes"`}}},
		{"picture", image.NewGray(image.Rect(0, 0, 3, 2)), []pair{{"text/plain", `"*image.Gray of 3 × 2 pixels"`}}},
		{"JSON", JSON{map[string]int{"a": 1}}, []pair{{"application/json", `{"a":1}`}}},
		{"plain", 42, []pair{{"text/plain", `"42"`}}},
	} {
		b, err := Of(tc.value)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		data, err := b.Encode()
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		for _, p := range tc.want {
			var got bytes.Buffer // json.Marshal writes < as \u003c
			var v any
			if err := json.Unmarshal(data[p.mime], &v); err != nil {
				t.Errorf("%s: %s is %s", tc.name, p.mime, data[p.mime])
				continue
			}
			e := json.NewEncoder(&got)
			e.SetEscapeHTML(false)
			if err := e.Encode(v); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.String(), p.has) {
				t.Errorf("%s: %s is %s, without %s", tc.name, p.mime, got.String(), p.has)
			}
		}
	}
}

// What says itself in text, and what has no columns, is no table.
func TestNoTable(t *testing.T) {
	for _, v := range []any{[]time.Time{time.Now()}, []int{1}, []byte("ab"), []string{"a"}, []point{}, map[string]int{}, 5, "a", []struct{}{{}}, (*point)(nil), nil} {
		if b, err := Rich(v); b != nil || err != nil {
			t.Errorf("%T has the forms %v, %v", v, b, err)
		}
	}
}

func TestLongTable(t *testing.T) {
	rows := make([]point, 1000)
	text, ok := Table(rows)
	if n := strings.Count(text, "<tr>"); !ok || n != 1+maxRows+1 || !strings.Contains(text, "940 more") || !strings.Contains(text, "<th>999</th>") {
		t.Errorf("%d rows of 1000", n)
	}
}

func TestPicture(t *testing.T) {
	b, err := Rich(image.NewGray(image.Rect(0, 0, 3, 2)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b["image/png"].([]byte)))
	if err != nil || m.Bounds().Dx() != 3 {
		t.Errorf("the picture is %v, %v", m, err)
	}
	for want, m := range map[string]image.Image{
		"*image.Gray of 0 × 0 pixels, which is no size to show":                      image.NewGray(image.Rectangle{}),
		"*image.Uniform of 2000000000 × 2000000000 pixels, which is no size to show": image.NewUniform(color.Black),
	} {
		if b, err := Of(m); err != nil || len(b) != 1 || b["text/plain"] != want {
			t.Errorf("%v, %v, want %s", b, err, want)
		}
	}
}

func TestBar(t *testing.T) {
	var shown []string
	b := NewBar("load", 1000, func(b Bundle) { shown = append(shown, b["text/plain"].(string)) })
	for range 1000 {
		b.Add(1)
	}
	if first, last := shown[0], shown[len(shown)-1]; !strings.HasPrefix(first, "load [ ") || !strings.Contains(first, "0/1000") || !strings.Contains(last, "█] 1000/1000") {
		t.Errorf("shown from %q to %q", first, last)
	}
	if len(shown) == 1001 {
		t.Error("each step was shown")
	}
	NewBar("backwards", -5, func(b Bundle) { shown = append(shown, b["text/plain"].(string)) }).Add(-3)
	if last := shown[len(shown)-1]; !strings.HasSuffix(last, "0/0, 0s") {
		t.Errorf("a bar of less than nothing is %q", last)
	}
}

type knot struct {
	Name string
	Next *knot
	Any  any
}

type speaker int

func (s speaker) String() string {
	if s < 0 {
		panic("no text")
	}
	return "speaker " + strconv.Itoa(int(s))
}

// A value is written as fmt does it; whatever it is, its text is bounded.
func TestText(t *testing.T) {
	k := &knot{Name: "a"}
	k.Next, k.Any = k, k
	for _, v := range []any{
		nil, 5, "x y", 1.5, 2 + 3i, true, []int{1, 2}, [2]string{"a", "b"}, []byte("ab"), map[string]int{"b": 2, "a": 1},
		point{1, 2, "c"}, &point{1, 2, "c"}, []*point{nil}, struct{ A, B any }{nil, []any{1, "s", nil}}, map[string]int(nil), []int(nil), (*point)(nil),
		error(nil), errors.New("oh"), []error{errors.New("oh"), nil}, time.Second, []time.Duration{1}, []speaker{1, -1}, speaker(-1), struct{ s speaker }{1},
		k, *k, []any{&[]int{1}}, &[]int{1}, &map[string]int{"a": 1}, (func())(nil), big.NewInt(7), []*big.Int{big.NewInt(7)},
	} {
		if got, want := Text(v, MaxText), fmt.Sprintf("%+v", v); got != want {
			t.Errorf("%T is %s, want %s", v, got, want)
		}
	}
	circle := map[string]any{}
	circle["self"] = circle
	slice := make([]any, 2)
	slice[0], slice[1] = slice, slice
	deep := any(1)
	for range 100_000 {
		deep = []any{deep}
	}
	for _, v := range []any{
		circle, slice, deep, make([]int, 1_000_000), strings.Repeat("ä", 1_000_000), map[string]string{strings.Repeat("k", 1_000_000): "v"},
		map[float64]int{math.NaN(): 1, math.NaN(): 2}, [][]any{{circle}},
	} {
		if got := Text(v, 1000); len(got) > 1100 || !utf8.ValidString(got) {
			t.Errorf("%T is %d bytes: %.200s", v, len(got), got)
		}
		if _, err := Of(v); err != nil {
			t.Error(err)
		}
	}
	if got := Text(map[float64]int{math.NaN(): 1, 2: 2}, 100); got != "map[NaN:1 2:2]" {
		t.Errorf("a map with NaN is %s", got)
	}
}

// Of a map the rows with the least and the greatest keys are shown.
func TestLongMap(t *testing.T) {
	m := map[int]string{}
	for i := range 5000 {
		m[i] = "v"
	}
	text, _ := Table(m)
	for _, want := range []string{"<th>0</th>", "<th>29</th>", "4940 more", "<th>4970</th>", "<th>4999</th>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table has no %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "<th>30</th>") || strings.Contains(text, "<thead>") {
		t.Errorf("the table is\n%s", text)
	}
}
