package child

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// UsageNow is that of a process that runs.
func UsageNow(pid int) (u Usage, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	for name, to := range map[string]*int64{"VmHWM": &u.Peak, "VmRSS": &u.Resident, "RssAnon": &u.Own} {
		_, value, _ := bytes.Cut(status, []byte("\n"+name+":"))
		fields := bytes.Fields(value[:min(len(value), 40)])
		if len(fields) < 2 {
			return u, fmt.Errorf("process %d: no %s", pid, name)
		}
		if *to, err = strconv.ParseInt(string(fields[0]), 10, 64); err != nil {
			return u, fmt.Errorf("process %d: %s: %w", pid, name, err)
		}
		*to <<= 10
	}
	// schedstat(5): nanoseconds on a CPU, of each thread.
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, task.Name()))
		if err != nil {
			continue // it has ended
		}
		var ran int64
		if _, err := fmt.Sscan(string(stat), &ran); err != nil {
			return u, fmt.Errorf("process %d: %w", pid, err)
		}
		u.CPU += time.Duration(ran)
	}
	return u, err
}

// ForgetPeak has a process's Usage.Peak begin anew with what is resident now.
func ForgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}
