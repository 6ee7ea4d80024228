package zsock

import (
	"bytes"
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// jupyterSized is the shape of a small Jupyter message, the same as in testdata/peer.py.
var jupyterSized = [][]byte{
	[]byte("<IDS|MSG>"), bytes.Repeat([]byte("s"), 64), bytes.Repeat([]byte("h"), 200),
	bytes.Repeat([]byte("p"), 200), []byte("{}"), bytes.Repeat([]byte("c"), 100),
}

// BenchmarkRoundTrip: DEALER to ROUTER and back over tcp, here within one process,
// with pyzmq between two.
func BenchmarkRoundTrip(b *testing.B) {
	b.Run("zsock", func(b *testing.B) {
		r := router(b, Options{})
		d := dealer(b, r.Endpoint(), Options{Identity: []byte("d")})
		ctx := context.Background()
		go func() {
			for {
				m, err := r.Recv(ctx)
				if err != nil || r.Send(ctx, m) != nil {
					return
				}
			}
		}()
		b.ReportAllocs()
		for b.Loop() {
			if err := d.Send(ctx, jupyterSized); err != nil {
				b.Fatal(err)
			}
			if _, err := d.Recv(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pyzmq", func(b *testing.B) { pyzmq(b, "roundtrip") })
}

// BenchmarkPublish: XPUB to one SUB over tcp, until the last message is received.
func BenchmarkPublish(b *testing.B) {
	b.Run("zsock", func(b *testing.B) {
		x := xpub(b, Options{})
		s := sub(b, x.Endpoint())
		expect(b, x, "\x01")
		ctx := context.Background()
		b.ReportAllocs()
		b.ResetTimer()
		go func() {
			for range b.N {
				if x.Send(ctx, jupyterSized) != nil {
					return
				}
			}
		}()
		for range b.N {
			if _, err := s.Recv(ctx); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	})
	b.Run("pyzmq", func(b *testing.B) {
		seconds := pyzmq(b, "publish")
		b.ReportMetric(float64(b.N)/seconds, "msg/s")
	})
}

// pyzmq lets testdata/peer.py measure b.N operations of libzmq.
func pyzmq(b *testing.B, mode string) (seconds float64) {
	out, err := exec.Command(testenv.Python(b), "testdata/peer.py", mode, strconv.Itoa(b.N)).CombinedOutput()
	if err == nil {
		seconds, err = strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	}
	if err != nil {
		b.Fatalf("pyzmq: %v\n%s", err, out)
	}
	b.ReportMetric(seconds*1e9/float64(b.N), "ns/op")
	return seconds
}
