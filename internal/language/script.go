package language

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
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
	// Mark is printed, or told in an error, with the status behind it, where the script
	// exits in a kernel that goes on all the same; see Exit. Without it that is not told.
	Mark string
	// Input says that the kernel's process reads what the script is to read.
	Input bool
}

// NewMark gives a script's Mark that nobody else can print: an escape sequence that no
// terminal shows.
func NewMark() string { return "\x1b]reval;" + rand.Text() + ";" }

// Exit takes a script's marks from a text that was printed or told in an error, and gives
// the exit status that the last of them tells.
func (s Script) Exit(text string) (rest string, status int, exited bool) {
	for s.Mark != "" {
		before, after, found := strings.Cut(text, s.Mark)
		if !found {
			break
		}
		digits, after, _ := strings.Cut(after, "\a")
		status, _ = strconv.Atoi(digits)
		exited = true
		if ended, ok := strings.CutPrefix(after, bashExit); ok && strings.TrimSpace(ended) == "" {
			after = ""
		}
		text = before + after
	}
	return text, status & 0xff, exited
}

// InScript is what a kernel of l evaluates for a cell's code to be run as a script's, behind
// what begins its surroundings.
func (l Language) InScript(code string) string {
	if l.inScript == nil {
		return code
	}
	return l.inScript(code)
}

// Restarts is of languages whose kernels start the interpreter anew that a script has ended:
// alive is code that fails in another interpreter than the script's, and told is what such a
// kernel then puts behind what was printed. Both are empty for others.
func (l Language) Restarts() (alive, told string) { return l.alive, l.restarted }

// Reads tells whether a program reads standard input by itself, apart from the questions
// that kernels of l ask for it.
func (l Language) Reads(text string) bool { return l.reads != nil && l.reads.MatchString(text) }

// What reads standard input; bash's read often reads a pipe or a file.
var (
	pythonReads = regexp.MustCompile(`\bsys\.stdin\b`)
	rReads      = regexp.MustCompile(`\bstdin\b`)
	scriptReads = regexp.MustCompile(`\b(?:Deno|process)\.stdin\b`)
	bashReads   = regexp.MustCompile(`(?m)(?:^|[;&({]|\b(?:do|then|if|else))[ \t]*(?:IFS=\S*[ \t]+)?(?:read|select)\b[^<\n]*$`)
)

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
	quit := ""
	if s.Mark != "" { // the kernel's own lets what stands below it run, and forgets the status
		quit = `
  quit <- function(save = "default", status = 0, runLast = TRUE)
    stop(structure(class = c("exit", "error", "condition"), list(message = paste0(` + literal(s.Mark) + `, as.integer(status), "\a"), call = NULL)))
  attach(list(quit = quit, q = quit), name = "reval:script", warn.conflicts = FALSE)`
	}
	set := `base <- baseenv()
  put <- function(f) {
    unlockBinding("commandArgs", base)
    assign("commandArgs", f, base)
    lockBinding("commandArgs", base)
  }
  before <- get0(".reval_script", environment(base::commandArgs), inherits = FALSE)
  if (!is.null(before)) put(before)
  if ("reval:script" %in% search()) detach("reval:script", character.only = TRUE)
`
	begin = "invisible(local({\n  " + set + `  word <- function(bytes) {
    text <- rawToChar(as.raw(bytes))
    if (validUTF8(text)) Encoding(text) <- "UTF-8"
    text
  }
  rest <- c(` + strings.Join(args, ", ") + `)
  all <- c(commandArgs()[1], "--no-echo", "--no-restore", paste0("--file=", ` + literal(s.Args[0]) + `), if (length(rest)) "--args", rest)
  .reval_script <- base::commandArgs
  put(function(trailingOnly = FALSE) if (trailingOnly) as.character(rest) else all)` + quit + `
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

// goSurroundings are os.Args and package flag of reval's own kernel.
func goSurroundings(s Script) (begin, end string) {
	var words []string
	for _, a := range s.Args {
		words = append(words, strconv.QuoteToASCII(a))
	}
	return "%argv " + strings.Join(words, " "), "%argv"
}
