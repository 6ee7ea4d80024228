package display

import (
	"cmp"
	"fmt"
	"html"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a table.
const (
	maxRows    = 60
	maxColumns = 40
	maxText    = 120 // characters of one value
)

// Table gives an HTML table of a slice or array of structs, of pointers to them, of
// maps with string keys or of slices, and of a map with such values or of plain
// ones. Of long ones the first and the last rows are shown. ok is false for other
// values.
func Table(v any) (text string, ok bool) {
	r := indirect(reflect.ValueOf(v))
	var t table
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		if r.Len() == 0 || !isRow(r.Type().Elem(), r.Index(0)) {
			return "", false
		}
		t.total = r.Len()
		for i := range r.Len() {
			if t.wants(i) {
				t.add(strconv.Itoa(i), r.Index(i))
			}
		}
	case reflect.Map:
		if r.Len() == 0 {
			return "", false
		}
		keys := r.MapKeys()
		slices.SortFunc(keys, compare)
		t.total = len(keys)
		for i, k := range keys {
			if t.wants(i) {
				t.add(valueText(k), r.MapIndex(k))
			}
		}
	default:
		return "", false
	}
	return t.html(), true
}

type table struct {
	total   int
	columns []string
	rows    []row
}

type row struct {
	label  string
	values map[string]reflect.Value
}

// single is the column of values that have none.
const single = ""

// wants reports whether a row is among those that are shown.
func (t *table) wants(i int) bool {
	return t.total <= maxRows || i < maxRows/2 || i >= t.total-maxRows/2
}

func (t *table) add(label string, v reflect.Value) {
	r := row{label, map[string]reflect.Value{}}
	set := func(column string, v reflect.Value) {
		if !slices.Contains(t.columns, column) {
			if len(t.columns) == maxColumns {
				return
			}
			t.columns = append(t.columns, column)
		}
		r.values[column] = v
	}
	switch v = indirect(v); {
	case !v.IsValid():
	case v.Kind() == reflect.Struct && !speaks(v):
		for f, field := range v.Fields() {
			set(f.Name, field)
		}
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		keys := v.MapKeys()
		slices.SortFunc(keys, compare)
		for _, k := range keys {
			set(k.String(), v.MapIndex(k))
		}
	case isSequence(v.Type()):
		for i := range v.Len() {
			set(strconv.Itoa(i), v.Index(i))
		}
	default:
		set(single, v)
	}
	t.rows = append(t.rows, r)
}

func (t *table) html() string {
	var b strings.Builder
	b.WriteString("<table>\n<thead><tr><th></th>")
	for _, c := range t.columns {
		b.WriteString("<th>" + html.EscapeString(c) + "</th>")
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for i, r := range t.rows {
		if t.total > len(t.rows) && i == maxRows/2 {
			fmt.Fprintf(&b, "<tr><th>⋮</th><td colspan=\"%d\">%d more</td></tr>\n", max(len(t.columns), 1), t.total-len(t.rows))
		}
		b.WriteString("<tr><th>" + html.EscapeString(oneLine(r.label, maxText)) + "</th>")
		for _, c := range t.columns {
			v, ok := r.values[c]
			align := ""
			if ok && isNumber(v) {
				align = ` style="text-align: right"`
			}
			b.WriteString("<td" + align + ">")
			if ok {
				b.WriteString(html.EscapeString(oneLine(valueText(v), maxText)))
			}
			b.WriteString("</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table>")
	return b.String()
}

// isRow reports an element with columns of its own. Texts and bytes are no rows.
func isRow(t reflect.Type, first reflect.Value) bool {
	if t.Kind() == reflect.Interface {
		if first = first.Elem(); !first.IsValid() {
			return false
		}
		t = first.Type()
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		return !speaks(reflect.Zero(t)) && t.NumField() > 0
	case reflect.Map:
		return t.Key().Kind() == reflect.String
	}
	return isSequence(t)
}

func isSequence(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() != reflect.Uint8
}

// speaks reports a value that says itself in text, such as a time.Time.
func speaks(v reflect.Value) bool {
	t := v.Type()
	for _, i := range []reflect.Type{reflect.TypeFor[fmt.Stringer](), reflect.TypeFor[error]()} {
		if t.Implements(i) {
			return true
		}
	}
	return false
}

func indirect(v reflect.Value) reflect.Value {
	for depth := 0; depth < 4 && v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface); depth++ {
		if v.Kind() == reflect.Pointer && speaks(v) {
			return v
		}
		v = v.Elem()
	}
	return v
}

func isNumber(v reflect.Value) bool {
	v = indirect(v)
	return v.IsValid() && (v.CanInt() || v.CanUint() || v.CanFloat()) && !speaks(v)
}

// valueText gives a value in short. Fields that are not exported are read without
// their methods.
func valueText(v reflect.Value) string {
	if !v.IsValid() {
		return "nil"
	}
	if v.CanInterface() {
		return fmt.Sprintf("%+v", v.Interface())
	}
	return fmt.Sprintf("%+v", v)
}

// compare orders keys of a map.
func compare(a, b reflect.Value) int {
	a, b = indirect(a), indirect(b)
	switch {
	case a.Kind() != b.Kind():
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind() == reflect.String:
		return strings.Compare(a.String(), b.String())
	}
	return strings.Compare(valueText(a), valueText(b))
}
