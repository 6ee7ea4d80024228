package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if pids := testenv.Daemons(); len(pids) > 0 {
		fmt.Fprintf(os.Stderr, "daemons were left behind: %v\n", pids)
		code = max(code, 1)
	}
	os.Exit(code)
}
