// A module of its own, so that the product never needs cgo.
module github.com/reval-editor/reval/internal/bench/libzmq

go 1.26.0

require (
	github.com/pebbe/zmq4 v1.4.0
	github.com/reval-editor/reval v0.0.0
)

replace github.com/reval-editor/reval => ../../..
