// Package language knows how the languages that kernels run are written: their
// names, their comments and cell marks, where a definition starts and ends, and
// how their kernels write a traceback. Each language is one row of a table.
package language

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Language is one row of the table.
type Language struct {
	ID      string // LSP language identifier
	Name    string // as people write it
	Comment string // sign that starts a comment up to the end of the line
	Install string // command that installs a kernel
	// Context says that its kernels understand a name by the text around it, which can
	// be a piece that was not evaluated yet. Others are asked about one line.
	Context bool
	// NameAlone says that its kernels, asked about a name in the arguments of a call, tell
	// of what is called: they are asked about the name without its line.
	NameAlone bool
	// Magics says that its kernels know cell magics: "%%name" on a cell's first line.
	Magics bool
	// Members are the operators between a value and what is taken from it; one that ends
	// with another stands before it.
	Members []string
	// Key is what stands between a value and the beginning of one of its keys where its kernels
	// are asked about the keys.
	Key string
	// Types says that its kernels know what an expression is of which no name is taken, but a
	// call or an element; others tell of what has the name behind it.
	Types bool
	// Strings says that its kernels know a string from code.
	Strings bool
	// Triggers are the signs behind which something can be completed at once.
	Triggers string

	wordSigns  string   // what names are made of besides letters, digits and "_"
	ids        []string // what editors call it besides ID: Vim file types, Emacs modes without "-mode"
	kernels    []string // language names in kernelspecs and kernel_info besides ID
	extensions []string
	mark       *regexp.Regexp // a cell mark: groups for what follows it
	syntax     *syntax
	traceback  *traceback
	// surroundings are a script's; see Surroundings.
	surroundings     func(Script) (begin, end string)
	inScript         func(code string) string // see InScript
	alive, restarted string                   // see Restarts
	reads            *regexp.Regexp           // see Reads
}

// The signs that may stand before the "%%" of a cell mark.
var (
	hashMark     = cellMark(`#`)
	slashMark    = cellMark(`//`)
	dashMark     = cellMark(`--`)
	lispMark     = cellMark(`;+`)
	octaveMark   = cellMark(`(?:[%#]\s*)?`)
	tableOfNames = index(func(l *Language) []string { return l.Names() })
	tableOfFiles = index(func(l *Language) []string { return l.extensions })
)

