package stdinfo

import (
	"go/types"
	"runtime"
	"strings"
	"testing"
)

// The packed data must be that of the toolchain that builds the kernel: run
// go generate after changing it. The last number may differ, since a patch
// release changes no exported name.
func TestVersionMatchesToolchain(t *testing.T) {
	minor := func(v string) string {
		parts := strings.SplitN(v, ".", 3)
		return strings.Join(parts[:min(2, len(parts))], ".")
	}
	if got, want := minor(Version()), minor(runtime.Version()); got != want {
		t.Fatalf("packed library is %s, the toolchain is %s: run go generate ./gokernel/stdinfo", got, want)
	}
}

func TestImport(t *testing.T) {
	p, err := Import("strings")
	if err != nil {
		t.Fatal(err)
	}
	got := types.ObjectString(p.Scope().Lookup("Replace"), types.RelativeTo(p))
	if want := "func Replace(s string, old string, new string, n int) string"; got != want {
		t.Errorf("strings.Replace is %q, want %q", got, want)
	}
	p, err = Import("slices")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.Scope().Lookup("SortFunc").(*types.Func); !ok {
		t.Error("slices.SortFunc is missing")
	}
	if _, err := Import("example.com/m"); err == nil || !strings.Contains(err.Error(), "not in the standard library") {
		t.Errorf("import of an unknown package: %v", err)
	}
}

func TestDoc(t *testing.T) {
	for symbol, want := range map[string]string{
		"strings.": "Package strings", "strings.Replace": "Replace returns", "strings.Builder.WriteByte": "WriteByte appends",
		"net/http.Client.Timeout": "Timeout specifies", "net/http.Handler.ServeHTTP": "", "io.Reader": "Reader is",
		"builtin.len": "The len built-in function", "builtin.error": "The error built-in interface",
	} {
		path, name, _ := strings.Cut(symbol, ".")
		if got := Doc(path, name); !strings.HasPrefix(got, want) {
			t.Errorf("documentation of %s begins %.30q, want %q", symbol, got, want)
		}
	}
}
