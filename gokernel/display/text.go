package display

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// MaxText bounds the text of a value, in bytes.
const MaxText = 64 << 10

// maxDepth is how deep a value is written that has others in it, itself perhaps.
const maxDepth = 12

// Text writes a value as fmt's verb %+v does, but not much more than some bytes of it: what
// is longer, or too deep, ends with "…". Methods of the value are called; what they panic
// with is in the text.
func Text(v any, limit int) string { return TextOf(reflect.ValueOf(v), limit, nil) }

// TextOf is Text of what v holds. Methods are called of those types alone for which speaks
// gives true; nil is all.
func TextOf(v reflect.Value, limit int, speaks func(reflect.Type) bool) string {
	p := printer{limit: limit, speaks: speaks}
	p.value(v, 0)
	return p.b.String()
}

// Cut shortens a text to some bytes.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:max(limit, 0)], "") + "…"
}

type printer struct {
	b      strings.Builder
	limit  int
	speaks func(reflect.Type) bool
}

func (p *printer) text(s string) { p.b.WriteString(Cut(s, p.limit-p.b.Len())) }

func (p *printer) full() bool { return p.b.Len() >= p.limit }

func (p *printer) value(v reflect.Value, depth int) {
	if depth > maxDepth {
		p.b.WriteString("…")
		return
	}
	if v.IsValid() && v.Kind() != reflect.Interface && v.CanInterface() && (p.speaks == nil || p.speaks(v.Type())) {
		switch v := v.Interface().(type) {
		case fmt.Formatter, error, fmt.Stringer:
			p.text(fmt.Sprintf("%+v", v))
			return
		}
	}
	switch v.Kind() {
	case reflect.Invalid:
		p.b.WriteString("<nil>")
	case reflect.String:
		p.text(v.String())
	case reflect.Interface:
		p.value(v.Elem(), depth+1)
	case reflect.Pointer:
		switch v.Elem().Kind() {
		case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array:
			if depth == 0 {
				p.b.WriteByte('&')
				p.value(v.Elem(), depth+1)
				return
			}
		}
		if v.IsNil() {
			p.b.WriteString("<nil>")
			return
		}
		p.text(fmt.Sprintf("%#x", v.Pointer()))
	case reflect.Struct:
		p.all('{', '}', v.NumField(), func(i int) {
			p.b.WriteString(v.Type().Field(i).Name)
			p.b.WriteByte(':')
			p.value(v.Field(i), depth+1)
		})
	case reflect.Slice, reflect.Array:
		p.all('[', ']', v.Len(), func(i int) { p.value(v.Index(i), depth+1) })
	case reflect.Map:
		var keys []reflect.Value
		values := map[int]reflect.Value{} // by the key's number: a NaN cannot be looked up
		for it := v.MapRange(); len(keys) <= p.limit && it.Next(); {
			values[len(keys)] = it.Value()
			keys = append(keys, it.Key())
		}
		order := make([]int, len(keys))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return compare(keys[a], keys[b]) })
		p.b.WriteString("map")
		p.all('[', ']', len(order), func(i int) {
			p.value(keys[order[i]], depth+1)
			p.b.WriteByte(':')
			p.value(values[order[i]], depth+1)
		})
	default: // numbers, functions and channels
		p.text(fmt.Sprintf("%+v", v))
	}
}

// all writes n elements.
func (p *printer) all(open, end byte, n int, element func(i int)) {
	p.b.WriteByte(open)
	for i := range n {
		if i > 0 {
			p.b.WriteByte(' ')
		}
		if p.full() {
			p.b.WriteString("…")
			break
		}
		element(i)
	}
	p.b.WriteByte(end)
}
