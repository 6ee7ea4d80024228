// Package kernelclient finds, starts and talks to Jupyter kernels from the
// client's side: every kernel that follows the protocol, over ZeroMQ.
//
// [Finder.Find] lists kernelspecs, [Launch] starts one as a child process,
// [Attach] joins one that runs. Both give a [Kernel], which is ready: its IOPub
// is heard, so no output of a first evaluation is lost. [Kernel.Execute] runs
// code and hands every output to a function, typed and in the kernel's order;
// the other requests ([Kernel.Complete], [Kernel.Inspect], …) may be made at the
// same time, each with a context that bounds it: a kernel need not answer any
// request but execute and kernel_info.
//
// All methods are safe for concurrent use, and no channel has to be drained by
// the caller.
package kernelclient
