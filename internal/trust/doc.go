// Package trust says what of the file system may be believed: what nobody but the
// user and root can have put there. Everything that reval reads of its own accord,
// and every folder in which it makes a socket, comes through here.
package trust
