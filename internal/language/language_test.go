package language

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFor(t *testing.T) {
	for _, tt := range []struct{ id, want string }{
		{"python", "python"}, {"Python", "python"}, {"python-ts", "python"}, {"python-ts-mode", "python"},
		{"r", "r"}, {"R", "r"}, {"ess-r", "r"}, {"ess-r-mode", "r"}, {"julia", "julia"},
		{"sh", "shellscript"}, {"bash", "shellscript"}, {"shellscript", "shellscript"}, {"sh-mode", "shellscript"},
		{"js", "javascript"}, {"javascriptreact", "javascript"}, {"typescriptreact", "typescript"}, {"tsx-ts-mode", "typescript"},
		{"scheme", "scheme"}, {"c++-mode", "cpp"}, {"go", "go"},
	} {
		if l, ok := For(tt.id); !ok || l.ID != tt.want {
			t.Errorf("%s: %q %v, want %s", tt.id, l.ID, ok, tt.want)
		}
	}
	for _, id := range []string{"", "text", "plaintext"} {
		if l, ok := For(id); ok {
			t.Errorf("%q is %s", id, l.ID)
		}
	}
}

func TestByExtension(t *testing.T) {
	for file, want := range map[string]string{
		"a.py": "python", "/x.y/größe.R": "r", "a.tar.JL": "julia", "cmd/x.go": "go", "a.mjs": "javascript", "a.sh": "shellscript",
	} {
		if l, ok := ByExtension(file); !ok || l.ID != want {
			t.Errorf("%s: %q %v, want %s", file, l.ID, ok, want)
		}
	}
	for _, file := range []string{"", "py", "dir.py/Makefile", "a.txt"} {
		if l, ok := ByExtension(file); ok {
			t.Errorf("%q is %s", file, l.ID)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		id, kernel string
		want       bool
	}{
		{"python", "python", true}, {"python", "Python", true}, {"python", "R", false}, {"r", "R", true},
		{"sh", "bash", true}, {"cpp", "C++17", true}, {"javascript", "typescript", true}, {"typescript", "javascript", false},
		{"go", "go", true}, {"julia", "julia", true}, {"scheme", "scheme", true}, {"python", "", false},
	} {
		l, _ := For(tt.id)
		if got := l.Matches(tt.kernel); got != tt.want {
			t.Errorf("%s with a kernel for %q: %v", tt.id, tt.kernel, got)
		}
	}
}

// Each name leads to one row only, and each row says what the server needs of it.
func TestTableIsWhole(t *testing.T) {
	seen := map[string]string{}
	for _, l := range table {
		for _, name := range append(append([]string{l.ID}, l.ids...), l.extensions...) {
			if seen[name] != "" {
				t.Errorf("%q is both %s and %s", name, seen[name], l.ID)
			}
			if name != strings.ToLower(name) {
				t.Errorf("%s: %q is never found, it is not in lower case", l.ID, name)
			}
			seen[name] = l.ID
		}
		for _, name := range l.kernels {
			if name != strings.ToLower(name) {
				t.Errorf("%s: kernel language %q is never found, it is not in lower case", l.ID, name)
			}
		}
		if l.Name == "" || l.Install == "" || l.mark == nil || l.syntax == nil || !l.mark.MatchString(l.Comment+" %%") {
			t.Errorf("%s: the row is not filled", l.ID)
		}
	}
}

func TestCells(t *testing.T) {
	for _, tt := range []struct {
		name, id, text string
		want           []Cell
	}{
		{"no marks", "python", "a\nb\n", []Cell{{-1, 0, 2, "", false}}},
		{"nothing", "python", "", []Cell{{-1, 0, 1, "", false}}},
		{"code before the first mark", "python", "import os\n\n# %%\na\r\n#%% Größe \nb", []Cell{
			{-1, 0, 2, "", false}, {2, 3, 4, "", false}, {4, 5, 6, "Größe", false},
		}},
		{"no code before the first mark", "python", "#!/usr/bin/env python\n\n# %%\na\n", []Cell{{2, 3, 4, "", false}}},
		{"titles, types and metadata", "python", "# %% [markdown]\n# x\n# %% Plot [md] id=\"a b\" tags=[\"x\"]\n# %%% sub tags=1\na\n", []Cell{
			{0, 1, 2, "", true}, {2, 3, 3, "Plot", true}, {3, 4, 5, "sub", false},
		}},
		{"prompts of nbconvert", "python", "# In[1]:\na\n# In[ ]:\nb\n# In [12]\n", []Cell{
			{0, 1, 2, "", false}, {2, 3, 4, "", false}, {4, 5, 5, "", false},
		}},
		{"no marks: cell magics, indented, in code", "python", "# %%time\n  # %%\nx = 1 # %%\n# In[x]\n", []Cell{{-1, 0, 4, "", false}}},
		{"slashes", "go", "// %% one\na\n//%%\nb", []Cell{{0, 1, 2, "one", false}, {2, 3, 4, "", false}}},
		{"dashes", "lua", "-- %%\na\n", []Cell{{0, 1, 2, "", false}}},
		{"semicolons", "scheme", ";; %% x\n(a)\n; %%\n", []Cell{{0, 1, 2, "x", false}, {2, 3, 3, "", false}}},
		{"octave's own", "octave", "%% x\na\n# %%\n", []Cell{{0, 1, 2, "x", false}, {2, 3, 3, "", false}}},
		{"in a docstring", "python", "def f():\n    \"\"\"\n# %%\n\"\"\"\n# %%\nx\n", []Cell{{-1, 0, 4, "", false}, {4, 5, 6, "", false}}},
		{"in a string with fields", "python", "s = f'''{\"'''\"}\n# %%\n'''\n# %%\nx\n", []Cell{{-1, 0, 3, "", false}, {3, 4, 5, "", false}}},
		{"in a bracket, which may just not be closed yet", "python", "x = (\n# %%\ny\n", []Cell{{-1, 0, 1, "", false}, {1, 2, 3, "", false}}},
		{"in a string that is nowhere closed", "python", "x = '''\n# %%\ny\n", []Cell{{-1, 0, 1, "", false}, {1, 2, 3, "", false}}},
		{"below a cell magic", "python", "# %%\n%%bash\necho \"'''\"; cat <<X\n# %%\nX\n# %%\nx = '''\n# %%\n'''\n", []Cell{{0, 1, 5, "", false}, {5, 6, 9, "", false}}},
		{"below a magic of no language", "python", "%%html\n<p title='\"\"\"\n# %%\nx\n", []Cell{{-1, 0, 2, "", false}, {2, 3, 4, "", false}}},
		{"in a here-document", "sh", "cat <<-'E O' \\\n  >x\n# %%\n\tE O\n# %%\n", []Cell{{-1, 0, 4, "", false}, {4, 5, 5, "", false}}},
		{"in raw strings", "r", "x <- r\"[\n# %%\n\" ]\"\n# %%\n", []Cell{{-1, 0, 3, "", false}, {3, 4, 4, "", false}}},
		{"in a template", "typescript", "t = `${ `\n// %%\n` }\n// %%\n`\n// %%\n", []Cell{{-1, 0, 5, "", false}, {5, 6, 6, "", false}}},
		{"in Go's", "go", "s := `\n// %%\n` /*\n// %%\n*/\n// %%\n", []Cell{{-1, 0, 5, "", false}, {5, 6, 6, "", false}}},
		{"in Julia's", "julia", "s = \"\"\"\n# %%\n\"\"\" #= #= =#\n# %%\n=#\n# %%\n", []Cell{{-1, 0, 5, "", false}, {5, 6, 6, "", false}}},
		{"another language's", "go", "# %%\na\n", []Cell{{-1, 0, 2, "", false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := For(tt.id)
			if diff := cmp.Diff(tt.want, l.Outline(splitLines(tt.text)).Cells()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDedent(t *testing.T) {
	python, _ := For("python")
	for _, tt := range []struct {
		name, code, want string
		removed          int
	}{
		{"nothing to do", "a\n  b\n", "a\n  b\n", 0},
		{"what all share", "    a\n      b\n\n    c\n", "a\n  b\n\nc\n", 4},
		{"tabs", "\ta\n\t\tb", "a\n\tb", 1},
		{"tabs and blanks", "\t  a\n\t    b", "a\n  b", 3},
		{"nothing shared", "\ta\n    b", "\ta\n    b", 0},
		{"less than the first", "    a\n  b", "  a\nb", 2},
		{"comments and blank lines do not count", "    a\n# c\n  \n    b", "a\n# c\n\nb", 4},
		{"strings stay as they are", "    s = '''\nx\n    y'''\n    t", "s = '''\nx\n    y'''\nt", 4},
		{"terminators stay", "  a\r\n  b\r\n", "a\r\nb\r\n", 2},
		{"only a comment", "  # a", "  # a", 0},
		{"nothing", "", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, removed := python.Dedent(tt.code)
			if got != tt.want || removed != tt.removed {
				t.Errorf("%q, %d; want %q, %d", got, removed, tt.want, tt.removed)
			}
			if strings.Count(got, "\n") != strings.Count(tt.code, "\n") {
				t.Error("lines were lost")
			}
		})
	}
}
