package testenv

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// Xvfb starts an X server without a screen for this test and returns its display,
// such as ":99", for the variable DISPLAY of a child. It ends with the test.
// Elsewhere than on Linux the test is skipped: editors there draw without X.
func Xvfb(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("a window of an X server: not on %s", runtime.GOOS)
	}
	path, err := exec.LookPath("Xvfb")
	if err != nil {
		Missing(t, "Xvfb (Debian: xvfb)")
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatalf("Xvfb: %v", err)
	}
	defer read.Close()
	// The server chooses a free display and writes its number to descriptor 3 when it
	// is ready. It does not start anew after its last client, which may be the probe
	// of an Emacs that is about to connect.
	server := exec.Command(path, "-displayfd", "3", "-noreset", "-screen", "0", "1280x1024x24", "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{write}
	var words strings.Builder
	server.Stderr = &words
	err = server.Start()
	write.Close()
	if err != nil {
		t.Fatalf("start Xvfb: %v", err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		err = server.Wait() // it closed the pipe by ending
		t.Fatalf("start Xvfb: %v\n%s", err, words.String())
	}
	return ":" + strings.TrimSpace(number)
}
