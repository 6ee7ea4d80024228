package kernelclient_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/reval-editor/reval/kernelclient"
)

// goKernel is a kernel that everybody has who has Go.
var goKernel = kernelclient.Spec{
	Name: "go", Language: "go", InterruptMode: kernelclient.InterruptByMessage,
	Argv: []string{"go", "run", "github.com/reval-editor/reval/cmd/reval", "kernel", "go", "--connection-file", "{connection_file}"},
}

// A kernel is started, evaluates, and is shut down.
func ExampleLaunch() {
	ctx := context.Background()
	kernel, err := kernelclient.Launch(ctx, goKernel, kernelclient.LaunchOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer kernel.Shutdown(ctx)

	reply, err := kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: `import "fmt"
fmt.Println("hello")
6 * 7`}, func(e kernelclient.Event) {
		switch e := e.(type) {
		case kernelclient.Stream:
			fmt.Printf("%s: %s", e.Name, e.Text)
		case kernelclient.Result:
			fmt.Printf("value: %s\n", e.Data["text/plain"])
		case kernelclient.Error:
			fmt.Printf("%s: %s\n", e.Name, e.Value)
		}
	})
	if err != nil {
		log.Fatal(err) // the kernel died, or ctx ended
	}
	fmt.Println(reply.Status, reply.ExecutionCount)
	// Output:
	// stdout: hello
	// value: "42"
	// ok 1
}

// Another program's kernel is joined by its connection file, and left running.
func ExampleAttach() {
	ctx := context.Background()
	theirs, err := kernelclient.Launch(ctx, goKernel, kernelclient.LaunchOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer theirs.Shutdown(ctx)
	discard := func(kernelclient.Event) {}
	if _, err := theirs.Execute(ctx, kernelclient.ExecuteRequest{Code: "x := 41"}, discard); err != nil {
		log.Fatal(err)
	}

	kernel, err := kernelclient.Attach(ctx, theirs.ConnectionFile(), kernelclient.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer kernel.Close()
	kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: "x + 1"}, func(e kernelclient.Event) {
		if r, ok := e.(kernelclient.Result); ok {
			fmt.Printf("%s\n", r.Data["text/plain"])
		}
	})
	// Output: "42"
}

// The running namespace is asked for names while code runs.
func ExampleKernel_Complete() {
	ctx := context.Background()
	specs, err := kernelclient.Finder{}.Find(ctx)
	if err != nil {
		log.Print(err) // of kernelspecs that are broken; the others were found
	}
	spec, err := kernelclient.Choose(specs, nil, kernelclient.Wanted{Name: "python3"})
	if err != nil {
		log.Fatal(err)
	}
	kernel, err := kernelclient.Launch(ctx, spec, kernelclient.LaunchOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer kernel.Shutdown(ctx)
	begun := make(chan struct{})
	go kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: "import time; time.sleep(60)"}, func(e kernelclient.Event) {
		if _, ok := e.(kernelclient.Input); ok {
			close(begun)
		}
	})
	<-begun
	// A kernel that cannot answer now does not answer: the deadline is the caller's.
	soon, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	code := "time.sl"
	reply, err := kernel.Complete(soon, code, kernelclient.CursorAt(code, len(code)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Matches)
}

// A kernel is started on a Jupyter server; nothing else differs.
func ExampleServer_Start() {
	ctx := context.Background()
	place, err := kernelclient.ParseServerURL("http://localhost:8888/?token=0123456789abcdef")
	if err != nil {
		log.Fatal(err)
	}
	kernel, err := place.Server.Start(ctx, kernelclient.Spec{Name: "python3"}, "", kernelclient.Options{
		Connection: func(err error) {
			if err != nil {
				log.Print(err) // lost; it is made again
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer kernel.Shutdown(ctx)
}

// A kernel outlives the program that started it, which lets go of it here but may as well be
// killed, and goes on with the next.
func ExampleRegistry() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "kernels-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	registry, err := kernelclient.OpenRegistry(dir, "v1.2.3")
	if err != nil {
		log.Fatal(err)
	}
	kernel, err := kernelclient.Launch(ctx, goKernel, kernelclient.LaunchOptions{Registry: registry})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: "x := 41"}, func(kernelclient.Event) {}); err != nil {
		log.Fatal(err)
	}
	if err := kernel.Release(); err != nil {
		log.Fatal(err)
	}

	entries, err := registry.Entries()
	if err != nil {
		log.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Err != nil {
			log.Print(entry.Err) // it has ended meanwhile
			continue
		}
		kernel, err := registry.Adopt(ctx, entry, kernelclient.Options{})
		if err != nil {
			log.Fatal(err)
		}
		defer kernel.Shutdown(ctx)
		_, err = kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: "x + 1"}, func(e kernelclient.Event) {
			if value, ok := e.(kernelclient.Result); ok {
				fmt.Printf("%s %s\n", entry.Spec.Name, value.Data["text/plain"])
			}
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output: go "42"
}
