package gokernel

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/reval-editor/reval/jupyter"
)

// shell runs executions one after the other: the main shell, or a subshell (JEP 91),
// whose executions run beside it.
type shell struct {
	id    string // "" is the main shell's
	queue *queue
}

// shells are those that there are.
type shells struct {
	mu     sync.Mutex
	m      map[string]*shell // by id
	closed bool
}

func (s *shells) get(id string) *shell {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[id]
}

// add gives a new subshell; nil after close.
func (s *shells) add() *shell {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	sh := &shell{id: jupyter.NewID(), queue: newQueue()}
	s.m[sh.id] = sh
	return sh
}

// remove takes a subshell out; nil if there is none of this id.
func (s *shells) remove(id string) *shell {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.m[id]
	if id == "" || sh == nil {
		return nil
	}
	delete(s.m, id)
	return sh
}

// ids gives the ids of the subshells, sorted.
func (s *shells) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for id := range s.m {
		if id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *shells) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, sh := range s.m {
		sh.queue.close()
	}
}

// createSubshell answers create_subshell_request.
func (k *kernel) createSubshell(ctx context.Context) any {
	if !k.space.Load().engine.Concurrent() {
		return failure(fmt.Sprintf("the engine %s runs one cell at a time", k.space.Load().engine.Name()))
	}
	sh := k.shells.add()
	if sh == nil {
		return failure("the kernel is shutting down")
	}
	k.start(func() { k.execute(ctx, sh) })
	return jupyter.CreateSubshellReplyContent{Status: jupyter.StatusOK, SubshellID: sh.id}
}

// deleteSubshell answers delete_subshell_request. What runs there comes to its end,
// what waits is aborted.
func (k *kernel) deleteSubshell(r jupyter.DeleteSubshellRequestContent) any {
	sh := k.shells.remove(r.SubshellID)
	if sh == nil {
		return failure(fmt.Sprintf("there is no subshell %q", r.SubshellID))
	}
	waiting := sh.queue.drain()
	sh.queue.close()
	for _, m := range waiting {
		k.abort(m)
	}
	return jupyter.StatusReplyContent{Status: jupyter.StatusOK}
}

// listSubshells answers list_subshell_request.
func (k *kernel) listSubshells() any {
	return jupyter.ListSubshellReplyContent{Status: jupyter.StatusOK, SubshellIDs: k.shells.ids()}
}
