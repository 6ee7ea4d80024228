package jupyter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzConnectionFile: whatever stands in the file, one line says what is wrong with
// it, or it has five endpoints and a key that signs, and can be written again.
func FuzzConnectionFile(f *testing.F) {
	ports := `"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 65535`
	for _, text := range []string{
		`{"transport": "tcp", "ip": "127.0.0.1", ` + ports + `, "signature_scheme": "hmac-sha256", "key": "k", "kernel_name": "größe"}`,
		`{"transport": "ipc", "ip": "/run/k", ` + ports + `, "key": ""}`,
		`{"ip": "::1", ` + ports + `, "curve_publickey": "k"}`,
		`{"ip": "x\ny", ` + ports + `, "signature_scheme": "hmac-\n"}`,
		`{"ip": "*", "shell_port": -1, "iopub_port": 1e99, "transport": "\u0000"}`,
		`{"ip": "127.0.0.1", "shell_port": "1"}`, `null`, `[]`, ``, "\xff",
	} {
		f.Add(text)
	}
	path := filepath.Join(f.TempDir(), "kernel.json")
	again := filepath.Join(f.TempDir(), "again.json")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := ReadConnectionFile(path)
		if err != nil {
			if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %q, want one line with the path", err)
			}
			return
		}
		for _, channel := range []Channel{Shell, IOPub, Stdin, Control, Heartbeat} {
			e := c.Endpoint(channel)
			if !strings.HasPrefix(e, "tcp://"+c.IP+":") && !strings.HasPrefix(e, "ipc://"+c.IP+"-") {
				t.Fatalf("endpoint %q of %+v", e, c)
			}
		}
		if _, err := NewWire(c.SignatureScheme, c.Key); err != nil {
			t.Fatal(err)
		}
		if err := c.WriteFile(again); err != nil {
			t.Fatal(err)
		}
		if same, err := ReadConnectionFile(again); err != nil || same != c {
			t.Fatalf("written again: %+v, %v; want %+v", same, err, c)
		}
	})
}
