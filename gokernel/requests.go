package gokernel

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/reval-editor/reval/gokernel/stdinfo"
	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// onShell queues executions, and comm messages, which keep their order, and answers
// everything else at once, beside the cell that runs.
func (k *kernel) onShell(ctx context.Context, m *jupyter.Message) {
	switch m.Header.MsgType {
	case jupyter.ExecuteRequest:
	case jupyter.CommOpen, jupyter.CommMsg, jupyter.CommClose:
		k.comms.queue.put(m)
		return
	default:
		k.start(func() { k.answer(ctx, k.shell, m) })
		return
	}
	id := ""
	if m.Header.SubshellID != nil {
		id = *m.Header.SubshellID
	}
	if sh := k.shells.get(id); sh == nil || !sh.queue.put(m) {
		idle := k.status(m)
		defer idle()
		k.reply(k.shell, m, jupyter.ExecuteReply, failure(fmt.Sprintf("there is no subshell %q", id)))
	}
}

// onControl answers requests of the control channel in their order.
func (k *kernel) onControl(ctx context.Context, m *jupyter.Message) {
	switch m.Header.MsgType {
	case jupyter.InterruptRequest:
		k.cells.interrupt() // before anything that a full IOPub could hold up
	case jupyter.ShutdownRequest:
		defer k.stop()
	}
	k.answer(ctx, k.control, m)
}

// answer handles one request that is no execution.
func (k *kernel) answer(ctx context.Context, on *zsock.Router, m *jupyter.Message) {
	idle := k.status(m)
	defer idle()
	t, content := k.content(ctx, on, m)
	if content == nil {
		return
	}
	k.reply(on, m, t, content)
}

// content gives the type and content of the reply; nil content means none.
func (k *kernel) content(ctx context.Context, on *zsock.Router, m *jupyter.Message) (t jupyter.MsgType, content any) {
	defer func() {
		if r := recover(); r != nil {
			k.log.Error("request failed", "type", m.Header.MsgType, "panic", r)
			content = failure(fmt.Sprintf("%s failed: %v", m.Header.MsgType, r))
		}
	}()
	t = jupyter.MsgType(strings.TrimSuffix(string(m.Header.MsgType), "_request") + "_reply")
	switch m.Header.MsgType {
	case jupyter.KernelInfoRequest:
		return t, k.kernelInfo()
	case jupyter.CompleteRequest:
		return t, decode(m, k.complete)
	case jupyter.InspectRequest:
		return t, decode(m, k.inspect)
	case jupyter.IsCompleteRequest:
		return t, decode(m, func(r jupyter.IsCompleteRequestContent) any {
			status, indent := k.isComplete(r.Code)
			// jupyter console, which is what asks, shows a tab as ^I.
			return jupyter.IsCompleteReplyContent{Status: status, Indent: strings.ReplaceAll(indent, "\t", "    ")}
		})
	case jupyter.HistoryRequest:
		return t, decode(m, k.history.reply)
	case jupyter.CommInfoRequest:
		return t, decode(m, k.comms.info)
	case jupyter.CreateSubshellRequest:
		return t, k.createSubshell(ctx)
	case jupyter.DeleteSubshellRequest:
		return t, decode(m, k.deleteSubshell)
	case jupyter.ListSubshellRequest:
		return t, k.listSubshells()
	case jupyter.InterruptRequest:
		return t, jupyter.StatusReplyContent{Status: jupyter.StatusOK}
	case jupyter.ShutdownRequest:
		return t, k.shutdown(on, m)
	case jupyter.CommOpen, jupyter.CommMsg, jupyter.CommClose:
		k.onComm(ctx, m)
		return t, nil
	}
	if strings.HasSuffix(string(m.Header.MsgType), "_request") {
		return t, failure(fmt.Sprintf("%s is not supported by the Go kernel", m.Header.MsgType))
	}
	return t, nil
}

func (k *kernel) shutdown(on *zsock.Router, m *jupyter.Message) any {
	var c jupyter.ShutdownContent
	if err := m.Decode(&c); err != nil {
		return failure(err.Error())
	}
	reply := jupyter.ShutdownContent{Status: jupyter.StatusOK, Restart: c.Restart}
	if on == k.shell {
		defer k.stop()
	}
	k.publish(m, "shutdown_reply", reply)
	return reply
}

// decode reads a request's content and gives what answer makes of it.
func decode[T any](m *jupyter.Message, answer func(T) any) any {
	var c T
	if err := m.Decode(&c); err != nil {
		return failure(err.Error())
	}
	return answer(c)
}

func failure(text string) any {
	return jupyter.StatusReplyContent{Status: jupyter.StatusError, ErrorContent: &jupyter.ErrorContent{Name: "Error", Value: text, Traceback: []string{text}}}
}

func (k *kernel) kernelInfo() any {
	version := strings.TrimPrefix(stdinfo.Version(), "go")
	engine := k.space.Load().engine
	var features []string
	if engine.Concurrent() {
		features = []string{"kernel subshells"}
	}
	return jupyter.KernelInfoReplyContent{
		Status: jupyter.StatusOK, ProtocolVersion: jupyter.ProtocolVersion,
		Implementation: "reval-go", ImplementationVersion: k.options.Version,
		LanguageInfo: jupyter.LanguageInfo{
			Name: "go", Version: version, MIMEType: "text/x-go", FileExtension: ".go",
			PygmentsLexer: "go", CodemirrorMode: json.RawMessage(`"go"`),
		},
		Banner:            fmt.Sprintf("reval-go: Go %s, run by %s", version, engine.Name()),
		SupportedFeatures: features,
		HelpLinks:         []jupyter.HelpLink{{Text: "The Go standard library", URL: "https://pkg.go.dev/std"}},
	}
}