var table = []*Language{
	{
		ID: "python", Name: "Python", Comment: "#", NameAlone: true, Magics: true, mark: hashMark, syntax: python, traceback: ipython, surroundings: pythonSurroundings, reads: pythonReads,
		Members: []string{"."}, Key: `["`, Strings: true, Triggers: `."'/[%@`,
		Install:    "python -m pip install ipykernel",
		ids:        []string{"py", "ipython", "inferior-python", "sage"},
		kernels:    []string{"python3", "ipython", "xpython", "sage"},
		extensions: []string{".py", ".pyw", ".pyi", ".ipy", ".sage"},
	},
	{
		ID: "r", Name: "R", Comment: "#", mark: hashMark, syntax: rSyntax, traceback: irkernel, surroundings: rSurroundings, reads: rReads,
		Members: []string{"$", "@", ":::", "::"}, Key: "$", Strings: true, Triggers: `.$@:"'/`, wordSigns: ".",
		Install:    `R -e 'install.packages("IRkernel"); IRkernel::installspec()'`,
		ids:        []string{"ess-r", "rlang"},
		kernels:    []string{"ir"},
		extensions: []string{".r"},
	},
	{
		ID: "julia", Name: "Julia", Comment: "#", mark: hashMark, syntax: julia, traceback: ijulia,
		Members: []string{"."}, Triggers: `."/[@`, wordSigns: "!",
		Install:    `julia -e 'using Pkg; Pkg.add("IJulia")'`,
		ids:        []string{"ess-julia"},
		extensions: []string{".jl"},
	},
	{
		ID: "go", Name: "Go", Comment: "//", Context: true, Magics: true, mark: slashMark, syntax: golang, traceback: gokernel, surroundings: goSurroundings,
		Members: []string{"."}, Types: true, Strings: true, Triggers: `."[/`,
		Install:    "reval kernel install",
		ids:        []string{"golang"},
		kernels:    []string{"golang"},
		extensions: []string{".go"},
	},
	{
		ID: "typescript", Name: "TypeScript", Comment: "//", mark: slashMark, syntax: javascript, traceback: deno, surroundings: scriptSurroundings, reads: scriptReads,
		Members: []string{"?.", "."}, Key: ".", Types: true, Triggers: `."'`, wordSigns: "$",
		Install:    "deno jupyter --install",
		ids:        []string{"typescriptreact", "tsx", "ts"},
		extensions: []string{".ts", ".mts", ".cts", ".tsx"},
	},
	{
		ID: "javascript", Name: "JavaScript", Comment: "//", mark: slashMark, syntax: javascript, traceback: deno, surroundings: scriptSurroundings, reads: scriptReads,
		Members: []string{"?.", "."}, Key: ".", Types: true, Triggers: `."'`, wordSigns: "$",
		Install:    "deno jupyter --install",
		ids:        []string{"javascriptreact", "js", "js2", "js3", "jsx", "rjsx"},
		kernels:    []string{"typescript"}, // Deno runs both and says TypeScript
		extensions: []string{".js", ".mjs", ".cjs", ".jsx"},
	},
	{
		ID: "shellscript", Name: "Bash", Comment: "#", mark: hashMark, syntax: shell, surroundings: bashSurroundings, inScript: bashCode, reads: bashReads, alive: bashAlive, restarted: bashRestart,
		Triggers: `$/`, wordSigns: "-",
		Install:    "python -m pip install bash_kernel && python -m bash_kernel.install",
		ids:        []string{"sh", "bash", "shell", "shell-script"},
		kernels:    []string{"bash", "sh"},
		extensions: []string{".sh", ".bash"},
	},
	{
		ID: "scheme", Name: "Scheme", Comment: ";", Magics: true, mark: lispMark, syntax: lisp, traceback: calysto,
		Triggers: `%`, wordSigns: "-?!*<>=/+~^&:$.",
		Install:    "python -m pip install calysto-scheme && python -m calysto_scheme install --user",
		ids:        []string{"calysto-scheme", "geiser-scheme"},
		extensions: []string{".scm", ".ss", ".sld"},
	},
	{
		ID: "ruby", Name: "Ruby", Comment: "#", mark: hashMark, syntax: ruby,
		Members: []string{"&.", ".", "::"}, Triggers: `.:`, wordSigns: "?!",
		Install:    "gem install iruby && iruby register --force",
		ids:        []string{"rb", "enh-ruby"},
		extensions: []string{".rb"},
	},
	{
		ID: "lua", Name: "Lua", Comment: "--", mark: dashMark, syntax: lua,
		Members: []string{".", ":"}, Triggers: `.:`,
		Install:    "conda install -c conda-forge xeus-lua",
		extensions: []string{".lua"},
	},
	{
		ID: "rust", Name: "Rust", Comment: "//", mark: slashMark, syntax: rust,
		Members: []string{".", "::"}, Triggers: `.:`,
		Install:    "cargo install --locked evcxr_jupyter && evcxr_jupyter --install",
		ids:        []string{"rustic"},
		extensions: []string{".rs"},
	},
	{
		ID: "cpp", Name: "C++", Comment: "//", Magics: true, mark: slashMark, syntax: cFamily,
		Members: []string{".", "->", "::"}, Triggers: `.:`,
		Install:    "conda install -c conda-forge xeus-cpp",
		ids:        []string{"c++"},
		kernels:    []string{"c++", "c++11", "c++14", "c++17", "c++20", "c++23"},
		extensions: []string{".cpp", ".cc", ".cxx", ".hpp"},
	},
	{
		ID: "octave", Name: "Octave", Comment: "%", mark: octaveMark, syntax: octave,
		Members: []string{"."}, Triggers: `.`,
		Install:    "python -m pip install octave_kernel",
		ids:        []string{"matlab"},
		kernels:    []string{"matlab"},
		extensions: []string{".m"},
	},
}

// All gives the languages of the table, in its order.
func All() []Language {
	all := make([]Language, len(table))
	for i, l := range table {
		all[i] = *l
	}
	return all
}

// Names are what editors call the language, its ID first.
func (l Language) Names() []string { return append([]string{l.ID}, l.ids...) }

// Extensions are the ends of its files' names, with their dots.
func (l Language) Extensions() []string { return slices.Clone(l.extensions) }

// For finds the language that an editor calls languageID: an LSP identifier, a Vim
// file type, or an Emacs major mode with or without "-mode" and "-ts".
func For(languageID string) (Language, bool) {
	return lookup(tableOfNames, normal(languageID))
}

func normal(languageID string) string {
	name := strings.ToLower(languageID)
	name = strings.TrimSuffix(name, "-mode")
	return strings.TrimSuffix(name, "-ts")
}

// ByExtension finds the language of a file by the end of its name.
func ByExtension(file string) (Language, bool) {
	return lookup(tableOfFiles, strings.ToLower(path.Ext(file)))
}

// Matches says whether a kernel whose kernelspec or kernel_info names the language
// kernelLanguage can run l.
func (l Language) Matches(kernelLanguage string) bool {
	name := strings.ToLower(kernelLanguage)
	return name != "" && (name == l.ID || slices.Contains(l.kernels, name))
}

func index(names func(*Language) []string) map[string]*Language {
	found := map[string]*Language{}
	for _, l := range table {
		for _, name := range names(l) {
			found[name] = l
		}
	}
	return found
}

func lookup(index map[string]*Language, name string) (Language, bool) {
	l, ok := index[name]
	if !ok {
		return Language{}, false
	}
	return *l, true
}

// Source is a text as kernels read code: lines end with "\n", and a byte order mark at
// the start is not part of it.
func Source(text string) string {
	text = strings.TrimPrefix(text, byteOrderMark)
	if strings.Contains(text, "\r") {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	return text
}

const byteOrderMark = "\ufeff"

// splitLines splits at the line terminators of LSP, without the empty line behind
// the last one.
func splitLines(text string) []string {
	return strings.Split(strings.TrimSuffix(Source(text), "\n"), "\n")
}
