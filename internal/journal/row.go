package journal

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"

	"github.com/reval-editor/reval/internal/record"
	"github.com/reval-editor/reval/jupyter"
)

// row is an output as the file has it: an entry without its MIME bundle, which data has.
type row struct {
	kind          record.Kind
	name, display string
	// body is a stream's text; of others the entry in JSON; of what is lost why it is.
	body string
	sum  uint32
	lost loss
}

// kindLost is the kind of a row that stands for outputs that are not there.
const kindLost record.Kind = "lost"

// missing stands for outputs that are not there. Its Count is how many, its Name how many
// bytes these had.
func missing(l loss, why string) record.Entry {
	return record.Entry{Kind: kindLost, Count: l.outputs, Name: strconv.Itoa(l.bytes), Text: why}
}

// inline is up to which size, in bytes, a value of a bundle stands beside its row and is
// no blob.
const inline = 1 << 10

// newRow makes a row of an entry, and gives its bundle. What is no output, as no message of
// a kernel is, is missing.
func newRow(e record.Entry) (row, jupyter.MIMEBundle) {
	r := row{kind: e.Kind, display: e.DisplayID}
	data := e.Data
	switch e.Kind {
	case record.Stream:
		r.name, r.body = e.Name, e.Text
	case kindLost:
		bytes, _ := strconv.Atoi(e.Name)
		r.body, r.lost = e.Text, loss{outputs: e.Count, bytes: bytes}
	default:
		e.Data = nil
		body, err := e.MarshalJSON()
		if err != nil {
			return newRow(missing(loss{outputs: 1, bytes: e.Size()}, err.Error()))
		}
		r.body = string(body)
	}
	r.sum = r.checksum(data)
	return r, data
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is over all of an output, since a disk may give something else than it was given.
func (r *row) checksum(data jupyter.MIMEBundle) uint32 {
	var sum uint32
	add := func(s string) {
		// What ends a part is in no part of a text in UTF-8.
		sum = crc32.Update(sum, castagnoli, append([]byte(s), 0xff))
	}
	for _, part := range []string{string(r.kind), r.name, r.display, r.body} {
		add(part)
	}
	for _, mime := range slices.Sorted(maps.Keys(data)) {
		add(mime)
		add(string(data[mime]))
	}
	return sum
}

// entry is the output that a row and its data are of, or a line about it if there is none.
func (r *row) entry(data jupyter.MIMEBundle) record.Entry {
	switch {
	case r.sum != r.checksum(data):
		return note("an output is missing here: what the disk gives for it is damaged")
	case r.kind == record.Stream:
		return record.Entry{Kind: record.Stream, Name: r.name, Text: r.body}
	case r.kind == kindLost && r.lost.outputs == 1:
		return note(fmt.Sprintf("1 output (%s) is missing here: %s", size(r.lost.bytes), r.body))
	case r.kind == kindLost:
		return note(fmt.Sprintf("%d outputs (%s) are missing here: %s", r.lost.outputs, size(r.lost.bytes), r.body))
	}
	var e record.Entry
	if err := json.Unmarshal([]byte(r.body), &e); err != nil {
		return note("an output is missing here: " + err.Error())
	}
	e.Data = data
	return e
}

// note is a line of ours among outputs.
func note(words string) record.Entry {
	return record.Entry{Kind: record.Stream, Name: "stderr", Text: "\n[" + words + "]\n"}
}

func size(bytes int) string {
	switch {
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	case bytes >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// hash is a blob's name.
func hash(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}
