package terminal

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reval-editor/reval/internal/control"
	"github.com/reval-editor/reval/internal/journal"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/record"
)

// History shows what was evaluated, and what came of it, the last at the end.
type History struct {
	Streams
	Dir string // the journal's
	// Folder is the folder of the sessions, or one above it; empty for all.
	Folder string
	// Limit is how many evaluations are shown.
	Limit int
	// JSON prints each as a line.
	JSON bool
}

// pastEvaluation is an evaluation as `reval history --json` tells it; the keys stay.
type pastEvaluation struct {
	control.Evaluation
	Session string         `json:"session"`
	Outputs []record.Entry `json:"outputs"`
}

// Do shows it.
func (h History) Do(ctx context.Context) error {
	if !journal.Exists(h.Dir) {
		if h.JSON {
			return nil
		}
		_, err := fmt.Fprintln(h.Out, "There is no history: it begins when an editor evaluates something.")
		return err
	}
	trouble := func(words string) { fmt.Fprintf(h.Err, "reval: %s\n", output.Line(words)) }
	j := journal.Open(journal.Options{Dir: h.Dir, MaxAge: -1, MaxBytes: -1, Trouble: trouble})
	defer j.Close()
	evaluations, err := j.Evaluations(ctx, journal.Query{Folder: h.Folder, Limit: h.Limit})
	if err != nil {
		return err
	}
	var failed error
	printer := newPrinter(func(err error) { failed = err })
	x := &tailing{page: newPage(h.Streams, printer), titles: map[string]string{}}
	for _, e := range slices.Backward(evaluations) {
		past := pastEvaluation{Session: e.Session, Evaluation: control.Evaluation{
			ID: e.ID, Client: e.Origin.Client, URI: e.Origin.URI, Line: e.Origin.Line, Code: e.Code, State: e.State,
			Count: e.Count, Started: e.Started, Ended: e.Ended, Message: e.Message,
		}}
		if past.Outputs, _, err = j.Outputs(ctx, e.ID, 0, 0); err != nil {
			break
		}
		if err = x.past(past, h.JSON); err != nil {
			break
		}
	}
	printer.close()
	if failed != nil {
		return fmt.Errorf("write the output: %w", failed)
	}
	return err
}

// past shows an evaluation and what came of it.
func (x *tailing) past(e pastEvaluation, asJSON bool) error {
	if asJSON {
		if e.Outputs == nil {
			e.Outputs = []record.Entry{}
		}
		line, err := json.Marshal(e)
		if err == nil {
			x.say(&x.out, escaped(string(line))+"\n")
		}
		return err
	}
	end := e.Evaluation
	begun := end
	begun.State = "running"
	if !begun.Started.IsZero() {
		begun.Client = strings.TrimPrefix(begun.Client+", ", ", ") + begun.Started.Local().Format(time.DateTime)
	}
	x.evaluation(begun)
	for _, o := range e.Outputs {
		x.output(e.ID, o)
	}
	if end.State != "running" && end.State != "queued" {
		x.evaluation(end)
	}
	return nil
}

// HistoryClear removes what was kept of evaluations.
type HistoryClear struct {
	Dir string // the journal's
	// Before is the time before which they ended; zero for all.
	Before time.Time
	// Folder is the folder of their sessions, or one above it; empty for all.
	Folder string
}

// ParseHistoryClear reads what a command line says: a day, a time or an age, and a folder.
func ParseHistoryClear(dir, before, folder string) (HistoryClear, error) {
	c := HistoryClear{Dir: dir}
	var err error
	if before != "" {
		if c.Before, err = moment(before, time.Now()); err != nil {
			return c, err
		}
	}
	if folder != "" {
		if c.Folder, err = filepath.Abs(folder); err != nil {
			return c, fmt.Errorf("find the folder: %w", err)
		}
	}
	return c, nil
}

// moment is the time that a day (its beginning), a time, or an age names.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", time.DateTime, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.Atoi(number); err == nil && days >= 0 {
			return now.AddDate(0, 0, -days), nil
		}
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	return time.Time{}, fmt.Errorf("%q is no day (2026-11-30), time (2026-11-30T12:00) or age (30d, 12h)", text)
}

// Do removes it, and says on Out how much that was.
func (c HistoryClear) Do(ctx context.Context, s Streams) error {
	cleared, err := journal.Clear(ctx, c.Dir, c.Before, c.Folder)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "removed: %s, %s\n", count(cleared.Evaluations, "evaluation"), count(cleared.Sessions, "session"))
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
