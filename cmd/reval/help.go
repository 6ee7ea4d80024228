package main

import (
	"context"
	"fmt"
	"strings"
)

const introduction = `reval joins any editor to a live kernel: send a region, and its value, output,
pictures and errors come back into the buffer while they happen.

usage: reval COMMAND [ARGUMENTS]

`

// details says more of a command than its summary.
var details = map[string]string{
	"lsp": `Editors start this; see the README for each editor's settings. Standard input
and output carry the protocol; what goes wrong is told on standard error.

  --standalone  serve in this process (there is no other way yet)
  --log FILE    append a log of everything to FILE; it may contain code and output
`,
	"kernel go": `Clients start this, as any Jupyter kernel: it binds the five ports of the
connection file on loopback and serves until it is shut down.
`,
}

func usage(c *command) string {
	var b strings.Builder
	if c == nil || c.name == "help" {
		b.WriteString(introduction)
		for _, c := range commands {
			fmt.Fprintf(&b, "  %-10s  %s\n", c.name, c.summary)
		}
		b.WriteString("\n`reval help COMMAND` explains one.\n")
		return b.String()
	}
	fmt.Fprintf(&b, "usage: reval %s %s\n\n%s.\n", c.name, c.args, strings.ToUpper(c.summary[:1])+c.summary[1:])
	if d := details[c.name]; d != "" {
		b.WriteString("\n" + d)
	}
	return b.String()
}

func runHelp(_ context.Context, env environment, args []string) error {
	var c *command
	if len(args) > 0 {
		var err error
		if c, _, err = find(args); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(env.stdout, usage(c))
	return err
}
