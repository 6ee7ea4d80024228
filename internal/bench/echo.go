package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// playEcho is the child that has kernels which answer at once: the time that their
// clients need is the clients' own. "start" starts N of them and answers with their
// connection files, which are in the folder File.
func playEcho() error {
	return child.Serve(map[string]func(child.Request) (any, error){
		"start": func(r child.Request) (any, error) {
			var files []string
			for range r.N {
				file, err := startEcho(context.Background(), r.File)
				if err != nil {
					return nil, err
				}
				files = append(files, file)
			}
			return files, nil
		},
	})
}

// echo is a kernel whose every value is the code itself. Code of the form "flood N"
// prints N lines, each in a message of its own; "moves" prints a flood of cursor moves.
type echo struct {
	session string
	wire    *jupyter.Wire
	iopub   *zsock.XPub
}

// startEcho starts a kernel that ends with the process.
func startEcho(ctx context.Context, dir string) (file string, err error) {
	info := jupyter.ConnectionInfo{
		Transport: "tcp", IP: "127.0.0.1",
		SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey(),
	}
	e := &echo{session: jupyter.NewID()}
	if e.wire, err = jupyter.NewWire(info.SignatureScheme, info.Key); err != nil {
		return "", err
	}
	if e.iopub, err = zsock.ListenXPub(ctx, "tcp://127.0.0.1:*", zsock.Options{}); err != nil {
		return "", err
	}
	if info.IOPubPort, err = portOf(e.iopub.Endpoint()); err != nil {
		return "", err
	}
	heartbeat, err := zsock.ListenRep(ctx, "tcp://127.0.0.1:*", zsock.Options{})
	if err != nil {
		return "", err
	}
	if info.HBPort, err = portOf(heartbeat.Endpoint()); err != nil {
		return "", err
	}
	go heartbeat.Serve(ctx, func(request [][]byte) [][]byte { return request })
	for _, port := range []*int{&info.ShellPort, &info.ControlPort, &info.StdinPort} {
		router, err := zsock.ListenRouter(ctx, "tcp://127.0.0.1:*", zsock.Options{})
		if err != nil {
			return "", err
		}
		if *port, err = portOf(router.Endpoint()); err != nil {
			return "", err
		}
		go e.serve(ctx, router)
	}
	file = filepath.Join(dir, "kernel-"+info.Key[:16]+".json")
	return file, info.WriteFile(file)
}

func portOf(endpoint string) (int, error) {
	return strconv.Atoi(endpoint[strings.LastIndexByte(endpoint, ':')+1:])
}

func (e *echo) serve(ctx context.Context, router *zsock.Router) {
	for {
		err := e.answer(ctx, router)
		if err != nil {
			fmt.Fprintln(os.Stderr, "echo kernel:", err)
			return
		}
	}
}

// answer takes one request. An error ends the channel: clients here make none.
func (e *echo) answer(ctx context.Context, router *zsock.Router) error {
	frames, err := router.Recv(ctx)
	if err != nil {
		return err
	}
	request, err := e.wire.Decode(frames)
	if err != nil {
		return err
	}
	if err := e.status(ctx, request, jupyter.StateBusy); err != nil {
		return err
	}
	var reply any
	var t jupyter.MsgType
	switch request.Header.MsgType {
	case jupyter.KernelInfoRequest:
		t, reply = jupyter.KernelInfoReply, jupyter.KernelInfoReplyContent{Status: jupyter.StatusOK, ProtocolVersion: jupyter.ProtocolVersion, Implementation: "echo"}
	case jupyter.ExecuteRequest:
		if err := e.execute(ctx, request); err != nil {
			return err
		}
		t, reply = jupyter.ExecuteReply, jupyter.ExecuteReplyContent{Status: jupyter.StatusOK, ExecutionCount: 1}
	case jupyter.CompleteRequest:
		t, reply = jupyter.CompleteReply, jupyter.CompleteReplyContent{Status: jupyter.StatusOK, Matches: []string{"bit_count", "bit_length"}, CursorStart: 2, CursorEnd: 4}
	case jupyter.InspectRequest:
		t, reply = jupyter.InspectReply, jupyter.InspectReplyContent{Status: jupyter.StatusOK, Found: true, Data: text("int")}
	}
	if reply != nil {
		m, err := request.Reply(e.session, t, reply)
		if err != nil {
			return err
		}
		m.Identities = request.Identities
		if frames, err = e.wire.Encode(m); err != nil {
			return err
		}
		if err := router.Send(ctx, frames); err != nil {
			return err
		}
	}
	return e.status(ctx, request, jupyter.StateIdle)
}

func (e *echo) execute(ctx context.Context, request *jupyter.Message) error {
	var c jupyter.ExecuteRequestContent
	if err := request.Decode(&c); err != nil {
		return err
	}
	if err := e.publish(ctx, request, jupyter.ExecuteInputMsg, jupyter.ExecuteInputContent{Code: c.Code, ExecutionCount: 1}); err != nil {
		return err
	}
	if c.Code == "moves" {
		return e.publish(ctx, request, jupyter.StreamMsg, jupyter.StreamContent{Name: "stdout", Text: strings.Repeat(move, movedBytes/len(move))})
	}
	lines, flood := strings.CutPrefix(c.Code, "flood ")
	if !flood {
		return e.publish(ctx, request, jupyter.ExecuteResultMsg, jupyter.DisplayDataContent{Data: text(c.Code), ExecutionCount: 1})
	}
	n, err := strconv.Atoi(lines)
	if err != nil {
		return err
	}
	for i := range n {
		if err := e.publish(ctx, request, jupyter.StreamMsg, jupyter.StreamContent{Name: "stdout", Text: strconv.Itoa(i) + "\n"}); err != nil {
			return err
		}
	}
	return nil
}

func (e *echo) status(ctx context.Context, parent *jupyter.Message, state string) error {
	return e.publish(ctx, parent, jupyter.StatusMsg, jupyter.StatusContent{ExecutionState: state})
}

func (e *echo) publish(ctx context.Context, parent *jupyter.Message, t jupyter.MsgType, content any) error {
	m, err := parent.Reply(e.session, t, content)
	if err != nil {
		return err
	}
	m.Identities = [][]byte{[]byte(t)}
	frames, err := e.wire.Encode(m)
	if err != nil {
		return err
	}
	return e.iopub.Send(ctx, frames)
}

func text(s string) jupyter.MIMEBundle {
	return jupyter.MIMEBundle{"text/plain": []byte(strconv.Quote(s))}
}
