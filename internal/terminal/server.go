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

// ServerKernels lists on Out the kernels of the Jupyter server at a URL, those that run
// and those that it can start, as tables or as JSON.
func ServerKernels(ctx context.Context, s Streams, address string, asJSON bool) error {
	if !kernelclient.IsServerURL(address) {
		return errors.New("the server's URL begins neither with http:// nor with https://")
	}
	p, err := kernelclient.ParseServerURL(withToken(address))
	if err != nil {
		return err
	}
	specs, err := p.Server.Specs(ctx)
	if err != nil {
		return err
	}
	running, err := p.Server.Kernels(ctx)
	hidden := errors.Is(err, kernelclient.ErrToken) // a Kernel Gateway lists them only if it is told to
	if err != nil && !hidden {
		return err
	}
	kernels := []kernel{}
	languages := map[string]string{}
	for _, spec := range specs {
		name := kernelclient.Place{Server: p.Server, Spec: spec.Name}.String()
		kernels = append(kernels, kernel{
			Name: name, Language: spec.Language, DisplayName: spec.DisplayName,
			Default: isDefault(spec, specs), Source: spec.Source, Argv: []string{},
		})
		languages[spec.Name] = spec.Language
	}
	for _, k := range running {
		name := kernelclient.Place{Server: p.Server, Kernel: k.ID}.String()
		kernels = append(kernels, kernel{
			Name: name, Language: languages[k.Name], DisplayName: k.Name, Source: p.Server.String(), Argv: []string{},
			Running: &liveKernel{State: k.State, LastActivity: k.LastActivity, Connections: k.Connections},
		})
	}
	if asJSON {
		return writeJSON(s.Out, kernels)
	}
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  TO BE STARTED\tLANGUAGE\tDISPLAY NAME")
	for _, k := range kernels[:len(specs)] {
		fmt.Fprintf(t, "%s %s\t%s\t%s\n", k.mark(), k.Name, k.Language, k.DisplayName)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(s.Out, "\n* is what files of the language are evaluated with where --kernel is the server's own URL."); err != nil {
		return err
	}
	if hidden {
		_, err := fmt.Fprintln(s.Out, "\nThe server does not list the kernels that run.")
		return err
	}
	if len(running) == 0 {
		return nil
	}
	fmt.Fprintln(t, "\n  RUNNING\tKERNEL\tSTATE\tACTIVE\tCLIENTS")
	for _, k := range kernels[len(specs):] {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%d\n", k.Name, k.DisplayName, orDash(k.Running.State),
			k.Running.LastActivity.Local().Format(time.DateTime), k.Running.Connections)
	}
	return t.Flush()
}
