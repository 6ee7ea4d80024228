package language

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a traceback: what is looked at, what is kept of it and of one line of it,
// and the most lines that a repeated group of frames has.
const (
	maxTraceback  = 16 << 20 // bytes
	maxFrameLines = 200_000
	keptTraceback = 192 << 10 // bytes
	keptLines     = 1000
	keptLine      = 4 << 10 // bytes
	maxPeriod     = 64      // lines
)

// Frames that follow each other are folded if there are at least that many, and they
// have as many lines.
const (
	minCopies = 4
	minFolded = 20
)

// Abridge joins a traceback's pieces to a text that is short enough to be read: frames
// that are repeated, as in an endless recursion, stand there once with how often they
// came, and of what is still too long the beginning and the end are kept, where the
// place that failed stands. Most tracebacks stay as they are.
func Abridge(traceback []string) string {
	text := strings.Join(traceback, "\n")
	if strings.Count(text, "\n") < minFolded && len(text) <= keptLine {
		return text
	}
	lines := strings.Split(ends(text, maxTraceback), "\n")
	lines = middleOut(lines, maxFrameLines, maxTraceback)
	for i, line := range lines {
		if len(line) > keptLine {
			lines[i] = ends(line, keptLine)
		}
	}
	return strings.Join(middleOut(fold(lines), keptLines, keptTraceback), "\n")
}

// ends is the beginning and the end of a text that is too long.
func ends(text string, size int) string {
	if len(text) <= size {
		return text
	}
	from, to := size/2, len(text)-size/2
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	return text[:from] + "…" + text[to:]
}

// middleOut leaves out lines in the middle, until no more than that many lines and
// bytes are left; the end gets more of both than the beginning.
func middleOut(lines []string, count, size int) []string {
	total := 0
	for _, line := range lines {
		total += len(line) + 1
	}
	if len(lines) <= count && total <= size {
		return lines
	}
	head := take(lines, count/3, size/3, 1)
	tail := take(lines[head:], count-head, size-size/3, -1)
	left := len(lines) - head - tail
	note := fmt.Sprintf("    … %s lines are left out here", thousands(left))
	kept := append(lines[:head:head], note)
	return append(kept, lines[len(lines)-tail:]...)
}

// take counts the lines that fit, from the beginning or, with a step of -1, from the end.
func take(lines []string, count, size, step int) int {
	n, at := 0, 0
	if step < 0 {
		at = len(lines) - 1
	}
	for n < count && at >= 0 && at < len(lines) {
		if size -= len(lines[at]) + 1; size < 0 {
			break
		}
		n++
		at += step
	}
	return n
}

// fold takes out the copies of groups of lines that follow each other.
func fold(lines []string) []string {
	if len(lines) < minFolded {
		return lines
	}
	ids := frameIDs(lines)
	copies := make([]int32, len(lines)) // that follow the group that starts here
	periods := make([]int8, len(lines)) // of that group
	gone := make([]bool, len(lines))
	same := make([]int32, len(lines)+1) // lines from here on that are as those one period later
	for period := 1; period <= min(maxPeriod, len(lines)/minCopies); period++ {
		clear(same)
		for i := len(lines) - period - 1; i >= 0; i-- {
			if ids[i] == ids[i+period] && !gone[i] && !gone[i+period] {
				same[i] = same[i+1] + 1
			}
		}
		for i := 0; i < len(lines); {
			n := int(same[i])/period + 1
			if n < minCopies || n*period < minFolded || blank(lines[i:i+period]) {
				i++
				continue
			}
			copies[i], periods[i] = int32(n-1), int8(period)
			for j := range n * period {
				gone[i+j] = true // and the first copy is no part of a longer group
			}
			i += n * period
		}
	}
	var kept []string
	for i := 0; i < len(lines); i++ {
		if copies[i] == 0 {
			kept = append(kept, lines[i])
			continue
		}
		period := int(periods[i])
		kept = append(kept, lines[i:i+period]...)
		kept = append(kept, fmt.Sprintf("    … the same %s times", thousands(int(copies[i]))))
		i += period*(int(copies[i])+1) - 1
	}
	return kept
}

// frameIDs gives lines numbers, equal ones for lines that differ only in a frame's
// number and in colours.
func frameIDs(lines []string) []int32 {
	known := map[string]int32{}
	ids := make([]int32, len(lines))
	for i, line := range lines {
		if strings.Contains(line, "\x1b") {
			line = plain(line)
		}
		line = withoutFrameNumber(line)
		id, ok := known[line]
		if !ok {
			id = int32(len(known))
			known[line] = id
		}
		ids[i] = id
	}
	return ids
}

// withoutFrameNumber is a line without the frame's number that R ("12. f(x)", "12: f(x)")
// and Julia (" [12] f(x)") count it with.
func withoutFrameNumber(line string) string {
	rest, bracket := strings.CutPrefix(strings.TrimLeft(line, " "), "[")
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	rest, end := rest[digits:], ".:"
	if bracket {
		end = "]"
	}
	if digits == 0 || len(rest) < 2 || !strings.Contains(end, rest[:1]) || rest[1] != ' ' {
		return line
	}
	return strings.TrimLeft(rest[1:], " ")
}

func blank(lines []string) bool {
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			return false
		}
	}
	return true
}

// thousands writes a number for people: 9,990.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
