package control

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"go.lsp.dev/uri"

	"github.com/reval-editor/reval/internal/hub"
	"github.com/reval-editor/reval/internal/session"
	"github.com/reval-editor/reval/internal/workspace"
	"github.com/reval-editor/reval/jupyter"
)

// maxRequest bounds a request, in bytes.
const maxRequest = 64 << 10

// Serve answers the one request of a connection about the sessions of a hub. It returns when
// that is answered, when the client is gone, or when ctx ends; name is what the client is
// called where others see who listens.
func Serve(ctx context.Context, conn io.ReadWriter, h *hub.Hub, name string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := bufio.NewReaderSize(io.LimitReader(conn, maxRequest), 4<<10)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read a request: %w", err)
	}
	go func() { // what follows is the connection's end
		_, _ = io.Copy(io.Discard, conn)
		cancel()
	}()
	out := json.NewEncoder(conn)
	out.SetEscapeHTML(false)
	answer := func(a Answer) error { return out.Encode(a) }
	var r Request
	if err := json.Unmarshal(line, &r); err != nil {
		return answer(Answer{Error: "the request does not fit: " + err.Error()})
	}
	if err := serve(ctx, h, r, name, answer); err != nil {
		return answer(Answer{Error: err.Error()})
	}
	return answer(Answer{Done: true})
}

func serve(ctx context.Context, h *hub.Hub, r Request, name string, answer func(Answer) error) error {
	if r.Do == Sessions {
		for _, s := range h.Sessions() {
			told := describe(s)
			if err := answer(Answer{Session: &told}); err != nil {
				return err
			}
		}
		return nil
	}
	if r.Do != Tail && r.Do != Stop {
		return fmt.Errorf("no such request: %q", r.Do)
	}
	s, err := find(h.Sessions(), r.Session)
	if err != nil {
		return err
	}
	if r.Do == Stop {
		h.End(ctx, s)
		return nil
	}
	t := newTail(s)
	listening := s.Listen(t, session.Client{ID: jupyter.NewID(), Name: name})
	defer func() {
		listening.Stop()
		h.Tidy()
	}()
	listening.Replay(func(e session.Evaluation) bool { return r.All || !e.State.Ended() })
	return t.run(ctx, answer)
}

// find finds the session that a name means.
func find(sessions []*hub.Session, name string) (*hub.Session, error) {
	var found []*hub.Session
	for _, s := range sessions {
		if strings.HasPrefix(s.ID, name) || s.Spec().Name == name || strings.Contains(s.Project.Folder, name) {
			found = append(found, s)
		}
	}
	switch {
	case len(sessions) == 0:
		return nil, fmt.Errorf("there is no session")
	case len(found) == 0:
		return nil, fmt.Errorf("no session is called %q: 'reval sessions' lists them", name)
	case len(found) > 1 && name == "":
		return nil, fmt.Errorf("there are %d sessions: name one that 'reval sessions' lists", len(found))
	case len(found) > 1:
		return nil, fmt.Errorf("%d sessions are meant by %q: name more of its id", len(found), name)
	}
	return found[0], nil
}

func describe(s *hub.Session) Session {
	spec, status := s.Spec(), s.Status()
	uris, evaluations := s.Documents()
	told := Session{
		ID: s.ID, Kernel: spec.Name, DisplayName: spec.DisplayName, Language: s.Language.ID, Folder: s.Project.Folder,
		PID: s.PID(), Environment: spec.Environment(), State: string(status.State), Message: status.Message, Queued: status.Queued,
		Clients: []string{}, Evaluations: evaluations, Files: []string{}, Used: s.Used(),
	}
	for _, u := range uris {
		if path := workspace.FilePath(uri.URI(u)); path != "" {
			told.Files = append(told.Files, path)
		}
	}
	for _, c := range s.Clients() {
		told.Clients = append(told.Clients, c.Name)
	}
	return told
}
