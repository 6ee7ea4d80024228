package editors

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reval-editor/reval/internal/testenv"
)

// A client that knows docs/protocol.md alone does what it should.
func TestClientOfTheProtocolPage(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t)
	const code = `// %% one
import "fmt"
var name string
fmt.Print("Name? ")
fmt.Scanln(&name)
fmt.Print("\n10 %\r20 %\r")
fmt.Println("hello", name)
len([]rune(name))
// %% [markdown]
// This is text.
// %% two
var none []int
none[0]
// %% three
1
`
	const want = `line 2: done 3
  Name? 
  hello Zoë
  3
line 12: error runtime error
  runtime error: index out of range [0] with length 0
  größe.go:13:1
     12 | var none []int
     13 | none[0]
        | ^
line 15: cancelled not run: what came before it failed
`
	path := filepath.Join(t.TempDir(), "größe.go")
	if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	client := filepath.Join(testenv.Root(), "editors", "client", "client.py")
	cmd := exec.Command(python, client, path, testenv.Reval(t), "lsp", "--standalone")
	cmd.Env = testenv.Env(t)
	cmd.Stdin = strings.NewReader("Zoë\n")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	text, err := os.ReadFile(client)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^.*\S.*$`).FindAll(text, -1)); n > 60 {
		t.Errorf("it has %d lines, want at most 60", n)
	}
}
