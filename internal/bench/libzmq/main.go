// Command libzmq plays the server or the client of package sockets with libzmq, by
// its Go bindings.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pebbe/zmq4"

	"github.com/reval-editor/reval/internal/bench/sockets"
)

func main() {
	if len(os.Args) > 1 { // --version
		major, minor, patch := zmq4.Version()
		fmt.Printf("%d.%d.%d\n", major, minor, patch)
		return
	}
	err := sockets.Serve(sockets.Library{
		Router: func(endpoint string) (sockets.Socket, string, error) { return bind(zmq4.ROUTER, endpoint) },
		XPub:   func(endpoint string) (sockets.Socket, string, error) { return bind(zmq4.XPUB, endpoint) },
		Dealer: func(endpoint string) (sockets.Socket, error) { return connect(zmq4.DEALER, endpoint) },
		Sub:    func(endpoint string) (sockets.Socket, error) { return connect(zmq4.SUB, endpoint) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "libzmq:", err)
		os.Exit(1)
	}
}

// socket has the queues of 1000 messages that libzmq and zsock have by themselves.
type socket struct{ *zmq4.Socket }

func newSocket(t zmq4.Type) (socket, error) {
	s, err := zmq4.NewSocket(t)
	if err != nil {
		return socket{}, err
	}
	if err := s.SetRcvtimeo(sockets.Patience); err != nil {
		return socket{}, err
	}
	switch t {
	case zmq4.XPUB:
		err = s.SetXpubNodrop(true) // and wait instead
	case zmq4.SUB:
		err = s.SetSubscribe("")
	}
	return socket{s}, err
}

func bind(t zmq4.Type, endpoint string) (sockets.Socket, string, error) {
	s, err := newSocket(t)
	if err != nil {
		return nil, "", err
	}
	if err := s.Bind(endpoint); err != nil {
		return nil, "", err
	}
	bound, err := s.GetLastEndpoint()
	return s, bound, err
}

func connect(t zmq4.Type, endpoint string) (sockets.Socket, error) {
	s, err := newSocket(t)
	if err != nil {
		return nil, err
	}
	return s, s.Connect(endpoint)
}

func (s socket) Send(_ context.Context, frames [][]byte) error {
	for i, f := range frames {
		flag := zmq4.SNDMORE
		if i == len(frames)-1 {
			flag = 0
		}
		if _, err := s.SendBytes(f, flag); err != nil {
			return err
		}
	}
	return nil
}

func (s socket) Recv(context.Context) ([][]byte, error) { return s.RecvMessageBytes(0) }
