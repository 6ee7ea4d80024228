package main

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	for text, want := range map[string]config{
		`{}`:                         defaultConfig,
		`{"sessionIdle": "0"}`:       {0, 90 * day, 2 << 30, true},
		`{"sessionIdle": "forever"}`: {-1, 90 * day, 2 << 30, true},
		`{"sessionIdle": "1h30m"}`:   {90 * time.Minute, 90 * day, 2 << 30, true},
		`{"historyAge": "7d", "historySize": "500 MB", "stopOnError": false}`: {12 * time.Hour, 7 * day, 500_000_000, false},
		`{"historyAge": "forever", "historySize": "forever"}`:                 {12 * time.Hour, -1, -1, true},
	} {
		c := defaultConfig
		if err := c.parse([]byte(text)); err != nil || c != want {
			t.Errorf("%s: %v: %+v, want %+v", text, err, c, want)
		}
	}
	for text, want := range map[string]string{
		`{"sessionIdle": "-1h"}`:                  `sessionIdle: "-1h" is no time such as`,
		`{"sessionIdle": 12}`:                     "sessionIdle",
		`{"sessionIdle": "99999999999999999d"}`:   "is no time",
		`{"historyAge": "0"}`:                     "historyExclude",
		`{"historySize": "lots"}`:                 `historySize: "lots" is no size such as`,
		`{"historyage": "7d", "colour": 1}`:       "colour",
		`{"historyAge": "x", "historySize": "y"}`: "historySize",
		`[`: "unexpected",
	} {
		c := defaultConfig
		if err := c.parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
