package terminal

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/reval-editor/reval/internal/control"
	"github.com/reval-editor/reval/internal/output"
)

// Sessions lists on Out the sessions of who answers on conn, as a table or as JSON. A nil
// conn has none.
func Sessions(s Streams, conn io.ReadWriter, asJSON bool) error {
	sessions := []control.Session{}
	if conn != nil {
		err := control.Ask(conn, control.Request{Do: control.Sessions}, func(a control.Answer) error {
			sessions = append(sessions, *a.Session)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if asJSON {
		return writeJSON(s.Out, sessions)
	}
	if len(sessions) == 0 {
		_, err := fmt.Fprintln(s.Out, "There is no session: one begins when an editor evaluates something.")
		return err
	}
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tKERNEL\tSTATE\tWAITING\tLAST USED\tJOINED BY\tFOLDER")
	for _, n := range sessions {
		used := "-"
		if !n.Used.IsZero() {
			used = n.Used.Local().Format(time.DateTime)
		}
		kernel := n.Kernel
		if kernel == "" {
			kernel = n.Language
		}
		fmt.Fprintf(t, "%.8s\t%s\t%s\t%d\t%s\t%s\t%s\n", output.Line(n.ID), output.Line(kernel), output.Line(n.State), n.Queued, used,
			orDash(output.Line(strings.Join(n.Clients, ", "))), output.Line(n.Folder))
	}
	return t.Flush()
}

// StopSession ends the session that a name means, and the kernel that was started for it.
func StopSession(conn io.ReadWriter, name string) error {
	return control.Ask(conn, control.Request{Do: control.Stop, Session: name}, func(control.Answer) error { return nil })
}
