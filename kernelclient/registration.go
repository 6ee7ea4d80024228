package kernelclient

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// registrationDelimiter stands before the signature, as in every Jupyter message.
const registrationDelimiter = "<IDS|MSG>"

// registered waits for a kernel to say which ports it has chosen, and acknowledges
// it. JEP 66 leaves the form open; this is that of xeus, whose kernels are the ones
// that have it: a DEALER sends the delimiter, the hexadecimal HMAC of the content,
// and the content, an object of ports that are decimal digits in strings; the
// answer has the same form, and ACK for its content.
func registered(ctx context.Context, r *zsock.Router, info jupyter.ConnectionInfo) (jupyter.ConnectionInfo, error) {
	for {
		frames, err := r.Recv(ctx)
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return info, fmt.Errorf("wait for the kernel's registration: %w", err)
		}
		if checkRegistration(frames[1:], info.Key) != nil {
			continue
		}
		var ports map[string]json.RawMessage
		if err := json.Unmarshal(frames[3], &ports); err != nil {
			return info, fmt.Errorf("%w: its registration is no JSON object: %w", errUnopened, err)
		}
		for name, port := range map[string]*int{
			"shell_port": &info.ShellPort, "iopub_port": &info.IOPubPort, "stdin_port": &info.StdinPort,
			"control_port": &info.ControlPort, "hb_port": &info.HBPort,
		} {
			*port, err = strconv.Atoi(strings.Trim(string(ports[name]), `"`))
			if err != nil || *port <= 0 || *port > 65535 {
				return info, fmt.Errorf("%w: its registration has no port in %s: %s", errUnopened, name, frames[3])
			}
		}
		info.RegistrationIP, info.RegistrationPort, info.KernelID = "", "", ""
		const ack = "ACK"
		return info, r.Send(ctx, [][]byte{frames[0], []byte(registrationDelimiter), []byte(signed(info.Key, []byte(ack))), []byte(ack)})
	}
}

var errNoRegistration = errors.New("no registration that the kernel's key signed")

// checkRegistration looks who sent frames: anyone on the machine can connect.
func checkRegistration(frames [][]byte, key string) error {
	if len(frames) != 3 || string(frames[0]) != registrationDelimiter || !hmac.Equal(frames[1], []byte(signed(key, frames[2]))) {
		return errNoRegistration
	}
	return nil
}

func signed(key string, content []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(content)
	return hex.EncodeToString(mac.Sum(nil))
}
