package display

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"
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
		{"structs", []point{{1, 2, "a"}, {3, 4, "b"}}, []pair{{"text/html", `<th>label</th>`}, {"text/html", `>3</td>`}}},
		{"pointers", []*point{nil, {1, 2, "<"}}, []pair{{"text/html", `&lt;`}}},
		{"map of structs", map[string]point{"one": {1, 2, ""}}, []pair{{"text/html", `<th>one</th>`}}},
		{"map", map[int]string{10: "ten", 9: "nine"}, []pair{{"text/html", `nine</td></tr>\n<tr><th>10`}}},
		{"maps", []map[string]any{{"a": 1}, {"b": "x"}}, []pair{{"text/html", `<th>a</th><th>b</th>`}}},
		{"rows", [][]float64{{1.5, 2}, {3}}, []pair{{"text/html", `1.5`}}},
		{"interfaces", []any{point{1, 2, ""}}, []pair{{"text/html", `<th>X</th>`}}},
		{"HTML", HTML("<b>"), []pair{{"text/html", `"<b>"`}, {"text/plain", `"<b>"`}}},
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
}
