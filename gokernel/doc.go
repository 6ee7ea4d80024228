// Package gokernel is a Jupyter kernel for Go. It runs as a process of its own,
// like any other kernel, and needs no Go installation.
//
// # Shape
//
//   - front parses a cell, checks it by go/types against the namespace, hoists
//     its top-level variables, and keeps every position that of the user's text.
//     It also completes and inspects, from the live namespace.
//   - An engine, behind front.Engine, loads and runs what front made: ixgo, yaegi.
//   - This package is the server's side of the Jupyter protocol, the magics, and
//     package reval, by which cells speak to the client (reval.go).
//   - magic finds what in a cell is no Go; display, plot and comm are what cells
//     show values, draw and speak to the client's code with.
//   - stdinfo holds the types and the documentation of the standard library.
//
// What is printed, shown or asked belongs to the cell in whose code the goroutine
// was started: see cell.go. Serve has a kernel inside another program.
//
// # Cells
//
// A cell is declarations and statements in any order. Its variables, functions,
// types and imports live on. Declaring a variable again with the same type keeps
// its storage, so that earlier functions see the new value; with another type,
// and for functions and types, later cells get the new one and earlier functions
// keep the old. A type and its methods stand in one cell. Statements run in the
// order of the text, and a variable is used after its declaration, as in a
// function. The value of a last expression is the cell's result; a call of
// fmt.Print and its like has none. A cell with a package clause is a program: its
// variables are initialized as Go does it, and main is run.
//
// # What the yaegi engine cannot do
//
// Forms that it is known to run otherwise than compiled Go are refused, with the
// place and what to do instead, or lowered to forms that it runs rightly;
// yaegi/testdata/forms.txtar lists what was tried. What no look at the source can
// find, and so is evaluated as the interpreter does it:
//
//   - Run-time errors that recover gives have other texts and types than Go's.
//   - A nil pointer of a cell's type in an error is equal to nil.
//   - Two struct types of cells with equal fields are equal in an any, and any
//     interface of the standard library forgets which of them it holds.
//   - v, ok = m[k] gives a variable v that existed before new storage: a pointer
//     to it taken before sees the old value.
//   - A stack overflow ends the goroutines of earlier cells too, runs no deferred
//     code, and is told without places. In a goroutine, while no cell runs, it ends
//     the process.
//   - os.Stdout and os.Stderr written by their own methods, close together, can
//     come in another order; fmt.Fprint and log keep it.
//   - An interrupt ends the goroutines of earlier cells too, runs no deferred
//     code, and leaves a call into compiled code to end by itself.
//   - About 4 KiB a cell are never freed.
package gokernel
