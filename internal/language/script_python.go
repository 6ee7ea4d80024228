package language

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

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
import ast, asyncio, functools, io, os, sys, tokenize, warnings

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

def aside(kernel, run):
    # A program runs a loop of its own, which asyncio refuses beside the kernel's.
    @functools.wraps(run)
    def call(*args, **kwargs):
        if asyncio._get_running_loop() is not kernel:
            return run(*args, **kwargs)
        swap = getattr(asyncio.tasks, "_swap_current_task", lambda loop, task: None)
        task = swap(kernel, None)
        asyncio._set_running_loop(None)
        try:
            return run(*args, **kwargs)
        finally:
            asyncio._set_running_loop(kernel)
            asyncio.set_event_loop(kernel)
            swap(kernel, task)
    return call

def hidden_builtins():
    # IPython hides the builtins exit and quit while a cell runs; modules look for them.
    shell = main.get("get_ipython", lambda: None)()
    hidden = getattr(getattr(shell, "builtin_trap", None), "auto_builtins", None)
    return hidden if isinstance(hidden, dict) else {}

if hasattr(sys, "_reval_script"):
    was_argv, was_main, mine_argv, mine_main, mine_path, was_path, warning, was_exits, runs = sys._reval_script
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
    hidden_builtins().update(was_exits)
    for where, name, run in runs:
        setattr(where, name, run)

if argv:
    file, folder, text = (os.fsdecode(bytes.fromhex(x)) for x in (file, folder, text))
    argv = [os.fsdecode(bytes.fromhex(x)) for x in argv]
    # IPython's own exit lets what stands below it run.
    mine = {"__doc__": docstring(text), "exit": exit, "quit": exit}
    if file:
        mine["__file__"] = file
    exits = hidden_builtins()
    was_exits = {n: exits[n] for n in ("exit", "quit") if n in exits}
    exits.update({n: exit for n in was_exits})
    kernel, runs = asyncio._get_running_loop(), []
    if kernel is not None:
        for where, name in ((asyncio, "run"), (getattr(asyncio, "Runner", None), "run"), (asyncio.BaseEventLoop, "run_until_complete"), (asyncio.BaseEventLoop, "run_forever")):
            if hasattr(where, name):
                runs.append((where, name, getattr(where, name)))
                setattr(where, name, aside(kernel, getattr(where, name)))
    was_path = sys.path.index("") if "" in sys.path else None
    warnings.filterwarnings("ignore", "To exit: use")  # IPython's, of a program that exits
    sys._reval_script = (
        getattr(sys, "argv", None), {n: main[n] for n in mine if n in main}, argv, mine, folder, was_path, warnings.filters[0], was_exits, runs,
    )
    sys.argv = argv
    main.update(mine)
    if was_path is not None:
        del sys.path[was_path]  # the folder where python runs is on no program's path
    sys.path.insert(0, folder)
`
