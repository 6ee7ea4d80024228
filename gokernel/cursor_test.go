package gokernel

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// session is what the cursor's tests find in the namespace.
var cursorSession = []string{
	`import ("fmt"; "io"; "strings"; "net/http"; "time")`,
	`// A point is a place in the plane.
type point struct {
	// X goes east.
	X, Y float64
	label string
}
// Norm is the distance from zero.
func (p point) Norm() float64 { return p.X + p.Y }
func (p *point) Move(dx, dy float64) { p.X += dx; p.Y += dy }
type shape interface{ Area() float64 }
type square struct{ Side float64 }
func (s square) Area() float64 { return s.Side * s.Side }
func (s square) Diagonal() float64 { return s.Side }
type list[T any] struct{ items []T }
func (l *list[T]) Push(v T) { l.items = append(l.items, v) }
func (l *list[T]) Get(i int) T { return l.items[i] }
type color int
const ( red color = iota; green )
func (c color) String() string { return "colour" }
type wrapped struct { point; inner struct{ Depth int } }`,
	`p := point{X: 1, Y: 2}
ps := []point{p}
byName := map[string]point{"north": p, "north west": p, "so\"uth": p}
nested := map[string]map[string]int{"a": {"x": 1, "y": 2}, "b": {"z": 3}}
counts := map[int]string{10: "ten", 12: "twelve", 200: "many"}
colors := map[color]int{red: 1}
var s shape = square{2}
var r io.Reader = strings.NewReader("abc")
var anything any = p
ints := &list[int]{}
w := wrapped{}
f := func(n int, name string) point { return p }
var nothing *point
pointers := []*point{&p}
ch := make(chan point, 1)`,
	`// place makes a point.
func place(x, y float64, options ...string) point { return point{X: x, Y: y} }
func pair() (point, error) { return p, nil }`,
}

