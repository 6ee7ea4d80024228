// Package jupyter holds what the two ends of the Jupyter messaging protocol
// share: message types, their contents, signing, the encoding on the wire, and
// the connection file. It opens no socket: kernelclient is the client's end
// over ZeroMQ, gokernel the kernel's.
//
// Unknown message types, content fields and MIME types pass through unchanged:
// a [Message] keeps its content as the JSON it came as, and the typed contents
// in this package are views that a caller decodes when it wants them.
//
// Section names in the comments are those of "Messaging in Jupyter",
// https://jupyter-client.readthedocs.io/en/stable/messaging.html.
package jupyter
