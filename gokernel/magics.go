package gokernel

import (
	"errors"
	"fmt"
	"go/types"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/reval-editor/reval/gokernel/display"
	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/magic"
	"github.com/reval-editor/reval/jupyter"
)

// builtinMagic is a magic that the kernel has. A line magic has no body.
type builtinMagic struct {
	name  string
	usage string // what follows the name
	doc   string
	cell  bool // it can be %%name
	run   func(k *kernel, c *cell, p magic.Part) (display.Bundle, error)
}

// builtinMagics are the magics, in the order of their names.
var builtinMagics []builtinMagic

func init() {
	builtinMagics = []builtinMagic{
		{"argv", "[PROGRAM [ARGUMENT...]]", "makes os.Args a program's, whose flags are not defined yet; without one, as at the kernel's start", false, (*kernel).magicArgv},
		{"bash", "[ARGUMENTS]", "runs the lines below by bash; it must be %%bash", true, (*kernel).magicBash},
		{"cd", "[FOLDER]", "changes the working folder, to the home folder without one", false, (*kernel).magicCd},
		{"env", "[NAME[=VALUE]]", "shows or sets variables of the environment", false, (*kernel).magicEnv},
		{"history", "[FIRST-LAST] [-g PATTERN] [-o]", "shows what was executed: in this session, or, with -g, in all whose text matches the pattern, in which * is any text; -o shows values too", false, (*kernel).magicHistory},
		{"load", "FILE", "makes the text of a file the next cell", false, (*kernel).magicLoad},
		{"lsmagic", "", "lists the magics", false, (*kernel).magicList},
		{"pwd", "", "shows the working folder", false, (*kernel).magicPwd},
		{"reset", "", "forgets all names and values; goroutines go on", false, (*kernel).magicReset},
		{"save", "FILE [FIRST-LAST]", "writes the Go code of this session's cells into a new file", false, (*kernel).magicSave},
		{"time", "CODE", "evaluates code and tells how long it took", true, (*kernel).magicTime},
		{"timeit", "CODE", "evaluates code many times and tells how long one takes", true, (*kernel).magicTimeit},
		{"who", "", "lists the names of the session", false, (*kernel).magicWho},
		{"whos", "", "lists the names of the session with types and values", false, (*kernel).magicWhos},
	}
}

func builtin(name string) (builtinMagic, bool) {
	i := slices.IndexFunc(builtinMagics, func(m builtinMagic) bool { return m.name == name })
	if i < 0 {
		return builtinMagic{}, false
	}
	return builtinMagics[i], true
}

// magics are those that cells have added.
type magics struct {
	mu sync.Mutex
	m  map[string]reflect.Value
}

// add makes a function a magic: one of at most two texts, which are the arguments
// and the lines below.
func (ms *magics) add(name string, f any) {
	v := reflect.ValueOf(f)
	if !v.IsValid() || v.Kind() != reflect.Func || v.IsNil() || v.Type().NumIn() > 2 || v.Type().IsVariadic() {
		panic(fmt.Errorf("reval.Magic %q: a %T is no function of at most two strings", name, f))
	}
	for in := range v.Type().Ins() {
		if in.Kind() != reflect.String {
			panic(fmt.Errorf("reval.Magic %q: a %T is no function of at most two strings", name, f))
		}
	}
	if parts := magic.Split("%"+name, nil); len(parts) != 1 || parts[0].Kind != magic.Line || parts[0].Name != name {
		panic(fmt.Errorf("reval.Magic %q: this is no name", name))
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.m == nil {
		ms.m = map[string]reflect.Value{}
	}
	ms.m[name] = v
}

func (ms *magics) get(name string) (reflect.Value, bool) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	v, ok := ms.m[name]
	return v, ok
}

func (ms *magics) names() []string {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return slices.Sorted(maps.Keys(ms.m))
}

func (ms *magics) clear() {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.m = nil
}

