package testenv

import (
	"os"
	"testing"
)

// nobody is a user that owns nothing.
const nobody = 65534

// GiveAway makes a file or a folder, not what is in it, and not what a link leads to,
// another user's. Only root can: for others the test is skipped.
func GiveAway(t testing.TB, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	if err := os.Lchown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
}