func TestCompleteInContext(t *testing.T) {
	c := startKernel(t)
	for _, cell := range cursorSession {
		c.run(cell)
	}
	// The bar is the cursor. Wanted are the first matches in order; "!" names what must not be there.
	for _, tc := range []struct{ code, want string }{
		// members of expressions
		{"p.|", "Move Norm X Y label"},
		{"ps[0].|", "Move Norm X Y label"},
		{"ps[len(ps)-1].N|", "Norm"},
		{"byName[\"north\"].|", "Move Norm X Y label"},
		{"place(1, 2).|", "Move Norm X Y label"},
		{"f(1, \"a\").N|", "Norm"},
		{"(&p).M|", "Move"},
		{"(*nothing).N|", "Norm"},
		{"pointers[0].M|", "Move"},
		{"point{X: 1}.N|", "Norm"},
		{"[]point{p}[0].N|", "Norm"},
		{"anything.(point).N|", "Norm"},
		{"(<-ch).N|", "Norm"},
		{"w.|", "Move Norm X Y inner label point"},
		{"w.inner.|", "Depth"},
		{"w.point.N|", "Norm"},
		{"ints.|", "Get Push items"},
		{"ints.Get(0).|", ""},
		{"time.Now().Add(time.Second).Form|", "Format"},
		{"strings.NewReplacer(\"a\", \"b\").Rep|", "Replace"},
		{"http.DefaultClient.Timeout.Sec|", "Seconds"},
		{"point.|", "Norm"},
		{"(*point).|", "Move Norm"},
		{"red.S|", "String"},
		{"s.|", "Area Diagonal Side"}, // of what it holds, too
		{"anything.|", "Move Norm X Y label"},
		{"strings.Rep|", "Repeat Replace ReplaceAll Replacer"},
		{"fmt.|nothing()", "Append Appendf"},
		// in the middle
		{"x := p.|\ny := 2", "Move Norm X Y label"},
		{"fmt.Println(p.|", "Move Norm X Y label"},
		{"fmt.Println(p.|)", "Move Norm X Y label"},
		{"fmt.Println(p.|, 3)\nfmt.Println(4)", "Move Norm X Y label"},
		{"if p.|", "Move Norm X Y label"},
		{"if p.X > p.|", "Move Norm X Y label"},
		{"for i := 0; i < p.|", "Move Norm X Y label"},
		{"for _, q := range ps {\n\tq.|", "Move Norm X Y label"},
		{"for _, q := range ps {\n\tq.|\n}\n", "Move Norm X Y label"},
		{"for _, q := range p|", "p package pair panic place point pointers print println ps"},
		{"switch q := anything.(type) {\ncase point:\n\tq.|", "Move Norm X Y label"},
		{"switch {\ncase p.|", "Move Norm X Y label"},
		{"select {\ncase q := <-ch:\n\tq.|", "Move Norm X Y label"},
		{"go p.|", "Move Norm X Y label"},
		{"defer p.|", "Move Norm X Y label"},
		{"func() { return p.|", "Move Norm X Y label"},
		{"broken ( ] p.|", "Move Norm X Y label"},
		{"this is no Go at all\np.|", "Move Norm X Y label"},
		{"%time p.|", "Move Norm X Y label"},
		{"!ls \"x\np.|", "Move Norm X Y label"},
		// what the cell itself declares
		{"func g(q point) { q.|", "Move Norm X Y label"},
		{"func g(q point) (res point) {\n\tlocal := q\n\tlocal.|\n}", "Move Norm X Y label"},
		{"func g(quantity point) { quan|", "quantity"},
		{"func (q *point) Scale() { q.|", "Move Norm Scale X Y label"},
		{"func g[T fmt.Stringer](v T) { v.|", "String"},
		{"type circle struct{ Radius float64 }\nfunc (c circle) Area() float64 { return 0 }\nc := circle{}\nc.|", "Area Radius"},
		{"late.|\ntype lateType struct{ Field int }\nlate := lateType{}", "Field"},
		{"{\n\tvariable := 1\n}\nvari|", "!variable"},
		{"variable := 1\nvari|", "variable"},
		// keys of maps
		{"byName[\"|", "north|north west|so\\\"uth"},
		{"byName[\"no|", "north|north west"},
		{"byName[\"no|\"]", "north|north west"},
		{"byName[\"north |\"].X", "north west"},
		{"byName[`so|", "so\"uth"},
		{"fmt.Println(byName[\"no|", "north|north west"},
		{"byName[|", "\"north\"|\"north west\"|\"so\\\"uth\"|any"},
		{"nested[\"a\"][\"|", "x|y"},
		{"counts[1|", "10|12"},
		{"counts[|", "10|12|200|any"},
		{"ps[|", "!\"north\""},
		{"nested[\"q\"][\"|", ""},
		{"delete(byName, \"no|", "north|north west"},
		// fields in literals
		{"point{|", "X Y label any"},
		{"point{X: 1, |", "Y label"},
		{"q := &point{Y|", "Y"},
		{"[]point{{|", "X Y label any"},
		{"map[string]point{\"a\": {X: 2, |", "Y label"},
		{"point{X: p|", "p package pair panic place point pointers print println ps"},
		{"http.Client{Time|", "Timeout time"},
		{"http.Client{Timeout: time.Sec|", "Second"},
		// names
		{"retu|", "return"},
		{"pla|", "place plan9obj"}, // debug/plan9obj is not imported
		{"PLA|", "place plan9obj"},
		{"sort.Strin|", "StringSlice Strings StringsAreSorted"},
		{"func g() {\n\tuse(rand.IntN|", "IntN Intn"},
		{"import \"container/|", "container/heap container/list container/ring"},
		{"import (\n\t\"fmt\"\n\t\"net/http/h|", "net/http/httptest net/http/httptrace net/http/httputil"},
		{"\"coun|", ""},
		{"// p.|", ""},
		{"/* p.|", ""},
		{"x := 'p|", ""},
		{"1.|", ""},
		{"|", "any anything append"},
		{"größe := p.X\ngr|", "green größe"},
	} {
		before, after, _ := strings.Cut(tc.code, "|")
		got := content[jupyter.CompleteReplyContent](t, c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: before + after, CursorPos: len([]rune(before))}))
		if absent, ok := strings.CutPrefix(tc.want, "!"); ok {
			if slices.Contains(got.Matches, absent) {
				t.Errorf("complete %q: %s is there", tc.code, absent)
			}
			continue
		}
		separator := " "
		if strings.Contains(tc.want, "|") || strings.Contains(tc.want, "north west") {
			separator = "|"
		}
		s := strings.Join(got.Matches, separator)
		if s != tc.want && !(len(got.Matches) > 20 && strings.HasPrefix(s, tc.want)) {
			t.Errorf("complete %q: %.200q, want %q", tc.code, s, tc.want)
		}
	}
	// What is replaced is the name or the key alone.
	for _, tc := range []struct {
		code       string
		start, end int
	}{
		{"x := p.No|", 7, 9}, {"byName[\"no|\"]", 8, 10}, {"größe := byName[\"no|", 17, 19}, {"\"ä\" + strings.Rep|", 14, 17}, {"p.|", 2, 2},
	} {
		before, after, _ := strings.Cut(tc.code, "|")
		got := content[jupyter.CompleteReplyContent](t, c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: before + after, CursorPos: len([]rune(before))}))
		if got.CursorStart != tc.start || got.CursorEnd != tc.end {
			t.Errorf("complete %q replaces %d to %d, want %d to %d", tc.code, got.CursorStart, got.CursorEnd, tc.start, tc.end)
		}
	}
}

