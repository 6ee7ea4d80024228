package jupyter

import "testing"

// streamed gives the frames of a message as kernels publish them by the thousand.
func streamed(b *testing.B, w *Wire) [][]byte {
	request, err := NewMessage(NewID(), ExecuteRequest, ExecuteRequestContent{Code: "print(1)"})
	if err != nil {
		b.Fatal(err)
	}
	m, err := request.Reply(NewID(), StreamMsg, StreamContent{Name: "stdout", Text: "one line of output\n"})
	if err != nil {
		b.Fatal(err)
	}
	m.Identities = [][]byte{[]byte("stream")}
	frames, err := w.Encode(m)
	if err != nil {
		b.Fatal(err)
	}
	return frames
}

func BenchmarkEncode(b *testing.B) {
	w, err := NewWire(SignatureScheme, NewKey())
	if err != nil {
		b.Fatal(err)
	}
	request, err := w.Decode(streamed(b, w))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m, err := request.Reply(request.Header.Session, StreamMsg, StreamContent{Name: "stdout", Text: "one line of output\n"})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Encode(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	w, err := NewWire(SignatureScheme, NewKey())
	if err != nil {
		b.Fatal(err)
	}
	frames := streamed(b, w)
	b.ReportAllocs()
	for b.Loop() {
		clear(w.seen) // the same message each time is no replay
		m, err := w.Decode(frames)
		if err != nil {
			b.Fatal(err)
		}
		var c StreamContent
		if err := m.Decode(&c); err != nil {
			b.Fatal(err)
		}
	}
}
