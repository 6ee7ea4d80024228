package terminal

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	now := time.Date(2026, 3, 30, 12, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"2026-11-30":           time.Date(2026, 11, 30, 0, 0, 0, 0, time.Local),
		"2026-11-30T08:15":     time.Date(2026, 11, 30, 8, 15, 0, 0, time.Local),
		"2026-11-30 08:15:01":  time.Date(2026, 11, 30, 8, 15, 1, 0, time.Local),
		"2026-11-30T08:15:00Z": time.Date(2026, 11, 30, 8, 15, 0, 0, time.UTC),
		"30d":                  time.Date(2026, 2, 28, 12, 0, 0, 0, time.Local),
		"1h30m":                now.Add(-90 * time.Minute),
	} {
		if got, err := moment(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, not %v: %v", text, got, want, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "-5h", "2026-13-01", "1.5d", "soon"} {
		if got, err := moment(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
