package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// release is the version that the next release will have, unless the linker is told another one
// (-X main.release=VERSION).
var release = "0.1.0-dev"

// version is the module's version, where the binary was built from one.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return release
}

func runVersion(_ context.Context, env environment, args []string) error {
	if _, err := parse(flags("version"), args, 0); err != nil {
		return err
	}
	goVersion := "unknown Go"
	if b, ok := debug.ReadBuildInfo(); ok {
		goVersion = b.GoVersion
	}
	_, err := fmt.Fprintf(env.stdout, "reval %s (%s)\n", version(), goVersion)
	return err
}
