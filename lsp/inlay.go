package lsp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/internal/session"
)

// InlayHint shows results beside the code in a client without a plugin, which
// shows them its own way.
func (s *Server) InlayHint(_ context.Context, p *protocol.InlayHintParams) ([]protocol.InlayHint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(string(p.TextDocument.URI))
	if err != nil {
		return nil, err
	}
	hints := []protocol.InlayHint{}
	if s.client.reval {
		return hints, nil
	}
	asked := fromRange(p.Range)
	pad := true
	for _, a := range d.Touching(asked) {
		r := d.anchored[a]
		if r == nil {
			continue
		}
		line := lastLine(a.Range())
		label := r.label()
		if label == "" || line < asked.Start.Line || line > asked.End.Line {
			continue
		}
		hint := protocol.InlayHint{
			Position: toPosition(document.Position{Line: line, Character: d.LineLength(line)}),
			Label:    protocol.String(oneLine(label)), PaddingLeft: &pad,
		}
		if text := r.transcript(); text != "" {
			hint.Tooltip = protocol.String(text)
		}
		hints = append(hints, hint)
	}
	return hints, nil
}

// label is a result in one line: the first line of its value, a tick and the time
// it took if it has none, or its error.
func (r *result) label() string {
	var label string
	switch r.eval.State {
	case session.Done:
		label = "✓ " + duration(r.elapsed())
		if sum := r.summary(); sum.Kind != "none" {
			label = sum.Text
		}
	case session.Failed:
		if r.failure == nil {
			return ""
		}
		label = "✗ " + r.failure.line()
	case session.Lost, session.Cancelled:
		label = "✗ " + r.eval.Message
	default:
		return ""
	}
	switch {
	case r.stale, r.doc.doubtful:
		label += " (stale)"
	case r.past():
		label += " (earlier kernel)"
	}
	return label
}

// duration writes a time for people.
func duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// maxTooltip bounds the output that a tooltip or hover shows, in bytes.
const maxTooltip = 4 << 10

// transcript is the end of what an evaluation brought, as plain text.
func (r *result) transcript() string {
	var pieces []string
	size := 0
	for text := range r.outputs.Ends(maxTooltip + 1) {
		if size > maxTooltip {
			break
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		size += len(text)
		pieces = append(pieces, text)
	}
	slices.Reverse(pieces)
	text := strings.TrimRight(strings.Join(pieces, ""), "\n")
	if n := len(text) - maxTooltip; n > 0 {
		if end := strings.IndexByte(text[n:], '\n'); end >= 0 {
			n += end + 1
		}
		text = "…\n" + strings.ToValidUTF8(text[n:], "")
	}
	return output.Clean(text)
}
