package main

import (
	"context"
	"fmt"
	"strings"
)

const introduction = `reval joins any editor to a live kernel: send a region, and its value, output,
pictures and errors come back into the buffer while they happen.

usage: reval COMMAND [ARGUMENTS]

`

// details says more of a command than its summary.
var details = map[string]string{
	"lsp": `Editors start this; see the README for each editor's settings. Standard input
and output carry the protocol; what goes wrong is told on standard error.

The user's daemon serves the editor, and is started if there is none: sessions go
on when the editor is closed, and the next one finds them. Where there can be no
daemon this process serves, and says why on standard error, as 'reval doctor' does.

  --standalone  serve in this process, and end the kernels with it
  --log FILE    append a log of everything to FILE; it may contain code and output

exit status: 0, also if 'reval daemon stop' ended it; 1 if the daemon died or was
replaced, after which the editor can start this again; 2 for wrong usage
`,
	"run": `A cell starts at a mark (# %%, // %% …); a file without marks is one cell, and
a Go file with a package clause is a program whose main runs. Cells of text are
left out. The code runs in the current folder. With - for FILE, standard input
is read, and --kernel has to be given.

What follows FILE is the program's own, flags too: the code finds its name and its
arguments as if FILE had been started: sys.argv, __file__, sys.path[0], __doc__
(Python), os.Args and package flag (Go), commandArgs() (R), $0, $1 (bash), Deno.args
and process.argv (Deno, tslab).

  --kernel NAME  a kernel that 'reval kernels' lists, or the connection file
                 (FILE.json) of a kernel that runs, which goes on afterwards, or
                 the word newest for the one of the file's language that was
                 started last; without it, the language's first kernel
  --kernel URL   a Jupyter server, http://HOST:PORT/?token=T: its first kernel of
                 the file's language, or the one that the URL names, as 'reval
                 kernels --server URL' lists them. Where the URL has no token, the
                 environment variable JUPYTER_TOKEN is it. That the connection is
                 lost, and that it is there again, is told on standard error; the
                 run goes on with what the server kept. Or a host that ssh reaches
                 without a password, ssh://USER@HOST:PORT or ssh://HOST/NAME

What the code prints goes where it printed it to, values go to standard output,
and tracebacks, with the lines of FILE, to standard error; NO_COLOR takes out
their colours. Questions of the code (input()) are answered from standard input.
Code that reads it by itself (sys.stdin, bash's read) finds there what comes from a
file or a pipe, in a kernel that the run starts on this machine; of what is typed,
and elsewhere, it finds the end. Ctrl-C interrupts the kernel; twice within two
seconds it ends the run and kills the kernel.

exit status: 0; 1 after an error, which ends the run; 2 for wrong usage; 130 after
Ctrl-C twice; or the one that the code ends with (sys.exit, os.Exit, quit(status),
exit), or its kernel where the code ends that (os._exit, Deno.exit)
`,
	"kernels": `The kernels of Jupyter, of the Python environments of this folder, and the
embedded ones. Broken kernelspecs are told on standard error. After them, those
that run, the newest first, each with its connection file, which --kernel and an
editor's choice of a kernel take.

  --server URL  the kernels of a Jupyter server, http://HOST:PORT/?token=T,
                instead: those that it can start and those that run there. Where
                the URL has no token, the environment variable JUPYTER_TOKEN is
                it. Or those that a host can start, ssh://USER@HOST:PORT
  --json        a list of objects with the keys name, language, display_name,
                default, source and argv; default is true for the kernel that
                files of its language are evaluated with; transport (ipc or tcp)
                if it is known; and for one that runs, running with
                connection_file, started, pid, error, and on a server state,
                last_activity, connections
`,
	"doctor": `Each thing is ok, warning or missing, with the command that mends it.

  --json  a list of objects with the keys subject, name, status, essential, detail
          and fix; reval does not work without what is essential

exit status: 0; 1 if something essential is missing
`,
	"sessions": `A session is a kernel, what waits for it, and what came of it. It goes on when the
editor that began it is closed, and the next one that opens the file finds it. One
that nobody has joined ends when it has evaluated nothing for 12 hours, or what is
set (see 'reval help daemon run').

  --json  a list of objects with the keys session, kernel, pid, display_name, language,
          folder, environment, state, message, queued, clients, evaluations, files and used
`,
	"tail": `What the clients of the session evaluate is shown with their names, what that
prints and gives, and how it ends, until the session does or Ctrl-C. SESSION is the
beginning of an id that 'reval sessions' lists, the name of a kernel, or a part of
a folder's path, whatever means one session; without it, it is the only one.

  --all   begin with everything that the session knows, not with what runs
  --json  a line for each event, an object with one of the keys state, evaluation,
          output (as notebooks have it), input and left_out
`,
	"stop": `What it runs is lost, and its variables; an editor that is open gets a new session
with its next evaluation. A kernel that was attached to is left running. SESSION is
what 'reval help tail' says.
`,
	"daemon status": `One daemon serves all editors of a user that start the same build of reval. It
is started by the first of them, listens on a Unix socket in a folder that is the
user's alone, and ends when it has had neither client nor work for ten minutes.

  --json  an object with the keys pid, version, build, socket, log, since, memory (in
          bytes), settings (of the configuration), sessions (their ids), clients (pid,
          for, folder, since), handover (true while it takes no more clients) and
          others, the daemons of other builds; null if there is none

exit status: 0; 1 if there is none
`,
	"daemon stop": `Every session ends, and every kernel that was started for one, also kernels whose
daemon has died. Daemons of other builds of reval end, too. An editor that is open may
start one again.
`,
	"daemon restart": `Kernels go on, with what they run, and what waits is evaluated afterwards; editors
come back by themselves, or are started again by their users. What a kernel prints
before the new daemon listens is lost, and that is said in its place.
`,
	"daemon log": `The log is daemon.log in reval's folder of the user's state folder
($XDG_STATE_HOME, or ~/.local/state). When it has 4 MiB a new one is begun;
daemon.log.1 and daemon.log.2 are those before.

  --follow  go on with what is added to it, until Ctrl-C
`,
	"daemon run": `'reval lsp' starts this. A daemon of an older version of reval is ended, and this one
goes on with its sessions and kernels; one of another build of this version takes no more
clients, and hands over when it has none. Where a newer one runs, this does not start.
A daemon that is ended by a signal, or dies, leaves its kernels to the next.

It reads reval/config.json in the user's configuration folder ($XDG_CONFIG_HOME, or
~/.config), if that is there: an object with the keys sessionIdle (after how long a
session ends that nobody uses: "12h"), historyAge ("90d"), historySize ("2GiB") and
stopOnError (whether what waits behind an error is not run: true).

  --idle DURATION  end after so long with neither client nor work; 10m by default
  --detached       tell who started this process that it listens, by the descriptors
                   that it is given; not for people
`,
	"history": `What kernels gave to editors that the daemon serves is kept in reval/journal.db of
the user's state folder, with the code that was evaluated: for 90 days, and up to
2 GiB. What is typed as a password is not. The last evaluations are shown, the last
one at the end.

  --folder FOLDER  those of kernels that ran in FOLDER or in a folder in it
  --limit N        how many, 20 by default
  --json           a line for each: an object with the keys id, session, client, uri,
                   line, code, state, count, started, ended, message and outputs (as
                   notebooks have them)

To keep nothing of some folders, or of all, set historyExclude: reval-history-exclude
in Emacs, g:reval_history_exclude in Vim and Neovim.
`,
	"history clear": `What kernels gave is kept in reval/journal.db of the user's state folder
($XDG_STATE_HOME, or ~/.local/state), with the code that was evaluated. This removes
all of it for good, or what both options say. It may be used while editors are open:
what is evaluated then goes on being kept.

  --before TIME    what ended before a day (2026-11-30, its beginning), a time
                   (2026-11-30T12:00) or an age (30d, 12h)
  --folder FOLDER  that of kernels that ran in FOLDER or in a folder in it
`,
	"kernel go": `Clients start this, as any Jupyter kernel: it binds the five ports of the
connection file on loopback and serves until it is shut down. What was executed is
kept for later sessions in reval/go-history of the user's state folder
($XDG_STATE_HOME, or ~/.local/state). The Go code in reval/go-kernel.go of the
user's configuration folder is evaluated first.

  --engine NAME  what runs the cells: ixgo (the default) or yaegi, which is smaller and
                 lacks much of the language; docs/go-kernel.md compares them

Other arguments, which some clients give to every kernel, are ignored.
`,
	"kernel install": `Writes a kernelspec, by which JupyterLab, jupyter console and nbclient start the
kernel of this program, wherever that is now. To take it away again, run
'jupyter kernelspec remove reval-go'.

  --user         for this user, in Jupyter's data directory; this is the default
  --sys-prefix   for the Python environment that is active (VIRTUAL_ENV or
                 CONDA_PREFIX)
  --prefix DIR   into DIR/share/jupyter/kernels
  --name NAME    the kernelspec's name, reval-go by default
  --engine NAME  what runs the cells, as of 'reval kernel go'
`,
}

func usage(c *command) string {
	var b strings.Builder
	if c == nil || c.name == "help" {
		b.WriteString(introduction)
		for _, c := range commands {
			fmt.Fprintf(&b, "  %-14s  %s\n", c.name, c.summary)
		}
		b.WriteString("\n`reval help COMMAND` explains one.\n")
		return b.String()
	}
	fmt.Fprintf(&b, "usage: reval %s %s\n\n%s.\n", c.name, c.args, strings.ToUpper(c.summary[:1])+c.summary[1:])
	if d := details[c.name]; d != "" {
		b.WriteString("\n" + d)
	}
	return b.String()
}

func runHelp(_ context.Context, env environment, args []string) error {
	var c *command
	if len(args) > 0 {
		var err error
		if c, _, err = find(args); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(env.stdout, usage(c))
	return err
}