// command runs a part of a cell that is no Go.
func (k *kernel) command(c *cell, p magic.Part) (display.Bundle, *jupyter.ErrorContent) {
	var b display.Bundle
	var err error
	switch p.Kind {
	case magic.Shell:
		err = k.shellCommand(c, p.Text)
	case magic.Help:
		err = k.help(c, p)
	default:
		b, err = k.magic(c, p)
	}
	if err == nil {
		return b, nil
	}
	if f := (*failedCode)(nil); errors.As(err, &f) {
		return nil, f.content
	}
	return nil, k.errorContent(c.ctx, err)
}

// failedCode is the error of Go code that a magic evaluates.
type failedCode struct{ content *jupyter.ErrorContent }

func (f *failedCode) Error() string { return f.content.Value }

func (k *kernel) magic(c *cell, p magic.Part) (display.Bundle, error) {
	mark := "%"
	if p.Kind == magic.Cell {
		mark = "%%"
	}
	if f, ok := k.magics.get(p.Name); ok {
		return k.callMagic(c, f, p)
	}
	m, ok := builtin(p.Name)
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no magic %s%s: %%lsmagic lists them", mark, p.Name)
	case p.Kind == magic.Cell && !m.cell:
		return nil, fmt.Errorf("%%%%%s: this magic takes no lines: write %%%s", p.Name, p.Name)
	}
	return m.run(k, c, p)
}

