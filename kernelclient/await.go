package kernelclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/reval-editor/reval/jupyter"
)

// ErrMissed is returned by [Kernel.Await] where the end of the execution was not heard.
var ErrMissed = errors.New("the execution had ended before it was listened to")

// Await goes on listening to an execution that another program sent to the kernel before it
// was adopted, by the request's id: handle is called with what it brings from now on, as with
// [Kernel.Execute]. It returns when IOPub says that the execution has ended, at once if it has
// said so since the adoption. Its reply went to who had sent it: with that went payloads and
// the values of user expressions. What IOPub brings between the adoption and Await goes to
// Options.Late; an input request waits for Await.
//
// The status is error if an error was heard since the adoption, else ok, and empty if that
// cannot be told: nothing but the end was heard, and that so soon that an error may have been
// missed, or nothing but the beginning and the end, as when it is aborted. The error wraps
// ErrMissed if the kernel is through with all that it was sent before the adoption, and the end
// of this was not heard.
func (k *Kernel) Await(ctx context.Context, msgID string, handle func(Event)) (status string, err error) {
	if k.occupation == nil {
		return "", errors.New("await: the kernel was not adopted")
	}
	x := standIn(handle)
	k.mu.Lock()
	same := k.executions[msgID] != nil
	var asked *jupyter.Message
	if !same {
		k.executions[msgID] = x
		asked = k.occupation.take(msgID)
	}
	k.mu.Unlock()
	if same {
		return "", fmt.Errorf("await: %s is waited for already", msgID)
	}
	defer k.forget(msgID, x)
	if status, ended := k.occupation.fate(msgID); ended {
		return status, nil
	}
	if asked != nil {
		k.handleInputRequest(asked, k.occupation.input.send)
	}
	select {
	case <-x.idle:
	case <-k.occupation.settled:
	case <-ctx.Done():
		return "", fmt.Errorf("await %s: %w", msgID, context.Cause(ctx))
	case <-k.done:
		return "", fmt.Errorf("await %s: %w", msgID, k.deadErr())
	}
	status, ended := k.occupation.fate(msgID)
	if !ended {
		return "", fmt.Errorf("await %s: %w", msgID, ErrMissed)
	}
	return status, nil
}
