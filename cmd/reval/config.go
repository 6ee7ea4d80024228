package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/reval-editor/reval/internal/trust"
)

// config is the user's configuration of what is no editor's: how long sessions and their history
// live. It is a file of the user's own, never one of a workspace.
type config struct {
	// SessionIdle is how long a session lives that no client has joined and that evaluates
	// nothing; 0 for no time at all, a negative one for ever.
	SessionIdle time.Duration
	// HistoryAge and HistorySize are how long the history of an evaluation is kept, and how large all
	// of it may be, in bytes; negative for ever, and for any size.
	HistoryAge  time.Duration
	HistorySize int64
	// StopOnError has what waits behind an error not run.
	StopOnError bool
}

var defaultConfig = config{SessionIdle: 12 * time.Hour, HistoryAge: 90 * day, HistorySize: 2 << 30, StopOnError: true}

const day = 24 * time.Hour

// configFile is where the configuration is; empty if nothing tells where that would be.
func configFile() string {
	dir, err := os.UserConfigDir()
	if xdg := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(xdg) {
		dir = xdg
	} else if err != nil {
		return ""
	}
	return filepath.Join(dir, "reval", "config.json")
}

// readConfig reads the configuration. With an error, which says what is wrong where, all of it is
// the default.
func readConfig() (config, error) {
	path := configFile()
	if path == "" {
		return defaultConfig, nil
	}
	data, err := trust.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return defaultConfig, nil
	}
	c := defaultConfig
	if err == nil {
		err = c.parse(data)
	}
	if err != nil {
		return defaultConfig, fmt.Errorf("%s is passed over: %w", path, err)
	}
	return c, nil
}

func (c *config) parse(data []byte) error {
	var file struct {
		SessionIdle *string `json:"sessionIdle"`
		HistoryAge  *string `json:"historyAge"`
		HistorySize *string `json:"historySize"`
		StopOnError *bool   `json:"stopOnError"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return err
	}
	var errs []error
	read := func(name string, value *string, into func(string) error) {
		if value == nil {
			return
		}
		if err := into(*value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	read("sessionIdle", file.SessionIdle, func(v string) (err error) { c.SessionIdle, err = parseSpan(v); return err })
	read("historyAge", file.HistoryAge, func(v string) (err error) {
		if c.HistoryAge, err = parseSpan(v); err == nil && c.HistoryAge == 0 {
			err = errors.New("to keep no history set historyExclude in the editor")
		}
		return err
	})
	read("historySize", file.HistorySize, func(v string) (err error) { c.HistorySize, err = parseSize(v); return err })
	if file.StopOnError != nil {
		c.StopOnError = *file.StopOnError
	}
	return errors.Join(errs...)
}

// forever is a time or a size without a limit.
const forever = "forever"

// parseSpan reads "90d", "12h", "30m", "0" or "forever".
func parseSpan(text string) (time.Duration, error) {
	if text == forever {
		return -1, nil
	}
	wrong := fmt.Errorf("%q is no time such as 90d, 12h, 30m, 0 or forever", text)
	span, err := time.ParseDuration(text)
	if days, isDays := cutDays(text); isDays {
		if days > math.MaxInt64/int64(day) {
			return 0, wrong
		}
		span, err = time.Duration(days)*day, nil
	}
	if err != nil || span < 0 {
		return 0, wrong
	}
	return span, nil
}

func cutDays(text string) (int64, bool) {
	if len(text) < 2 || text[len(text)-1] != 'd' {
		return 0, false
	}
	days, err := strconv.ParseInt(text[:len(text)-1], 10, 64)
	return days, err == nil && days >= 0
}

var sizePattern = regexp.MustCompile(`^([1-9][0-9]{0,6}) ?(MiB|GiB|MB|GB)$`)

// parseSize reads "2GiB", "500MB" or "forever", which is any size.
func parseSize(text string) (int64, error) {
	if text == forever {
		return -1, nil
	}
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%q is no size such as 2GiB, 500MB or forever", text)
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	return n * map[string]int64{"MiB": 1 << 20, "GiB": 1 << 30, "MB": 1_000_000, "GB": 1_000_000_000}[m[2]], nil
}

// told is the configuration in words.
func (c config) told() map[string]string {
	span := func(d time.Duration) string {
		switch {
		case d < 0:
			return forever
		case d > 0 && d%day == 0:
			return fmt.Sprintf("%dd", d/day)
		}
		return d.String()
	}
	size := forever
	if c.HistorySize >= 0 {
		size = fmt.Sprintf("%d MB", c.HistorySize/1_000_000)
	}
	return map[string]string{
		"sessionIdle": span(c.SessionIdle), "historyAge": span(c.HistoryAge), "historySize": size, "stopOnError": strconv.FormatBool(c.StopOnError),
	}
}
