package lsp

import (
	"context"
	"slices"

	"go.lsp.dev/protocol"
)

// CodeAction offers to evaluate what is selected, or what is around the cursor.
func (s *Server) CodeAction(_ context.Context, p *protocol.CodeActionParams) ([]protocol.CommandOrCodeAction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.lookup(string(p.TextDocument.URI))
	if err != nil {
		return nil, err
	}
	var actions []protocol.CommandOrCodeAction
	offer := func(title, command string, argument any) error {
		data, err := protocol.Marshal(argument)
		if err != nil {
			return err
		}
		kind := protocol.CodeActionKind("source.reval")
		wanted := func(only protocol.CodeActionKind) bool { return only == kind || only == "source" || only == "" }
		if len(p.Context.Only) > 0 && !slices.ContainsFunc(p.Context.Only, wanted) {
			return nil
		}
		actions = append(actions, &protocol.CodeAction{
			Title: title, Kind: &kind,
			Command: protocol.Command{Title: title, Command: command, Arguments: []protocol.LSPAny{data}},
		})
		return nil
	}
	evaluate := func(title string, e EvaluateParams) error {
		e.URI = d.uri
		if !d.canBeRun(int(p.Range.Start.Line)) {
			return nil
		}
		if _, err := d.regions(e); err != nil {
			return nil // there is nothing to evaluate
		}
		return offer(title, CommandEvaluate, e)
	}
	at := p.Range.Start
	title := "Evaluate selection"
	selection := EvaluateParams{Range: &p.Range}
	if p.Range.Start == p.Range.End {
		title, selection = "Evaluate line", EvaluateParams{Unit: unitLine, Position: &at}
	}
	for _, err := range []error{
		evaluate(title, selection),
		evaluate("Evaluate cell", EvaluateParams{Unit: unitCell, Position: &at}),
		evaluate("Evaluate definition", EvaluateParams{Unit: unitDefinition, Position: &at}),
		evaluate("Evaluate to here", EvaluateParams{Unit: unitToHere, Position: &at}),
		evaluate("Evaluate file", EvaluateParams{Unit: unitFile}),
	} {
		if err != nil {
			return nil, err
		}
	}
	if st := d.session.status; st.Running != "" {
		if err := offer("Interrupt kernel", CommandInterrupt, DocumentParams{URI: d.uri}); err != nil {
			return nil, err
		}
	}
	if d.session.Kernel() != nil {
		if err := offer("Restart kernel", CommandRestart, DocumentParams{URI: d.uri}); err != nil {
			return nil, err
		}
	}
	if len(d.results) > 0 {
		if err := offer("Clear results", CommandClear, ClearParams{URI: d.uri}); err != nil {
			return nil, err
		}
	}
	return actions, nil
}
