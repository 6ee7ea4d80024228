package gokernel

import (
	"strings"
	"testing"

	"github.com/reval-editor/reval/jupyter"
)

// Whatever a value is, the cell's answer is bounded, and the kernel lives.
func TestOddValues(t *testing.T) {
	c := startKernel(t)
	c.run("import (\"fmt\"; \"math\"; \"strings\"; \"image\"; \"image/color\")\ntype T struct { Name string; Next *T; Any any }\ntype Silent struct{}\nfunc (Silent) String() string { panic(\"no text\") }")
	for _, tc := range []struct{ code, want string }{
		{"m := map[string]any{}\nm[\"self\"] = m\nm", "value: map[\"self\":map["},
		{"s := make([]any, 1)\ns[0] = s\ns", "value: [["},
		{"t := &T{Name: \"a\"}\nt.Next, t.Any = t, t\nt", "value: &{Name:\"a\" Next:0x"},
		{"var a any\na = &a\na", "value: 0x"},
		{"deep := any(1)\nfor range 100000 { deep = []any{deep} }\ndeep", "value: [["},
		{"make([]int, 10_000_000)", "value: [0 0 "},
		{"strings.Repeat(\"ä\", 5_000_000)", "value: \"ää"},
		{"big := map[int]string{}\nfor i := range 100_000 { big[i] = \"v\" }\nbig", "value: map["},
		{"map[float64]int{math.NaN(): 1, 2: 2}", "value: map[NaN:1 2:2]\n"},
		{"[]Silent{{}}", "value: [{}]\n"},
		{"[]fmt.Stringer{nil}", "value: [nil]\n"},
		{"image.NewGray(image.Rectangle{})", "value: *image.Gray of 0 × 0 pixels"},
		{"image.NewUniform(color.Black)", "value: *image.Uniform of 2000000000 × 2000000000 pixels"},
		{"Silent{}", "panic:\npanic: no text\n"},
		{"panic(Silent{})", "panic:\npanic: %!v(PANIC=String method: no text)\n"},
		{"panic(m)", "panic:\npanic: map[self:map["},
		{"panic(strings.Repeat(\"p\", 10_000_000))", "panic:\npanic: pppp"},
		{"%whos", "value: Name "},
		{"1", "value: 1\n"},
	} {
		if got := c.run(tc.code); !strings.HasPrefix(got, tc.want) || len(got) > 100_000 {
			t.Errorf("%s\ngives %d bytes: %.300s\nwant %s", tc.code, len(got), got, tc.want)
		}
	}
}

// What a value says of itself is said by the cell's code: an interrupt ends it. Where a
// value is looked at aside, none of its code is called.
func TestInterruptOfAText(t *testing.T) {
	c := startKernel(t)
	c.run("import \"fmt\"\ntype Loop struct{}\nfunc (Loop) String() string { fmt.Println(\"on\"); for {} }\nvalues := []any{Loop{}}")
	for code, ename := range map[string]string{
		"values": "Interrupted", "map[string]Loop{\"a\": {}}": "Interrupted", "reval.Display(values)": "Interrupted", "Loop{}": "Interrupted",
		"panic(Loop{})": "panic",
	} {
		r := c.execute(code)
		c.expectRunning(r)
		c.expectStream("stdout", "on\n", r)
		i := c.send(c.control, jupyter.InterruptRequest, struct{}{})
		c.expect(c.control, jupyter.InterruptReply, i)
		if e := content[jupyter.ErrorContent](t, c.until(jupyter.ErrorMsg, r)); e.Name != ename {
			t.Errorf("%s: %+v", code, e)
		}
		c.until(jupyter.StatusMsg, r)
		c.expect(c.shell, jupyter.ExecuteReply, r)
		c.flush()
	}
	if got, want := c.run("%whos"), "value: Name    Type   Value\nLoop    type\nvalues  []any  [{}]\n"; got != want {
		t.Errorf("%%whos: %s", got)
	}
	asked := jupyter.InspectRequestContent{Code: "values", CursorPos: 3}
	if got := text(t, content[jupyter.InspectReplyContent](t, c.ask(jupyter.InspectRequest, asked)).Data); !strings.HasPrefix(got, "var values []any = [{}]\n") {
		t.Errorf("inspect: %s", got)
	}
}
