package terminal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/reval-editor/reval/kernelclient"
)

// tokenVariable holds the token of a Jupyter server's URL that has none. jupyter_server
// takes its own from it, too; a command line can be read by every user of the machine.
const tokenVariable = "JUPYTER_TOKEN"

// withToken gives a server's URL the token of the environment, unless it has one.
// Any other choice of a kernel is left as it is.
func withToken(address string) string {
	token := os.Getenv(tokenVariable)
	if token == "" || !kernelclient.IsServerURL(address) {
		return address
	}
	if p, err := kernelclient.ParseServerURL(address); err != nil || p.Server.HasToken() {
		return address // the error is told where it is parsed again
	}
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	q.Set("token", token)
	u.RawQuery = q.Encode()
	return u.String()
}

// ServerKernels lists on Out the kernels of the Jupyter server or ssh host at a URL,
// those that run and those that can be started, as tables or as JSON.
func ServerKernels(ctx context.Context, s Streams, address string, asJSON bool) error {
	var list serverList
	var err error
	switch {
	case kernelclient.IsServerURL(address):
		list, err = ofServer(ctx, withToken(address))
	case kernelclient.IsSSHURL(address):
		list, err = ofHost(ctx, address)
	default:
		err = errors.New("the server's URL begins with none of http://, https:// and ssh://")
	}
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(s.Out, append(list.specs, list.running...))
	}
	return list.print(s)
}

// serverList is what a server or a host has.
type serverList struct {
	specs, running []kernel
	hidden         bool // what runs is not told
}

func ofServer(ctx context.Context, address string) (list serverList, err error) {
	p, err := kernelclient.ParseServerURL(address)
	if err != nil {
		return list, err
	}
	specs, err := p.Server.Specs(ctx)
	if err != nil {
		return list, err
	}
	running, err := p.Server.Kernels(ctx)
	list.hidden = errors.Is(err, kernelclient.ErrToken) // a Kernel Gateway lists them only if it is told to
	if err != nil && !list.hidden {
		return list, err
	}
	list.specs = startable(specs, func(spec string) string { return kernelclient.Place{Server: p.Server, Spec: spec}.String() })
	languages := map[string]string{}
	for _, spec := range specs {
		languages[spec.Name] = spec.Language
	}
	for _, k := range running {
		list.running = append(list.running, kernel{
			Name:     kernelclient.Place{Server: p.Server, Kernel: k.ID}.String(),
			Language: languages[k.Name], DisplayName: k.Name, Source: p.Server.String(), Argv: []string{},
			Running: &liveKernel{State: k.State, LastActivity: k.LastActivity, Connections: k.Connections},
		})
	}
	return list, nil
}

// ofHost lists what ssh finds on a host; kernels that run there are nobody else's to join.
func ofHost(ctx context.Context, address string) (list serverList, err error) {
	h, _, err := kernelclient.ParseSSHURL(address, nil)
	if err != nil {
		return list, err
	}
	specs, err := h.Specs(ctx)
	if err != nil {
		return list, err
	}
	list.specs = startable(specs, h.URL)
	return list, nil
}

// startable tells kernelspecs by their names elsewhere.
func startable(specs []kernelclient.Spec, name func(spec string) string) []kernel {
	kernels := []kernel{}
	for _, spec := range specs {
		kernels = append(kernels, kernel{
			Name: name(spec.Name), Language: spec.Language, DisplayName: spec.DisplayName,
			Default: isDefault(spec, specs), Source: spec.Source, Argv: []string{},
		})
	}
	return kernels
}

// print tells the kernels in tables.
func (l serverList) print(s Streams) error {
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	l.specs, l.running = shown(l.specs), shown(l.running)
	fmt.Fprintln(t, "  TO BE STARTED\tLANGUAGE\tDISPLAY NAME")
	for _, k := range l.specs {
		fmt.Fprintf(t, "%s %s\t%s\t%s\n", k.mark(), k.Name, k.Language, k.DisplayName)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(s.Out, "\n* is what files of the language are evaluated with where --kernel is the server's own URL."); err != nil {
		return err
	}
	if l.hidden {
		_, err := fmt.Fprintln(s.Out, "\nThe server does not list the kernels that run.")
		return err
	}
	if len(l.running) == 0 {
		return nil
	}
	fmt.Fprintln(t, "\n  RUNNING\tKERNEL\tSTATE\tACTIVE\tCLIENTS")
	for _, k := range l.running {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%d\n", k.Name, k.DisplayName, orDash(k.Running.State),
			k.Running.LastActivity.Local().Format(time.DateTime), k.Running.Connections)
	}
	return t.Flush()
}
