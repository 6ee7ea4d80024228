package gokernel

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/reval-editor/reval/jupyter"
)

// The oldest sessions' files go when there are too many, those of others stay.
func TestHistoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := 1; i <= maxSessions; i++ {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)+".jsonl"), []byte(`{"line":1,"input":"a"}`+"\n"+`{"li`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHistory(dir)
	h.add(1, "b", "")
	h.close()
	if sessions := h.sessions(); len(sessions) != maxSessions || sessions[0] != 2 || sessions[len(sessions)-1] != maxSessions+1 {
		t.Errorf("%d sessions, from %d to %d", len(sessions), sessions[0], sessions[len(sessions)-1])
	}
	found, err := newHistory(dir).find(jupyter.HistoryRequestContent{HistAccessType: "tail", N: 2})
	if err != nil || len(found) != 2 || found[0].Input != "a" || found[1].Input != "b" {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Error(err)
	}
	if _, err := h.find(jupyter.HistoryRequestContent{HistAccessType: "all"}); err == nil {
		t.Error("an unknown access type is taken")
	}
}

// In a pattern * and ? are special, and brackets that are closed, or stand for themselves.
func TestGlob(t *testing.T) {
	for pattern, text := range map[string]string{"a*c": "ab/c", "a?c": "a\nc", "*[": "x := [", `*\n*`: `"\n"`, "": "all", "[ab]c": "ac", "x[*": "x[1]"} {
		if !glob(pattern, text) {
			t.Errorf("%q does not match %q", pattern, text)
		}
	}
	for pattern, text := range map[string]string{"[ab]": "c", "a": "ab", `\a`: "a"} {
		if glob(pattern, text) {
			t.Errorf("%q matches %q", pattern, text)
		}
	}
}