func TestInspectInContext(t *testing.T) {
	c := startKernel(t)
	for _, cell := range cursorSession {
		c.run(cell)
	}
	// The bar is the cursor. Wanted are texts that must be there; "" is that nothing is known.
	for _, tc := range []struct {
		code string
		want []string
	}{
		{"p|", []string{"var p point = {X:1 Y:2 label:\"\"}", "func (*point) Move(dx float64, dy float64)\nfunc (point) Norm() float64", "Defined in cell[3]:1:1"}},
		{"sort.Strings|", []string{"func sort.Strings(x []string)", "Strings sorts"}},
		{"sort.Strings(|", []string{"func sort.Strings("}},
		{"base64|.StdEncoding", []string{"package base64"}},
		{"sort.Nothing|", nil},
		{"ps[0].N|orm()", []string{"func (point) Norm() float64", "Norm is the distance from zero.", "Defined in cell[2]:"}},
		{"p.X|", []string{"field X float64 = 1", "X goes east."}},
		{"byName[\"north\"].Y|", []string{"field Y float64 = 2"}},
		{"place(|", []string{"func place(x float64, y float64, options ...string) point", "place makes a point."}},
		{"place(1, |", []string{"func place("}},
		{"place(1, 2, \"some|", []string{"func place("}},
		{"place(1, p.X|", []string{"field X float64"}},
		{"fmt.Println(strings.Repeat(\"a\", |", []string{"func strings.Repeat(s string, count int) string", "Repeat returns"}},
		{"fmt.Println(strings.Repeat(\"a\", 2), |", []string{"func fmt.Println("}},
		{"ps[0].Move(|", []string{"func (*point) Move(dx float64, dy float64)"}},
		{"http.DefaultClient.Get(|", []string{"Get(url string)"}},
		{"time.Now().Sub|(time.Time{})", []string{"Sub(u time.Time) time.Duration", "Sub returns"}},
		{"f(|", []string{"var f func(n int, name string) point"}},
		{"point|{}", []string{"type point struct", "A point is a place in the plane.", "Norm() float64"}},
		{"color|", []string{"type color int", "String() string"}},
		{"red|", []string{"const red color = 0"}},
		{"s|", []string{"var s shape", "square", "Side:2"}},
		{"http.Clie|nt{}", []string{"type http.Client struct", "Client is an HTTP client", "Get(url string)"}},
		{"http|.Get", []string{"package http"}},
		{"func g(quantity point) { quan|tity", []string{"var quantity point"}},
		{"len|", []string{"func len", "The len built-in function"}},
		{"http.DefaultClient.Timeout|", []string{"field Timeout time.Duration", "Timeout specifies a time limit"}},
		{"byName|", []string{"var byName map[string]point = map[\"north"}},
		{"ints.Push|", []string{"Push(v int)"}},
		{"nope|", nil},
		{"|", nil},
		{"\"text|\"", nil},
	} {
		before, after, _ := strings.Cut(tc.code, "|")
		got := content[jupyter.InspectReplyContent](t, c.ask(jupyter.InspectRequest, jupyter.InspectRequestContent{Code: before + after, CursorPos: len([]rune(before))}))
		if got.Found != (tc.want != nil) {
			t.Errorf("inspect %q: found is %v: %s", tc.code, got.Found, got.Data["text/plain"])
			continue
		}
		for _, want := range tc.want {
			if s := text(t, got.Data); !strings.Contains(s, want) {
				t.Errorf("inspect %q: %s\nwants %s", tc.code, s, want)
			}
		}
	}
}

