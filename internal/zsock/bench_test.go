package zsock

import (
	"bytes"
	"context"
	"testing"
)

// jupyterSized is the shape of a small Jupyter message.
var jupyterSized = [][]byte{
	[]byte("<IDS|MSG>"), bytes.Repeat([]byte("s"), 64), bytes.Repeat([]byte("h"), 200),
	bytes.Repeat([]byte("p"), 200), []byte("{}"), bytes.Repeat([]byte("c"), 100),
}

// BenchmarkRoundTrip: DEALER to ROUTER and back over tcp, within one process.
// `make bench` measures the same between two, beside libzmq.
func BenchmarkRoundTrip(b *testing.B) {
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
}

// BenchmarkPublish: XPUB to one SUB over tcp, until the last message is received.
func BenchmarkPublish(b *testing.B) {
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
}
