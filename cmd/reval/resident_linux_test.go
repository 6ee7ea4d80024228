package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
)

// Of a daemon that has nothing to do, and of who copies an editor's bytes, little is resident.
func TestIdleProcessesAreSmall(t *testing.T) {
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if s.Key == "-race" && s.Value == "true" {
			t.Skip("the race detector takes more")
		}
	}
	h := newHousehold(t)
	e := startEditor(t, h.env, h.dir, "--standalone=false")
	for who, c := range map[string]struct{ pid, most int }{
		"the daemon":       {daemonStatus(t, h.env).PID, 30 << 20},
		"an editor's part": {e.cmd.Process.Pid, 20 << 20},
	} {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
		if err != nil {
			t.Fatal(err)
		}
		_, resident, _ := bytes.Cut(status, []byte("VmRSS:"))
		if kB, err := strconv.Atoi(string(bytes.Fields(resident)[0])); err != nil || kB<<10 > c.most {
			t.Errorf("%s has %d kB resident: %v", who, kB, err)
		}
	}
}
