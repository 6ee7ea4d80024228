package kernelclient

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Errors of a Server's requests; others wrap what the network or the server said.
var (
	// ErrToken is wrapped where a server refuses the token, or wants one.
	ErrToken = errors.New("the server refuses the token")
	// ErrNoSuchKernel is wrapped where a server does not know a kernel (any more).
	ErrNoSuchKernel = errors.New("the server has no such kernel")
)

// Server is a Jupyter server that runs kernels elsewhere: a Jupyter Server, a Kernel
// Gateway, an Enterprise Gateway, or a user's server behind a JupyterHub. It is safe
// for concurrent use.
type Server struct {
	base  *url.URL // without a slash at its end, and without the token
	token string
	http  *http.Client
}

// requestTimeout bounds a request to a server for which the caller set no deadline.
const requestTimeout = 30 * time.Second

// maxAnswer bounds the answer to a request, in bytes.
const maxAnswer = 1 << 20

// errTooLong is an answer of more than maxAnswer.
var errTooLong = fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)

// IsServerURL tells whether a user's choice of a kernel is the URL of a Jupyter
// server, or of a kernel or kernelspec of one.
func IsServerURL(kernel string) bool {
	return strings.HasPrefix(kernel, "http://") || strings.HasPrefix(kernel, "https://")
}

// Place is what a URL names on a server.
type Place struct {
	Server *Server
	// Kernel is the id of a running kernel, Spec the name of a kernelspec; at most
	// one is set.
	Kernel, Spec string
}

// ParseServerURL reads a URL as a Jupyter server prints it, http://host:8888/?token=T,
// with any path before /?token. With /api/kernels/ID it names a running kernel, and
// with /api/kernelspecs/NAME a kernel to be started. What a browser shows of a
// JupyterLab or a notebook (/lab/…, /tree/…, /notebooks/…) is cut off.
func ParseServerURL(raw string) (Place, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		// The error of url.Parse would show the token.
		return Place{}, errors.New("the server's URL does not have the form http://host:port/?token=T")
	}
	token := u.Query().Get("token")
	if token == "" && u.User != nil {
		token, _ = u.User.Password()
	}
	var p Place
	path := withoutPage(u.EscapedPath())
	if before, rest, found := strings.Cut(path, "/api/"); found {
		kind, name, _ := strings.Cut(strings.Trim(rest, "/"), "/")
		if name, err = url.PathUnescape(name); err != nil {
			return Place{}, fmt.Errorf("the server's URL: %w", err)
		}
		switch kind {
		case "kernels":
			p.Kernel = name
		case "kernelspecs":
			p.Spec = name
		default:
			return Place{}, fmt.Errorf("the server's URL: /api/%s names neither a kernel (/api/kernels/ID) nor a kernelspec (/api/kernelspecs/NAME)", kind)
		}
		path = before
	}
	base, err := url.Parse(u.Scheme + "://" + u.Host + strings.TrimRight(path, "/"))
	if err != nil {
		return Place{}, fmt.Errorf("the server's URL: %w", err)
	}
	// Requests are rare: no connection is kept for them.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	p.Server = &Server{base: base, token: token, http: &http.Client{Transport: transport, CheckRedirect: redirect}}
	return p, nil
}

// maxRedirects is how often a server may send on.
const maxRedirects = 10

// redirect keeps the token from whoever a server sends on to: net/http looks at the host's
// name alone, which is also that of other ports, and of what is not encrypted.
func redirect(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("the server sends on more than %d times", maxRedirects)
	}
	if !sameOrigin(r.URL, via[0].URL) {
		r.Header.Del("Authorization")
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && cmp.Or(a.Port(), defaultPorts[a.Scheme]) == cmp.Or(b.Port(), defaultPorts[b.Scheme])
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// withoutPage cuts off what a browser shows of a server. The name of a JupyterHub's user
// is no page, whatever it is.
func withoutPage(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if slices.Contains([]string{"lab", "tree", "notebooks", "login"}, s) && segments[i-1] != "user" {
			return strings.Join(segments[:i], "/")
		}
	}
	return path
}

// String is the server's URL without its token.
func (s *Server) String() string { return s.base.String() }

// HasToken tells whether the server's URL came with a token.
func (s *Server) HasToken() bool { return s.token != "" }

// String is the URL that [ParseServerURL] reads as the place, without the token.
func (p Place) String() string { return p.url().String() }

// URL is String with the token.
func (p Place) URL() string {
	u := p.url()
	if p.Server.token != "" {
		u.RawQuery = url.Values{"token": {p.Server.token}}.Encode()
	}
	return u.String()
}

func (p Place) url() *url.URL {
	u := *p.Server.base
	switch {
	case p.Kernel != "":
		return u.JoinPath("api", "kernels", url.PathEscape(p.Kernel))
	case p.Spec != "":
		return u.JoinPath("api", "kernelspecs", url.PathEscape(p.Spec))
	}
	return &u
}

// endpoint is the URL of a path on the server. Ids and names come from servers: each is
// one element of the path, whatever it is.
func (s *Server) endpoint(path ...string) (*url.URL, error) {
	u := s.base
	for _, element := range path {
		if element == "" || element == "." || element == ".." {
			return nil, fmt.Errorf("%q is no name of a kernel or kernelspec", element)
		}
		u = u.JoinPath(url.PathEscape(element))
	}
	return u, nil
}

// errInternal is an answer with the status 500.
var errInternal = errors.New("the server failed (HTTP 500 Internal Server Error)")

// How often, and with which pause, the kernels are listed by a server that fails.
const (
	listAttempts = 5
	listPause    = 50 * time.Millisecond
)

