package session

import (
	"github.com/reval-editor/reval/kernelclient"
)

// A kernel's question goes to the client that asked for the evaluation, and to all if that
// one is gone, also if it goes before it has answered. Who answers first is heard.

// question is a request for a line of input that was not answered; Session.telling guards it.
type question struct {
	id     string // of the evaluation
	client string
	tell   func(Listener)

	prompt   string
	password bool
}

// ask tells a question.
func (s *Session) ask(id string, r kernelclient.InputRequest) {
	defer s.asked()
	s.telling.Lock()
	defer s.telling.Unlock()
	q := &question{id: id, prompt: r.Prompt, password: r.Password}
	if k := s.records.byID[id]; k != nil {
		q.client = k.evaluation.Origin.Client
	}
	reply := r.Reply
	r.Reply = func(value string) error {
		s.answered(q)
		return reply(value)
	}
	q.tell = func(l Listener) { l.InputRequested(id, r) }
	s.question = q
	s.putQuestion()
}

// putQuestion tells the open question to whom it is for; telling is held.
func (s *Session) putQuestion() {
	for _, g := range s.askedOf() {
		g.put(telling{tell: s.question.tell})
	}
}

// askedOf are the listeners that the open question is for; telling is held.
func (s *Session) askedOf() []*Listening {
	for _, g := range s.listeners {
		if g.client.ID == s.question.client {
			return []*Listening{g}
		}
	}
	return s.listeners
}

// answered has nobody asked a question any more that one client has answered.
func (s *Session) answered(q *question) {
	defer s.asked()
	s.telling.Lock()
	defer s.telling.Unlock()
	if s.question == q {
		s.question = nil
		s.tell(0, func(l Listener) { l.InputVoid(q.id) })
	}
}

// void tells that what an evaluation asked will not be heard.
func (s *Session) void(id string) {
	defer s.asked()
	s.telling.Lock()
	defer s.telling.Unlock()
	s.question = nil
	s.tell(0, func(l Listener) { l.InputVoid(id) })
}
