package kernelclient

import "testing"

func TestCursor(t *testing.T) {
	const code = "größe👍x"
	for offset, want := range map[int]Cursor{-1: 0, 0: 0, 2: 2, 4: 3, len(code) - 1: 6, len(code): 7, 100: 7} {
		if got := CursorAt(code, offset); got != want {
			t.Errorf("byte %d is at %d, want %d", offset, got, want)
		}
	}
	for cursor, want := range map[Cursor]int{-1: 0, 0: 0, 3: 4, 6: len(code) - 1, 7: len(code), 100: len(code)} {
		if got := cursor.Offset(code); got != want {
			t.Errorf("%d is byte %d, want %d", cursor, got, want)
		}
	}
}
