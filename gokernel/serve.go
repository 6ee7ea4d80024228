package gokernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/stdinfo"
	"github.com/reval-editor/reval/jupyter"
)

// Host is a program that has a kernel inside.
type Host struct {
	// ConnectionFile is where clients read how to attach. It is written with mode 0600
	// once the kernel listens, and removed at the end. Clients list the kernels whose
	// file is called kernel-….json in Jupyter's runtime folder. It is required.
	ConnectionFile string
	// TCP has the kernel listen on the loopback interface, where every user of the
	// machine can read what it publishes. Without it, and but on Windows, it listens on
	// Unix sockets beside the connection file, whose folder should be the user's alone.
	TCP bool
	// Deprecated: IPC is what is done without TCP.
	IPC bool
	// Packages are what cells can use of the program.
	Packages []Package
	// Ready is called once clients can attach; nil = not.
	Ready func(connectionFile string)
}

// Package is a part of a program that cells can use as a package of this path. It
// is imported already, by the last element of its path.
type Package struct {
	Path string
	// Symbols by their exported names. A function is that function, a pointer the
	// variable that it points to, which cells share with the program, and a
	// reflect.Type a type. Every other value is a variable of the cells' own.
	Symbols map[string]any
	// Docs by the same names; "" is the package's.
	Docs map[string]string
	// Params are the names of functions' parameters, by the same names, for help.
	Params map[string][]string
}

// front gives the package as the front end has it.
func (p Package) front() (front.Package, error) {
	out := front.Package{Path: p.Path, Docs: p.Docs, Params: p.Params, Funcs: map[string]reflect.Value{}, Vars: map[string]reflect.Value{}, Types: map[string]reflect.Type{}}
	if _, err := stdinfo.Import(p.Path); err == nil {
		return out, fmt.Errorf("package %s: the standard library has one of this path", p.Path)
	}
	for name, symbol := range p.Symbols {
		if t, ok := symbol.(reflect.Type); ok {
			out.Types[name] = t
			continue
		}
		switch v := reflect.ValueOf(symbol); {
		case !v.IsValid():
			return out, fmt.Errorf("package %s: %s is nil", p.Path, name)
		case v.Kind() == reflect.Func:
			if v.IsNil() {
				return out, fmt.Errorf("package %s: the function %s is nil", p.Path, name)
			}
			out.Funcs[name] = v
		case v.Kind() == reflect.Pointer:
			if v.IsNil() {
				return out, fmt.Errorf("package %s: the pointer %s is nil", p.Path, name)
			}
			out.Vars[name] = v.Elem()
		default:
			own := reflect.New(v.Type()).Elem()
			own.Set(v)
			out.Vars[name] = own
		}
	}
	return out, nil
}

// Serve serves a kernel inside the program that calls it, until ctx ends or a client
// shuts the kernel down. Cells run beside the program's own goroutines and share its
// memory; what a cell prints goes to its client, what the program prints stays where
// it goes. A program has one such kernel at a time.
func Serve(ctx context.Context, o Options, h Host) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("serve a Go kernel: %w", err)
		}
	}()
	if h.ConnectionFile == "" {
		return errors.New("no connection file is named")
	}
	info := jupyter.ConnectionInfo{
		Transport: "tcp", IP: "127.0.0.1", SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey(), KernelName: "reval-go",
	}
	ipc := !h.TCP && runtime.GOOS != "windows"
	if ipc {
		info.Transport, info.IP = "ipc", strings.TrimSuffix(h.ConnectionFile, filepath.Ext(h.ConnectionFile))
		info.ShellPort, info.IOPubPort, info.StdinPort, info.ControlPort, info.HBPort = 1, 2, 3, 4, 5
	}
	k, err := newKernel(ctx, info, o, &h)
	if err != nil {
		return err
	}
	if !ipc {
		for _, p := range []struct {
			port     *int
			endpoint string
		}{
			{&info.ShellPort, k.shell.Endpoint()}, {&info.IOPubPort, k.iopub.Endpoint()}, {&info.StdinPort, k.stdin.Endpoint()},
			{&info.ControlPort, k.control.Endpoint()}, {&info.HBPort, k.heartbeat.Endpoint()},
		} {
			if _, err := fmt.Sscanf(p.endpoint, "tcp://127.0.0.1:%d", p.port); err != nil {
				return fmt.Errorf("port of %s: %w", p.endpoint, err)
			}
		}
	}
	if err := info.WriteFile(h.ConnectionFile); err != nil {
		k.stop()
		k.close()
		return err
	}
	defer os.Remove(h.ConnectionFile)
	if h.Ready != nil {
		h.Ready(h.ConnectionFile)
	}
	k.serve(nil)
	return nil
}
