package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/reval-editor/reval/internal/bench/child"
	"github.com/reval-editor/reval/kernelclient"
)

// playKernelclient is the child that talks to kernels by package kernelclient, as
// peer.py does by pyzmq and by jupyter_client.
func playKernelclient() error {
	ctx := context.Background()
	var kernels []*kernelclient.Kernel
	timed := func(one func(k *kernelclient.Kernel, code string) (time.Duration, error)) func(child.Request) (any, error) {
		return func(r child.Request) (any, error) {
			var times []time.Duration
			for i := range r.WarmUp + r.N {
				took, err := one(kernels[0], r.Code)
				if err != nil {
					return nil, err
				}
				if i >= r.WarmUp {
					times = append(times, took)
				}
			}
			return times, nil
		}
	}
	return child.Serve(map[string]func(child.Request) (any, error){
		"attach": func(r child.Request) (any, error) {
			k, err := kernelclient.Attach(ctx, r.File, kernelclient.Options{})
			kernels = append(kernels, k)
			return true, err
		},
		"detach": func(child.Request) (any, error) {
			for _, k := range kernels {
				k.Close()
			}
			kernels = nil
			return true, nil
		},
		"execute": timed(func(k *kernelclient.Kernel, code string) (took time.Duration, err error) {
			start := time.Now()
			reply, err := k.Execute(ctx, kernelclient.ExecuteRequest{Code: code}, func(e kernelclient.Event) {
				if _, ok := e.(kernelclient.Result); ok {
					took = time.Since(start)
				}
			})
			if err == nil && took == 0 {
				err = fmt.Errorf("no result, status %s", reply.Status)
			}
			return took, err
		}),
		"complete": timed(func(k *kernelclient.Kernel, code string) (time.Duration, error) {
			start := time.Now()
			reply, err := k.Complete(ctx, code, kernelclient.CursorAt(code, len(code)))
			took := time.Since(start)
			if err == nil && len(reply.Matches) == 0 {
				err = errors.New("no match")
			}
			return took, err
		}),
		"inspect": timed(func(k *kernelclient.Kernel, code string) (time.Duration, error) {
			start := time.Now()
			reply, err := k.Inspect(ctx, code, kernelclient.CursorAt(code, len(code)), 0)
			took := time.Since(start)
			if err == nil && !reply.Found {
				err = errors.New("not found")
			}
			return took, err
		}),
		"flood": func(r child.Request) (any, error) {
			var got flooded
			start := time.Now()
			_, err := kernels[0].Execute(ctx, kernelclient.ExecuteRequest{Code: r.Code}, func(e kernelclient.Event) {
				if _, ok := e.(kernelclient.Stream); ok {
					got.Messages++
				}
			})
			got.Took = time.Since(start)
			return got, err
		},
	})
}
