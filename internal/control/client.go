package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Ask makes a request on a connection and hands on its answers until they end, or until f
// gives an error.
func Ask(conn io.ReadWriter, r Request, f func(Answer) error) error {
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return fmt.Errorf("ask for %s: %w", r.Do, err)
	}
	in := json.NewDecoder(conn)
	for {
		var a Answer
		switch err := in.Decode(&a); {
		case errors.Is(err, io.EOF):
			return errors.New("the connection ended before the answer did")
		case err != nil:
			return fmt.Errorf("read the answer: %w", err)
		case a.Error != "":
			return errors.New(a.Error)
		case a.Done:
			return nil
		}
		if err := f(a); err != nil {
			return err
		}
	}
}
