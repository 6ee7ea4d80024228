package front

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// CompileError is the ename of problems: what does not compile, and what the
// engine would run wrongly and is therefore not compiled.
const CompileError = "CompileError"

// Problem is why a cell cannot be run: an error of the language, or a form that
// the engine would run wrongly.
type Problem struct {
	Name    string // ename
	Message string // one line, without the position
	Cell    string // "cell[3]"
	Line    int    // from 1
	Column  int    // in bytes, from 1
	Excerpt []string
}

// Error gives "cell[3]:2:5: message".
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.Cell, p.Line, p.Column, p.Message)
}

// Problems are all problems of a cell, in the order of its text.
type Problems []*Problem

// Error gives the first problem and the number of others.
func (ps Problems) Error() string {
	if len(ps) == 1 {
		return ps[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", ps[0], len(ps)-1)
}

// Traceback gives every problem's line, and under it the line of the cell.
func (ps Problems) Traceback() []string {
	var out []string
	for _, p := range ps {
		out = append(out, p.Error())
		out = append(out, p.Excerpt...)
	}
	return out
}

func (s *source) problem(name string, line, col int, message string) Problems {
	return Problems{{Name: name, Message: message, Cell: s.name, Line: line, Column: col, Excerpt: excerpt(s.text, line, col)}}
}

// plainNames takes the suffixes out of a message that tell versions of a name
// apart, which users must not see.
func plainNames(msg string) string {
	if !strings.Contains(msg, suffixMark) {
		return msg
	}
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(msg, suffixMark)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		msg = strings.TrimLeft(after, "0123456789_")
	}
}

var enginePosition = regexp.MustCompile(`^(?:\S*?)cell\[\d+\]:(\d+):(\d+): (.*)$`)

// LoadProblem says why an engine could not load a unit, with the place where the
// engine names one.
func (s *Session) LoadProblem(u *Unit, err error) Problems {
	line, col, msg := 1, 1, strings.ReplaceAll(err.Error(), "\n", " ")
	if m := enginePosition.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
		col, _ = strconv.Atoi(m[2])
		msg = m[3]
	}
	line, col = u.source.clamp(line, col)
	return u.source.problem(CompileError, line, col, fmt.Sprintf("the %s engine cannot compile this Go: %s", s.engine.Name(), plainNames(msg)))
}
