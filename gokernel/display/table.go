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
		t.total = r.Len()
		for _, e := range shownEntries(r) {
			t.add(valueText(e.key), e.value)
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

type entry struct{ key, value reflect.Value }

// shownEntries gives those of a map that are shown, in the order of their keys.
func shownEntries(m reflect.Value) []entry {
	up := func(a, b entry) int { return compare(a.key, b.key) }
	down := func(a, b entry) int { return compare(b.key, a.key) }
	most := maxRows
	if m.Len() > maxRows {
		most = maxRows / 2
	}
	var first, last []entry
	for it := m.MapRange(); it.Next(); {
		e := entry{it.Key(), it.Value()}
		first = keepLeast(first, e, most, up)
		if m.Len() > maxRows {
			last = keepLeast(last, e, most, down)
		}
	}
	slices.Reverse(last)
	return append(first, last...)
}

// keepLeast adds an entry to the n least, which are sorted.
func keepLeast(least []entry, e entry, n int, compare func(a, b entry) int) []entry {
	if len(least) == n && compare(e, least[n-1]) >= 0 {
		return least
	}
	i, _ := slices.BinarySearchFunc(least, e, compare)
	least = slices.Insert(least, i, e)
	return least[:min(len(least), n)]
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
	b.WriteString("<table>\n")
	align := map[string]string{}
	for _, c := range t.columns {
		align[c] = t.align(c)
	}
	if !slices.Equal(t.columns, []string{single}) {
		b.WriteString("<thead><tr><th></th>")
		for _, c := range t.columns {
			b.WriteString("<th" + align[c] + ">" + html.EscapeString(c) + "</th>")
		}
		b.WriteString("</tr></thead>\n")
	}
	b.WriteString("<tbody>\n")
	for i, r := range t.rows {
		if t.total > len(t.rows) && i == maxRows/2 {
			fmt.Fprintf(&b, "<tr><th>⋮</th><td colspan=\"%d\">%d more</td></tr>\n", max(len(t.columns), 1), t.total-len(t.rows))
		}
		b.WriteString("<tr><th>" + html.EscapeString(oneLine(r.label, maxText)) + "</th>")
		for _, c := range t.columns {
			b.WriteString("<td" + align[c] + ">")
			if v, ok := r.values[c]; ok {
				b.WriteString(html.EscapeString(oneLine(valueText(v), maxText)))
			}
			b.WriteString("</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table>")
	return b.String()
}

// align gives the attribute of a column's cells: numbers stand to the right.
func (t *table) align(column string) string {
	for _, r := range t.rows {
		if v, ok := r.values[column]; ok && !isNumber(v) {
			return ` style="text-align: left"`
		}
	}
	return ` style="text-align: right"`
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
	return TextOf(v, 8*maxText, nil) // of which spaces are left out
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