// A map is not read while code may write it: the runtime ends a process that does so.
func TestInspectMapThatIsWritten(t *testing.T) {
	c := startKernel(t)
	c.run("m := map[string]int{\"one\": 1}\nvar a any = m\ntype T struct{ m map[string]int }\nt := T{m}\nvar at any = t\ntype node struct{ name string; kids []node }\nvar tree any = node{\"root\", []node{{\"leaf\", nil}}}\nimport \"fmt\"")
	c.inspectUntil("m", "var m map[string]int = map[\"one\":1]")
	r := c.execute("fmt.Println(\"on\")\nfor i := 0; ; i++ { if i%1000 == 0 { clear(m) }; m[fmt.Sprint(i%1000)] = i }")
	c.expectRunning(r)
	c.expectStream("stdout", "on\n", r)
	for range 50 {
		for _, name := range []string{"m", "a", "t", "at"} {
			if got := c.inspectText(name); !strings.Contains(got, "not read while code runs") {
				t.Fatalf("while a cell runs, %s: %s", name, got)
			}
		}
		c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "m[\"", CursorPos: 3})
	}
	if got := c.inspectText("tree"); !strings.Contains(got, "leaf") {
		t.Errorf("what holds no map, while a cell runs: %s", got)
	}
	c.interrupted(r)
	// Nor while a goroutine of a cell that has ended lives.
	c.run("stop := make(chan bool)\ngo func() { for { select { case <-stop: return; default: m[\"x\"]++ } } }()")
	for range 50 {
		if got := c.inspectText("m"); !strings.Contains(got, "not read while code runs") {
			t.Fatalf("while a goroutine runs: %s", got)
		}
	}
	c.run("stop <- true")
	c.run("clear(m); m[\"two\"] = 2")
	c.inspectUntil("m", "var m map[string]int = map[\"two\":2]")
}

// The names of dot imports are completed and described, as cells have them.
func TestDotImportsAtTheCursor(t *testing.T) {
	c := startKernel(t)
	c.run(`import . "unicode/utf8"`)
	c.run("type RuneCounter int\nfunc RuneLen() {}")
	got := content[jupyter.CompleteReplyContent](t, c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "n := RuneCount", CursorPos: 14}))
	if want := []string{"RuneCount", "RuneCountInString", "RuneCounter"}; !slices.Equal(got.Matches, want) {
		t.Errorf("RuneCount is completed by %q, want %q", got.Matches, want)
	}
	for name, want := range map[string]string{"RuneCount": "number of runes", "RuneLen": "func RuneLen()"} {
		if text := c.inspectText(name); !strings.Contains(text, want) {
			t.Errorf("%s is described as %q, want %q in it", name, text, want)
		}
	}
}

func (c *client) inspectText(name string) string {
	c.t.Helper()
	return text(c.t, content[jupyter.InspectReplyContent](c.t, c.ask(jupyter.InspectRequest, jupyter.InspectRequestContent{Code: name, CursorPos: len(name)})).Data)
}

// inspectUntil inspects a name until its description begins as wanted: the goroutine of a
// cell may live a moment longer than the cell.
func (c *client) inspectUntil(name, want string) {
	c.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for got := ""; !strings.HasPrefix(got, want); {
		if got = c.inspectText(name); time.Now().After(deadline) {
			c.t.Fatalf("%s: %s, want %s", name, got, want)
		}
	}
}
