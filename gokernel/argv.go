package gokernel

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/reval-editor/reval/gokernel/display"
	"github.com/reval-editor/reval/gokernel/magic"
)

// ownName is the process's own name, whatever os.Args are made.
var ownName = os.Args[0]

// setArguments makes os.Args a program's, and package flag that of a program which has
// just been started: whoever evaluates a program again defines its flags again.
func setArguments(argv []string) {
	os.Args = argv
	flag.CommandLine = flag.NewFlagSet(argv[0], flag.ExitOnError)
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Usage of %s:\n", os.Args[0])
		flag.PrintDefaults()
	}
	flag.CommandLine.Usage = func() { flag.Usage() }
}

// magicArgv is for programs: a client that evaluates a whole file tells its name.
func (k *kernel) magicArgv(_ *cell, p magic.Part) (display.Bundle, error) {
	if k.host != nil {
		return nil, errors.New("%argv: os.Args are those of the program that this kernel is part of")
	}
	argv, err := argumentWords(p.Args)
	if err != nil {
		return nil, err
	}
	if len(argv) == 0 {
		argv = []string{ownName}
	}
	setArguments(argv)
	return nil, nil
}

// argumentWords splits a line at blanks. A word may be a string of Go.
func argumentWords(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" {
			return words, nil
		}
		word, rest := line, ""
		if quoted, err := strconv.QuotedPrefix(line); err == nil {
			word, rest = quoted, line[len(quoted):]
			if word, err = strconv.Unquote(quoted); err != nil {
				return nil, fmt.Errorf("%%argv: %s is no text: write it as in Go", quoted)
			}
		} else if line[0] == '"' || line[0] == '`' {
			return nil, fmt.Errorf("%%argv: the text that begins with %.20s has no end: write it as in Go", line)
		} else if i := strings.IndexFunc(line, unicode.IsSpace); i >= 0 {
			word, rest = line[:i], line[i:]
		}
		words, line = append(words, word), rest
	}
}
