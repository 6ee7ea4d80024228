//go:build race

package yaegi

// raceEnabled leaves out forms with goroutines, which share the notes of
// positions on purpose (trace.go).
const raceEnabled = true
