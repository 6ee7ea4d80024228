package kernelclient

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

// front stands before a real server, which it hands on to what is below prefix, and wants
// a token of its own in the header of every request, the websocket's too. refuse may
// answer a request instead.
func front(t *testing.T, s *testenv.Server, prefix string, refuse func(w http.ResponseWriter, r *http.Request) bool) *httptest.Server {
	t.Helper()
	target, err := url.Parse("http://" + s.Address())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.EscapedPath(), prefix), ""
		r.SetURL(target)
		r.Out.Header.Set("Authorization", "token "+s.Token)
	}}
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasPrefix(r.URL.EscapedPath(), prefix+"/api/"):
			t.Errorf("asked for %s", r.URL.EscapedPath())
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Query().Has("token"):
			t.Errorf("the token is in a URL, which logs have: %s", r.URL)
			w.WriteHeader(http.StatusBadRequest)
		case r.Header.Get("Authorization") != "token front":
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"status": 403, "message": "Forbidden"}`)
		case !refuse(w, r):
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(peer.Close)
	return peer
}

// A user's server behind a JupyterHub is reached below /user/NAME, with the token in the
// header; the hub answers for a server that does not run ("JupyterHub URL scheme").
func TestHub(t *testing.T) {
	t.Parallel()
	const prefix = "/hub-at/user/ada%40example.org"
	var mu sync.Mutex
	stopped := false
	hub := front(t, testenv.StartServer(t, "jupyter_server"), prefix, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			w.WriteHeader(http.StatusFailedDependency)
			io.WriteString(w, `{"message": "ada is not running. Please restart it at /hub/home"}`)
		}
		return stopped
	})
	_, err := placeOf(t, hub.URL+prefix+"/?token=other").Server.Specs(within(t))
	oneLine(t, err, "refuses the token")
	// What a browser shows.
	p := placeOf(t, hub.URL+prefix+"/lab/tree/a.ipynb?token=front")
	if p.Server.String() != hub.URL+prefix {
		t.Fatalf("the server is %s", p.Server)
	}
	k, err := p.Server.Start(within(t), Spec{Name: "python3"}, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	equal(t, run(t, k, "x = 41; x + 1"), "input 1\nresult \"42\"")
	own := mustPlace(t, k)
	if !strings.HasPrefix(own.String(), hub.URL+prefix+"/api/kernels/") {
		t.Errorf("the kernel is %s", own)
	}
	again := placeOf(t, own.URL())
	second, err := again.Server.Attach(within(t), again.Kernel, Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, strings.SplitN(run(t, second, "x"), "\n", 2)[1], "result \"41\"")
	second.Close()
	if err := k.Shutdown(within(t)); err != nil {
		t.Fatal(err)
	}

	mu.Lock()
	stopped = true
	mu.Unlock()
	_, err = p.Server.Start(within(t), Spec{Name: "python3"}, "", Options{})
	oneLine(t, err, "HTTP 424", "ada is not running. Please restart it")
}

// TestTokenExpires: who is connected is told when the token is refused, and finds the kernel
// as it was with another.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	s := testenv.StartServer(t, "jupyter_server")
	var mu sync.Mutex
	expired := false
	peer := front(t, s, "", func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if expired {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message": "Forbidden", "reason": null}`)
		}
		return expired
	})
	k, err := placeOf(t, peer.URL+"/?token=front").Server.Start(within(t), Spec{Name: "python3"}, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "x = 42; print('on', flush=True)\nwhile x: pass"}, l.add)
	l.wait(t, "on")
	mu.Lock()
	expired = true
	mu.Unlock()
	s.Cut()
	s.Join()
	oneLine(t, next(t, ended).err, "refuses the token", "?token=")
	<-k.Done()
	oneLine(t, k.Err(), "refuses the token")

	p := placeOf(t, s.URL("/api/kernels/"+mustPlace(t, k).Kernel))
	again, err := p.Server.Attach(within(t), p.Kernel, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	if err := again.Interrupt(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := run(t, again, "x"); !strings.Contains(got, `result "42"`) {
		t.Errorf("with another token: %s", got)
	}
}

// An Enterprise Gateway does not list kernels unless it is told to, and answers a start
// once the kernel runs, on whatever machine ("Kernels API", Enterprise Gateway).
func TestEnterpriseGateway(t *testing.T) {
	t.Parallel()
	gateway := front(t, testenv.StartServer(t, "kernel_gateway"), "", func(w http.ResponseWriter, r *http.Request) bool {
		switch r.Method + " " + r.URL.Path {
		case "GET /api/kernels":
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"reason": "Forbidden", "message": ""}`)
			return true
		case "POST /api/kernels":
			body, err := io.ReadAll(r.Body)
			var asked struct{ Name string }
			if err != nil || json.Unmarshal(body, &asked) != nil || asked.Name != "python3" {
				t.Errorf("a kernel is asked for by %s, %v", body, err)
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		return false
	})
	server := placeOf(t, gateway.URL+"/?token=front").Server
	_, err := server.Kernels(within(t))
	oneLine(t, err, "refuses the token")
	specs, err := server.Specs(within(t))
	if err != nil || len(specs) == 0 {
		t.Fatalf("kernelspecs %+v, %v", specs, err)
	}
	k, err := server.Start(within(t), specs[0], "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	equal(t, run(t, k, "6 * 7"), "input 1\nresult \"42\"")
	l := newEvents()
	ended := start(within(t), k, ExecuteRequest{Code: "print('on', flush=True)\nwhile True: pass"}, l.add)
	l.wait(t, "on")
	if err := k.Interrupt(within(t)); err != nil {
		t.Fatal(err)
	}
	if o := next(t, ended); o.err != nil || o.reply.Status != "error" {
		t.Errorf("interrupted: %+v", o)
	}
	if err := k.Shutdown(within(t)); err != nil {
		t.Fatal(err)
	}
}