// callMagic calls a magic of the user's. It is the cell's code.
func (k *kernel) callMagic(c *cell, f reflect.Value, p magic.Part) (b display.Bundle, err error) {
	var in []reflect.Value
	for i, text := range []string{p.Args, p.Text} {
		if i < f.Type().NumIn() {
			in = append(in, reflect.ValueOf(text).Convert(f.Type().In(i)))
		}
	}
	n := k.space.Load()
	var out []reflect.Value
	if err := n.engine.Do(c.ctx, func() { out = f.Call(in) }); err != nil {
		return nil, err
	}
	for _, v := range out {
		v = n.engine.Dynamic(v)
		if !v.IsValid() || !v.CanInterface() || isNil(v) {
			continue
		}
		if failed, ok := v.Interface().(error); ok {
			return nil, failed
		}
		if b == nil {
			if b, err = rich(c, n, v.Interface(), display.TextOf(v, display.MaxText, nil)); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

// help pages the description of a name or a magic.
func (k *kernel) help(c *cell, p magic.Part) error {
	var b display.Bundle
	if name := strings.TrimLeft(p.Name, "%"); name != p.Name {
		text, ok := k.magicHelp(name)
		if !ok {
			return fmt.Errorf("there is no magic %s: %%lsmagic lists them", p.Name)
		}
		b = display.Bundle{"text/plain": text}
	} else {
		d, ok := k.space.Load().Inspect(p.Name, utf8.RuneCountInString(p.Name))
		if !ok {
			return fmt.Errorf("nothing is known of %s", p.Name)
		}
		detail := 0
		if p.Detail {
			detail = 1
		}
		b = describeBundle(d, detail)
	}
	data, err := b.Encode()
	if err != nil {
		return err
	}
	c.pay(map[string]any{"source": "page", "data": data, "start": 0})
	return nil
}

func (k *kernel) magicHelp(name string) (string, bool) {
	if m, ok := builtin(name); ok {
		mark := "%"
		if m.name == "bash" {
			mark = "%%"
		}
		return strings.TrimSpace(mark+m.name+" "+m.usage) + "\n\n%" + m.name + " " + m.doc + ".", true
	}
	if f, ok := k.magics.get(name); ok {
		return "%" + name + ", a magic of this session: " + f.Type().String(), true
	}
	return "", false
}

// completions completes magics, too.
func (k *kernel) completions(code string, cursor int) (found []front.Candidate, start, end int) {
	runes := []rune(code)
	cursor = min(max(cursor, 0), len(runes))
	line := cursor
	for line > 0 && runes[line-1] != '\n' {
		line--
	}
	typed := strings.TrimLeft(string(runes[line:cursor]), " \t")
	name := strings.TrimPrefix(strings.TrimPrefix(typed, "%"), "%")
	if name == typed || strings.ContainsAny(name, " %") {
		return k.space.Load().Complete(k.goText(code), cursor)
	}
	for _, m := range builtinMagics {
		found = append(found, front.Candidate{Name: m.name, Kind: "magic", Signature: m.usage})
	}
	for _, own := range k.magics.names() {
		found = append(found, front.Candidate{Name: own, Kind: "magic"})
	}
	found = slices.DeleteFunc(found, func(c front.Candidate) bool { return !strings.HasPrefix(c.Name, name) })
	return found, cursor - len([]rune(name)), cursor
}

// isComplete tells whether a cell is whole. A magic with lines below ends with an
// empty one.
func (k *kernel) isComplete(code string) (status, indent string) {
	parts := k.parts(code)
	if len(parts) == 0 {
		return front.IsComplete(code)
	}
	switch last := parts[len(parts)-1]; last.Kind {
	case magic.Go:
		return front.IsComplete(last.Text)
	case magic.Cell:
		if !strings.HasSuffix(code, "\n\n") && !strings.HasSuffix(strings.TrimRight(code, " \t"), "\n") {
			return "incomplete", ""
		}
	}
	return "complete", ""
}

// whosRow is a name of the session.
type whosRow struct{ name, Type, Value string }

// names lists the names of the session.
func (k *kernel) names(values bool) []whosRow {
	n := k.space.Load()
	var rows []whosRow
	for _, b := range n.Bindings() {
		row := whosRow{name: b.Name, Type: front.TypeText(b.Object.Type())}
		switch o := b.Object.(type) {
		case *types.TypeName:
			row.Type = "type"
		case *types.Const:
			row.Value = o.Val().String()
		case *types.Var:
			if v, ok := n.engine.Value(b.Engine); ok && values {
				row.Value = n.LiveText(o.Type(), v, maxListed)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// maxListed bounds a value in a list, in bytes.
const maxListed = 80

func (k *kernel) magicWho(c *cell, _ magic.Part) (display.Bundle, error) {
	var names []string
	for _, r := range k.names(false) {
		names = append(names, r.name)
	}
	fmt.Fprintln(k.streams.writer("stdout"), strings.Join(names, " "))
	return nil, nil
}

func (k *kernel) magicWhos(c *cell, _ magic.Part) (display.Bundle, error) {
	rows := k.names(true)
	wide := [2]int{4, 4}
	for _, r := range rows {
		wide[0] = max(wide[0], utf8.RuneCountInString(r.name))
		wide[1] = max(wide[1], utf8.RuneCountInString(r.Type))
	}
	var text strings.Builder
	for _, r := range append([]whosRow{{"Name", "Type", "Value"}}, rows...) {
		text.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  %-*s  %s", wide[0], r.name, wide[1], r.Type, r.Value), " ") + "\n")
	}
	b := display.Bundle{"text/plain": strings.TrimSuffix(text.String(), "\n")}
	table := map[string]struct{ Type, Value string }{}
	for _, r := range rows {
		table[r.name] = struct{ Type, Value string }{r.Type, r.Value}
	}
	if html, ok := display.Table(table); ok {
		b["text/html"] = html
	}
	return b, nil
}

func (k *kernel) magicReset(c *cell, _ magic.Part) (display.Bundle, error) {
	k.comms.clear()
	return nil, k.reset()
}

func (k *kernel) magicList(c *cell, _ magic.Part) (display.Bundle, error) {
	var text strings.Builder
	for _, m := range builtinMagics {
		mark := "%"
		if m.name == "bash" {
			mark = "%%"
		}
		fmt.Fprintf(&text, "%-46s %s\n", strings.TrimSpace(mark+m.name+" "+m.usage), m.doc)
	}
	for _, name := range k.magics.names() {
		fmt.Fprintf(&text, "%%%-45s %s\n", name, "of this session")
	}
	text.WriteString("!COMMAND" + strings.Repeat(" ", 39) + "runs a command of the shell\n")
	text.WriteString("?NAME, NAME?" + strings.Repeat(" ", 35) + "shows what a name means; NAME?? its source too")
	return display.Bundle{"text/plain": text.String()}, nil
}
