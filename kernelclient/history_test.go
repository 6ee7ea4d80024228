package kernelclient

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// TestHistory asks ipykernel in all the ways of history_request: of this session and of
// the one before, which it has on disk.
func TestHistory(t *testing.T) {
	t.Parallel()
	env, dir := testenv.Env(t), t.TempDir()
	session := func(inputs ...string) *Kernel {
		t.Helper()
		k, err := Launch(within(t), ipykernel(t), LaunchOptions{Env: env, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.Close)
		for _, code := range inputs {
			run(t, k, code)
		}
		return k
	}
	if err := session("'größe'", "for i in range(2):\n    pass").Shutdown(within(t)); err != nil { // which writes it down
		t.Fatal(err)
	}
	k := session("6*7", "1+1", "6*7", "x = 1")
	for name, c := range map[string]struct {
		request jupyter.HistoryRequestContent
		want    string // the entries without their sessions
	}{
		"tail": {
			jupyter.HistoryRequestContent{HistAccessType: "tail", N: 2, Raw: true},
			`[3,"6*7"] [4,"x = 1"]`,
		},
		"tail into the session before": {
			jupyter.HistoryRequestContent{HistAccessType: "tail", N: 5, Raw: true},
			`[2,"for i in range(2):\n    pass"] [1,"6*7"] [2,"1+1"] [3,"6*7"] [4,"x = 1"]`,
		},
		"range": {
			jupyter.HistoryRequestContent{HistAccessType: "range", Start: 1, Stop: 3, Raw: true},
			`[1,"6*7"] [2,"1+1"]`,
		},
		"range with outputs": {
			jupyter.HistoryRequestContent{HistAccessType: "range", Start: 2, Stop: 5, Raw: true, Output: true},
			`[2,["1+1","2"]] [3,["6*7","42"]] [4,["x = 1",null]]`,
		},
		"range of the session before": {
			jupyter.HistoryRequestContent{HistAccessType: "range", Session: -1, Start: 1, Raw: true},
			`[1,"'größe'"] [2,"for i in range(2):\n    pass"]`,
		},
		"search": {
			jupyter.HistoryRequestContent{HistAccessType: "search", Pattern: "6*", Raw: true},
			`[1,"6*7"] [3,"6*7"]`,
		},
		"search, the last of them": {
			jupyter.HistoryRequestContent{HistAccessType: "search", Pattern: "*", N: 1, Raw: true},
			`[4,"x = 1"]`,
		},
		"search, each once": {
			jupyter.HistoryRequestContent{HistAccessType: "search", Pattern: "[61]*", Raw: true, Unique: true},
			`[2,"1+1"] [3,"6*7"]`,
		},
		"nothing found": {
			jupyter.HistoryRequestContent{HistAccessType: "search", Pattern: "nonesuch", Raw: true},
			``,
		},
	} {
		r, err := k.History(within(t), c.request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []byte
		for i, entry := range r.History {
			var e []json.RawMessage
			if err := json.Unmarshal(entry, &e); err != nil || len(e) != 3 {
				t.Fatalf("%s: entry %s, %v", name, entry, err)
			}
			if i > 0 {
				got = append(got, ' ')
			}
			var text bytes.Buffer
			encoder := json.NewEncoder(&text)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(decoded(t, e[1:])); err != nil {
				t.Fatal(err)
			}
			got = append(got, bytes.TrimSpace(text.Bytes())...)
		}
		if string(got) != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// decoded gives JSON as Go has it: kernels escape and space it as they like.
func decoded(t *testing.T, values []json.RawMessage) (all []any) {
	t.Helper()
	for _, v := range values {
		var value any
		if err := json.Unmarshal(v, &value); err != nil {
			t.Fatal(err)
		}
		all = append(all, value)
	}
	return all
}
