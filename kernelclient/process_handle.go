package kernelclient

import "errors"

// A processHandle stands for one process that is no child of this one. A number alone does
// not: it becomes another's. Each system's file has:
//
//	processStart(pid)       when the process started, in words that no other process has which
//	                        the number may be given to; errNoProcess if there is none, or it has
//	                        ended and its parent has not heard of it yet
//	holdProcess(pid, start) the handle of the process that started then, else errNoProcess
//	(*processHandle).wait   waits for its end; false if close was called before
//	(*processHandle).close  ends wait
//
// and what process_unix.go or process_windows.go ends it by.

// errNoProcess says that a process has ended, though another may have its number.
var errNoProcess = errors.New("there is no such process")
