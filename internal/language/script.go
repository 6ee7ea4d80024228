package language

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Script is a file that is run as a program.
type Script struct {
	// File is the file's absolute path; empty for standard input.
	File string
	// Args are the program's arguments, after the name by which it was called.
	Args []string
	// Text is the program, of which some languages read the first words.
	Text string
}

// NewScript gives the script of a file that its user called by name. For "-", standard
// input, no file is known.
func NewScript(name string, args []string, text string) Script {
	s := Script{Args: append([]string{name}, args...), Text: text}
	if name == "-" {
		return s
	}
	if path, err := filepath.Abs(name); err == nil {
		s.File = path
	}
	return s
}

// folder is where the script's own modules are: beside the file itself, not beside a
// link to it.
func (s Script) folder() string {
	if s.File == "" {
		return ""
	}
	if path, err := filepath.EvalSymlinks(s.File); err == nil {
		return filepath.Dir(path)
	}
	return filepath.Dir(s.File)
}

// Surroundings are what a script finds when it is run by its language's own program:
// its arguments, its name, the folder of its modules. Begin is code that a kernel of l
// evaluates in silence before the script to that end; end undoes it, so that what is
// evaluated next finds the surroundings of before. Both are empty where kernels of l have
// no such thing. They leave no names behind, and begin may come again without an end.
//
// Names and arguments go into code as digits or in the language's own escapes: there is
// nothing that a file can be called that ends a literal.
func (l Language) Surroundings(s Script) (begin, end string) {
	if l.surroundings == nil {
		return "", ""
	}
	return l.surroundings(s)
}

// pythonSurroundings are __file__, __doc__, sys.argv, the first of sys.path, and an exit
// that exits, as `python FILE` has them. What the script has put there itself it keeps.
func pythonSurroundings(s Script) (begin, end string) {
	var argv []string
	for _, a := range s.Args {
		argv = append(argv, strconv.Quote(hex.EncodeToString([]byte(a))))
	}
	call := func(arguments string) string {
		return `__import__("builtins").exec(r'''` + pythonScript + `''', {"main": globals(), ` + arguments + `})`
	}
	return call(fmt.Sprintf(`"argv": [%s], "file": %q, "folder": %q, "text": %q`, strings.Join(argv, ", "),
		hex.EncodeToString([]byte(s.File)), hex.EncodeToString([]byte(s.folder())), hex.EncodeToString([]byte(docstring(s.Text))))), call(`"argv": []`)
}

// docstring is a Python program that begins with a text, which may be its docstring, and
// nothing of another.
func docstring(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case strings.ContainsAny(line[:min(len(line), 2)], `'"`):
			return text
		}
		break
	}
	return ""
}

// pythonScript undoes what it did before, which sys remembers meanwhile, and then, where
// there are arguments, does it for them.
const pythonScript = `
import ast, io, os, sys, tokenize, warnings

def docstring(text):
    words = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING:
                words.append(token.string)
            elif token.type not in (tokenize.COMMENT, tokenize.NL):
                break
        doc = ast.literal_eval("(" + " ".join(words) + ")") if words else None
    except (SyntaxError, ValueError, tokenize.TokenError):
        return None
    if isinstance(doc, str):
        return __import__("inspect").cleandoc(doc) if sys.version_info >= (3, 13) else doc

def exit(code=None):
    raise SystemExit(code)

if hasattr(sys, "_reval_script"):
    was_argv, was_main, mine_argv, mine_main, mine_path, was_path, warning = sys._reval_script
    del sys._reval_script
    if warning in warnings.filters:
        warnings.filters.remove(warning)
    if sys.argv is mine_argv:
        sys.argv = was_argv
    for name, value in mine_main.items():
        if main.get(name) is value:
            main.pop(name, None)
            if name in was_main:
                main[name] = was_main[name]
    for i, entry in enumerate(sys.path):
        if entry is mine_path:
            del sys.path[i]
            break
    if was_path is not None and "" not in sys.path:
        sys.path.insert(was_path, "")

if argv:
    file, folder, text = (os.fsdecode(bytes.fromhex(x)) for x in (file, folder, text))
    argv = [os.fsdecode(bytes.fromhex(x)) for x in argv]
    # IPython's own exit lets what stands below it run.
    mine = {"__doc__": docstring(text), "exit": exit, "quit": exit}
    if file:
        mine["__file__"] = file
    was_path = sys.path.index("") if "" in sys.path else None
    warnings.filterwarnings("ignore", "To exit: use")  # IPython's, of a program that exits
    sys._reval_script = (
        getattr(sys, "argv", None), {n: main[n] for n in mine if n in main}, argv, mine, folder, was_path, warnings.filters[0],
    )
    sys.argv = argv
    main.update(mine)
    if was_path is not None:
        del sys.path[was_path]  # the folder where python runs is on no program's path
    sys.path.insert(0, folder)
`

