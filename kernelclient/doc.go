// Package kernelclient finds, starts and talks to Jupyter kernels from the
// client's side: every kernel that follows the protocol, on this machine over ZeroMQ,
// on a Jupyter server over its websocket, and on a host that ssh reaches.
//
// [Finder.Find] lists kernelspecs, [Launch] starts one as a child process,
// [Attach] joins one that runs. [Server.Start] and [Server.Attach] do the same on a
// server, [Host.Launch] on a host, and [FindAddress] takes whatever names one of
// them, or the newest kernel that runs. All give a [Kernel], which is ready: its IOPub
// is heard, so no output of a first evaluation is lost. [Kernel.Execute] runs code and
// hands every output to a function, typed and in the kernel's order; the other requests
// ([Kernel.Complete], [Kernel.Inspect], …) may be made at the same time, each with a
// context that bounds it: a kernel need not answer any request but execute and
// kernel_info.
//
// A kernel ends with the program that started it, unless it was launched with a [Registry]:
// then it runs on, and a later program finds it there and adopts it ([Registry.Adopt]), hears
// the rest of what it still runs ([Kernel.Await]) and has it as its own from then on.
//
// All methods are safe for concurrent use, and no channel has to be drained by
// the caller. Positions in code are [Cursor]s, which count code points.
package kernelclient
