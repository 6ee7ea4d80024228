package jupyter

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/reval-editor/reval/internal/trust"
)

// SignatureScheme is the one signature scheme in use.
const SignatureScheme = "hmac-sha256"

// ConnectionInfo is a kernel's connection file: where its five channels are and
// the key that signs its messages ("Connection files").
type ConnectionInfo struct {
	Transport       string `json:"transport"` // tcp or ipc
	IP              string `json:"ip"`        // host for tcp, path prefix for ipc
	ShellPort       int    `json:"shell_port"`
	IOPubPort       int    `json:"iopub_port"`
	StdinPort       int    `json:"stdin_port"`
	ControlPort     int    `json:"control_port"`
	HBPort          int    `json:"hb_port"`
	SignatureScheme string `json:"signature_scheme"`
	Key             string `json:"key"`
	KernelName      string `json:"kernel_name,omitempty"`
	// CurvePublicKey and CurveSecretKey are set for kernels that encrypt with CURVE,
	// which reval does not speak.
	CurvePublicKey string `json:"curve_publickey,omitempty"`
	CurveSecretKey string `json:"curve_secretkey,omitempty"`

	// RegistrationIP and RegistrationPort, decimal digits, tell a kernel that is
	// started where to register the ports that it chooses (JEP 66); the five above are
	// zero then. KernelID is what it calls itself. The names are those of xeus.
	RegistrationIP   string `json:"registration_ip,omitempty"`
	RegistrationPort string `json:"registration_port,omitempty"`
	KernelID         string `json:"kernel_id,omitempty"`
}

// Endpoint gives the ZeroMQ endpoint of a channel: tcp://ip:port or, for ipc,
// ipc://ip-port.
func (c ConnectionInfo) Endpoint(ch Channel) string {
	port := map[Channel]int{
		Shell: c.ShellPort, IOPub: c.IOPubPort, Stdin: c.StdinPort, Control: c.ControlPort, Heartbeat: c.HBPort,
	}[ch]
	if c.Transport == "ipc" {
		return "ipc://" + c.IP + "-" + strconv.Itoa(port)
	}
	return "tcp://" + c.IP + ":" + strconv.Itoa(port)
}

// NewKey gives a random key of 256 bits, as 64 hexadecimal digits.
func NewKey() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// ReadConnectionFile reads and checks a connection file. Its errors name the
// file and what is wrong with it in one line.
func ReadConnectionFile(path string) (ConnectionInfo, error) {
	var c ConnectionInfo
	data, err := trust.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read connection file: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("connection file %s is no JSON object of a kernel's ports and key: %w", path, err)
	}
	if c.Transport == "" {
		c.Transport = "tcp"
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("connection file %s: %w", path, err)
	}
	return c, nil
}

func (c ConnectionInfo) check() error {
	switch {
	case c.Transport != "tcp" && c.Transport != "ipc":
		return fmt.Errorf("transport %q is neither tcp nor ipc", c.Transport)
	case c.IP == "":
		return fmt.Errorf("no ip")
	case c.SignatureScheme != "" && c.SignatureScheme != SignatureScheme:
		return fmt.Errorf("signature scheme %q is not supported, only %s", c.SignatureScheme, SignatureScheme)
	case c.CurvePublicKey != "" || c.CurveSecretKey != "":
		return fmt.Errorf("the kernel encrypts with CURVE, which reval does not support: start it without curve keys")
	}
	for _, p := range []struct {
		name string
		port int
	}{
		{"shell_port", c.ShellPort}, {"iopub_port", c.IOPubPort}, {"stdin_port", c.StdinPort},
		{"control_port", c.ControlPort}, {"hb_port", c.HBPort},
	} {
		if p.port <= 0 || p.port > 65535 {
			return fmt.Errorf("%s is missing or no port", p.name)
		}
	}
	return nil
}

// WriteFile writes the connection file, readable by its owner alone, and makes
// its folder (0700) if there is none.
func (c ConnectionInfo) WriteFile(path string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode connection file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write connection file: %w", err)
	}
	// A file that stands there may be readable by others; it is not reused.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("write connection file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write connection file: %w", err)
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return fmt.Errorf("write connection file: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write connection file: %w", err)
	}
	return nil
}
