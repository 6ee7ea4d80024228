package language

import (
	"encoding/binary"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Ref is how a kernel names a cell: by its execution count, or by the hash of its code.
// The zero Ref is a cell that it does not name, mostly the one that raised the error.
type Ref struct {
	Count int
	Hash  uint32
	Body  bool // what stands below its cell magic
}

// temporary is the name of the file that IPython kernels say a cell was read from: a
// folder for the process, and the hash of the code that was sent.
const temporary = `(?:ipykernel|xpython)_\d+[/\\]+(?P<hash>\d+)\.py`

// temporaryPlace matches such a name wherever it stands, or an older IPython's, with the
// line that is named behind it.
var temporaryPlace = regexp.MustCompile(`(?:["'](?P<ref>[/\\A-Z][^"'\n]*` + temporary + `)|(?P<ref>[^\s"'<>()=]*` + temporary + `|<ipython-input-(?P<count>\d+)-\w+>))` +
	`(?:["']?, line (?P<line>\d+)|:(?P<line>\d+)|\((?P<line>\d+)\))?`)

// hashSeed is the seed of ipykernel's and xeus' hashes.
const hashSeed = 0xc70f6907

// Hash is that of the code of a cell in the names that IPython kernels give it: MurmurHash2.
func Hash(code string) uint32 {
	const m = 0x5bd1e995
	data := []byte(code)
	h := uint32(hashSeed) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	if len(data) > 0 {
		var last [4]byte
		copy(last[:], data)
		h = (h ^ binary.LittleEndian.Uint32(last[:])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// NamesByHash says that kernels of the language may name a cell by its code's hash.
func (l Language) NamesByHash() bool { return l.traceback == ipython }

// mayBeTemporary says whether a text may name a cell by a file that is none.
func (l Language) mayBeTemporary(text string) bool {
	return l.NamesByHash() && (strings.Contains(text, "ipykernel_") || strings.Contains(text, "xpython_") || strings.Contains(text, "<ipython-input-"))
}

// fileLine is the line in which IPython tells where something is defined.
var fileLine = regexp.MustCompile(`^File: +\S`)

// debugged is the line with which Python's debugger says where it is.
var debugged = regexp.MustCompile(`^(?:\(?[Pp]db\)? |ipdb> )?> `)

// maxNames bounds how many names are looked for in one line.
const maxNames = 100

// RewritePrinted puts a buffer's own name and lines in the place of the files that a
// kernel says its cells are, wherever they stand in what code printed, and of the lines
// that its debugger shows. Names without a line stay in a value, which they may be.
func (l Language) RewritePrinted(text string, value bool, resolve func(cell Ref) (name string, firstLine int, ok bool)) string {
	if !l.mayBeTemporary(text) {
		return text
	}
	lines := strings.Split(text, "\n")
	offset, within := 0, false
	for i, raw := range lines {
		line := plain(raw)
		places := placesOf(temporaryPlace, line, maxNames)
		for _, p := range slices.Backward(places) {
			name, first, ok := resolve(p.frame(line).Cell)
			if ok && (p.groups["line"] != nil || !value) {
				offset, within = first-1, debugged.MatchString(line)
				if p.groups["line"] == nil && fileLine.MatchString(line) {
					name += ":" + strconv.Itoa(first)
				}
				lines[i] = p.rewrite(lines[i], line, name, offset)
			}
		}
		if m := l.traceback.context.FindStringSubmatchIndex(line); len(places) == 0 && within && m != nil {
			lines[i], _ = renumber(raw, line, m[2], m[3], offset)
		} else if len(places) == 0 {
			within = false
		}
	}
	return strings.Join(lines, "\n")
}
