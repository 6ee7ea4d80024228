//go:build race

package kernelclient

// raceDetector tells that everything takes ten times as long.
const raceDetector = true