// ServerKernel is a kernel that runs on a server ("Kernels API").
type ServerKernel struct {
	ID   string `json:"id"`
	Name string `json:"name"` // of its kernelspec
	// State is what the server last heard of it: "idle", "busy", "starting", "dead".
	State        string    `json:"execution_state"`
	LastActivity time.Time `json:"last_activity"`
	Connections  int       `json:"connections"` // clients that are connected to it
}

// Kernels lists the kernels that run, the one that was active last first.
func (s *Server) Kernels(ctx context.Context) ([]ServerKernel, error) {
	var kernels []ServerKernel
	var err error
	// Jupyter Server 2.21 fails at it while one of its kernels ends.
	for range listAttempts {
		if err = s.do(ctx, http.MethodGet, nil, &kernels, "api", "kernels"); !errors.Is(err, errInternal) {
			break
		}
		pause := time.NewTimer(listPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list the kernels of %s: %w", s, err)
	}
	slices.SortStableFunc(kernels, func(a, b ServerKernel) int { return b.LastActivity.Compare(a.LastActivity) })
	return kernels, nil
}

// Specs lists the kernels that the server can start, its default first. They are of
// use to [Choose] and [Server.Start] only.
func (s *Server) Specs(ctx context.Context) ([]Spec, error) {
	var answer struct {
		Default string
		Specs   map[string]struct {
			Name string
			Spec struct {
				DisplayName   string `json:"display_name"`
				Language      string
				InterruptMode string `json:"interrupt_mode"`
			}
		} `json:"kernelspecs"`
	}
	if err := s.do(ctx, http.MethodGet, nil, &answer, "api", "kernelspecs"); err != nil {
		return nil, fmt.Errorf("list the kernelspecs of %s: %w", s, err)
	}
	var specs []Spec
	for name, a := range answer.Specs {
		specs = append(specs, Spec{
			Name: name, DisplayName: brief(a.Spec.DisplayName), Language: brief(a.Spec.Language), InterruptMode: InterruptByMessage, Source: s.String(),
		})
	}
	first := func(spec Spec) int {
		if spec.Name == answer.Default {
			return 0
		}
		return 1
	}
	slices.SortFunc(specs, func(a, b Spec) int {
		return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(a.Name, b.Name))
	})
	return specs, nil
}

// start has the server start a kernel. dir is where, relative to the server's root;
// a server that does not know it starts the kernel in its root.
func (s *Server) start(ctx context.Context, spec, dir string) (ServerKernel, error) {
	var kernel ServerKernel
	body := map[string]string{"name": spec}
	if dir != "" {
		body["path"] = dir
	}
	err := s.do(ctx, http.MethodPost, body, &kernel, "api", "kernels")
	if err == nil && kernel.ID == "" {
		err = errors.New("it gave the kernel no id")
	}
	return kernel, err
}

func (s *Server) kernel(ctx context.Context, id string) (ServerKernel, error) {
	var kernel ServerKernel
	err := s.do(ctx, http.MethodGet, nil, &kernel, "api", "kernels", id)
	return kernel, err
}

func (s *Server) interrupt(ctx context.Context, id string) error {
	return s.do(ctx, http.MethodPost, struct{}{}, nil, "api", "kernels", id, "interrupt")
}

func (s *Server) restart(ctx context.Context, id string) error {
	return s.do(ctx, http.MethodPost, struct{}{}, nil, "api", "kernels", id, "restart")
}

func (s *Server) delete(ctx context.Context, id string) error {
	err := s.do(ctx, http.MethodDelete, nil, nil, "api", "kernels", id)
	if errors.Is(err, ErrNoSuchKernel) {
		return nil // it is what was wanted
	}
	return err
}

// do makes a request and reads its JSON answer.
func (s *Server) do(ctx context.Context, method string, body, answer any, path ...string) error {
	// A caller with a deadline may have more patience: an Enterprise Gateway answers when
	// the cluster has started the kernel.
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
	}
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	u, err := s.endpoint(path...)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return err
	}
	request.Header = s.header()
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.http.Do(request)
	if err != nil {
		return plain(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return plain(err)
	}
	if len(data) > maxAnswer {
		return errTooLong
	}
	if err := refusal(response, data); err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("what answers there is no Jupyter server: %s is no such JSON", response.Request.URL.Path)
	}
	return nil
}

// header authorizes a request ("Security", Jupyter Server).
func (s *Server) header() http.Header {
	h := http.Header{}
	if s.token != "" {
		h.Set("Authorization", "token "+s.token)
	}
	return h
}

// plain takes the URL out of an HTTP client's error; the caller names the server.
func plain(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// refusal is the error of an answer's status; nil if there is none.
func refusal(r *http.Response, body []byte) error {
	status := r.StatusCode
	if status < 300 {
		return nil
	}
	var said struct{ Message, Reason string }
	json.Unmarshal(body, &said) // what is no JSON says nothing
	words := ""
	if said.Message != "" {
		words = ": " + firstLine(said.Message)
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		if r.Request != nil && r.Request.Response != nil && r.Request.Header.Get("Authorization") == "" {
			return fmt.Errorf("%w (HTTP %d): it sends on to %s://%s, which does not get the token: give that URL if it is the server's", ErrToken, status, r.Request.URL.Scheme, r.Request.URL.Host)
		}
		return fmt.Errorf("%w (HTTP %d): give its URL with ?token=, as the server printed it", ErrToken, status)
	case http.StatusNotFound:
		return fmt.Errorf("%w (HTTP 404)%s", ErrNoSuchKernel, words)
	case http.StatusInternalServerError:
		return fmt.Errorf("%w%s", errInternal, words)
	}
	return fmt.Errorf("the server answers HTTP %d %s%s", status, http.StatusText(status), words)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
