package lsp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/session"
)

// request is one workspace/executeCommand.
type request struct {
	argument []byte
	token    protocol.ProgressToken
}

// commands says what runs each command. A function that waits for a kernel calls
// async first.
var commands = map[string]func(*Server, context.Context, request) (any, error){
	CommandEvaluate: func(s *Server, ctx context.Context, r request) (any, error) {
		p, err := parse[EvaluateParams](r)
		if err != nil {
			return nil, err
		}
		return s.evaluate(ctx, p, r.token)
	},
	CommandInterrupt:    controlCommand((*session.Session).Interrupt),
	CommandRestart:      controlCommand((*session.Session).Restart),
	CommandShutdown:     controlCommand((*session.Session).Shutdown),
	CommandRestore:      command((*Server).restore),
	CommandQueue:        quick((*Server).waiting),
	CommandMove:         quick((*Server).move),
	CommandCancel:       command((*Server).cancelEvaluation),
	CommandSelectKernel: command((*Server).selectKernel),
	CommandKernels:      command((*Server).kernels),
	CommandInspect:      command((*Server).inspect),
	CommandState:        quick((*Server).state),
	CommandClear:        quick((*Server).clear),
	CommandOutput:       quick((*Server).outputs),
	CommandCells:        quick((*Server).cells),
	CommandPlace:        quick((*Server).placeNow),
	CommandEvaluations:  quick((*Server).evaluations),
}

func command[P any](f func(*Server, context.Context, P) (any, error)) func(*Server, context.Context, request) (any, error) {
	return func(s *Server, ctx context.Context, r request) (any, error) {
		p, err := parse[P](r)
		if err != nil {
			return nil, err
		}
		return f(s, ctx, p)
	}
}

func quick[P any](f func(*Server, P) (any, error)) func(*Server, context.Context, request) (any, error) {
	return command(func(s *Server, _ context.Context, p P) (any, error) { return f(s, p) })
}

func controlCommand(f func(*session.Session) session.Rest) func(*Server, context.Context, request) (any, error) {
	return command(func(s *Server, ctx context.Context, p DocumentParams) (any, error) { return s.control(ctx, p, f) })
}

func commandNames() []string {
	var names []string
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func parse[P any](r request) (P, error) {
	var p P
	if err := unmarshal(r.argument, &p); err != nil {
		return p, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "the argument does not fit: %v", err)
	}
	return p, nil
}

func unmarshal(data []byte, v any) error {
	if len(data) == 0 {
		return errors.New("it is missing")
	}
	return protocol.Unmarshal(data, v)
}

// ExecuteCommand runs one of the commands.
func (s *Server) ExecuteCommand(ctx context.Context, p *protocol.ExecuteCommandParams) (protocol.LSPAny, error) {
	run := commands[p.Command]
	if run == nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "no command %q", p.Command)
	}
	if len(p.Arguments) != 1 {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s takes one object, not %d arguments", p.Command, len(p.Arguments))
	}
	answer, err := run(s, ctx, request{argument: p.Arguments[0], token: p.WorkDoneToken})
	if err != nil {
		return nil, asError(err)
	}
	if answer == nil {
		return protocol.LSPAny("null"), nil
	}
	data, err := protocol.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("%s: encode the answer: %w", p.Command, err)
	}
	return data, nil
}

// asError gives an error the code of a request that failed, unless it has one.
func asError(err error) error {
	if errors.Is(err, context.Canceled) {
		return protocol.ErrRequestCancelled
	}
	var coded *jsonrpc2.Error
	if errors.As(err, &coded) {
		return coded
	}
	return jsonrpc2.Errorf(requestFailed, "%v", err)
}

// state answers reval.state.
func (s *Server) state(p DocumentParams) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(p.URI)
	if err != nil {
		return nil, err
	}
	return d.session.state(), nil
}

// requestFailed is LSP's code for a request that is right but could not be done.
const requestFailed jsonrpc2.Code = -32803