// rSurroundings are commandArgs(), as Rscript has it.
func rSurroundings(s Script) (begin, end string) {
	literal := func(text string) string {
		if text == "" {
			return `""`
		}
		var bytes []string
		for _, b := range []byte(text) {
			bytes = append(bytes, fmt.Sprintf("0x%02x", b))
		}
		return "word(c(" + strings.Join(bytes, ",") + "))"
	}
	var args []string
	for _, a := range s.Args[1:] {
		args = append(args, literal(a))
	}
	set := `base <- baseenv()
  put <- function(f) {
    unlockBinding("commandArgs", base)
    assign("commandArgs", f, base)
    lockBinding("commandArgs", base)
  }
  before <- get0(".reval_script", environment(base::commandArgs), inherits = FALSE)
  if (!is.null(before)) put(before)
`
	begin = "invisible(local({\n  " + set + `  word <- function(bytes) {
    text <- rawToChar(as.raw(bytes))
    if (validUTF8(text)) Encoding(text) <- "UTF-8"
    text
  }
  rest <- c(` + strings.Join(args, ", ") + `)
  all <- c(commandArgs()[1], "--no-echo", "--no-restore", paste0("--file=", ` + literal(s.Args[0]) + `), if (length(rest)) "--args", rest)
  .reval_script <- base::commandArgs
  put(function(trailingOnly = FALSE) if (trailingOnly) as.character(rest) else all)
}))`
	return begin, "invisible(local({\n  " + set + "}))"
}

// scriptSurroundings are Deno.args and process.argv.
func scriptSurroundings(s Script) (begin, end string) {
	argv := []string{s.File}
	encoded, err := json.Marshal(append(argv, s.Args[1:]...))
	if err != nil { // texts always encode
		return "", ""
	}
	undo := `const g = Object(globalThis), key = Symbol.for("reval.script");
  if (g[key]) g[key]();
`
	return "(() => {\n  " + undo + "  const argv = " + string(encoded) + `;
  const undo = [() => { delete g[key]; }];
  if (g.process) {
    const before = [...g.process.argv];
    g.process.argv.splice(1, before.length, ...argv);
    undo.push(() => { g.process.argv.splice(0, g.process.argv.length, ...before); });
  }
  if (g.Deno) {
    const before = Object(Object.getOwnPropertyDescriptor(g.Deno, "args"));
    Object.defineProperty(g.Deno, "args", { value: argv.slice(1), enumerable: true, configurable: true });
    undo.push(() => { Object.defineProperty(g.Deno, "args", before); });
  }
  Object.defineProperty(g, key, { value: () => { undo.forEach((f) => f()); }, configurable: true });
})();`, "(() => {\n  " + undo + "})();"
}

// bashSurroundings are $0 (from Bash 5 on), $1 and so on.
func bashSurroundings(s Script) (begin, end string) {
	literal := func(text string) string {
		var b strings.Builder
		for _, c := range []byte(text) {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
		return "$'" + b.String() + "'"
	}
	var args []string
	for _, a := range s.Args[1:] {
		args = append(args, literal(a))
	}
	const forget = `; history -d -1 2>/dev/null`
	return ` [ -n "${_reval_name+x}" ] || { _reval_name=$0; _reval_args=("$@"); }; BASH_ARGV0=` + literal(s.Args[0]) +
			`; set -- ` + strings.Join(args, " ") + forget,
		` if [ -n "${_reval_name+x}" ]; then BASH_ARGV0=$_reval_name; set -- "${_reval_args[@]}"; unset _reval_name _reval_args; fi` + forget
}

// goSurroundings are os.Args and package flag of reval's own kernel.
func goSurroundings(s Script) (begin, end string) {
	var words []string
	for _, a := range s.Args {
		words = append(words, strconv.QuoteToASCII(a))
	}
	return "%argv " + strings.Join(words, " "), "%argv"
}
