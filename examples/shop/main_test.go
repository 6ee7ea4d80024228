package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
)

// build makes the program as a user does: in a test's own, package main has another path.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "shop.exe")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
		testenv.Missing(t, "go")
	} else if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// A client attaches to the running shop, looks into it and changes it, while it
// serves; the program's own output is not the cells'.
func TestShop(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), testenv.Patience)
	defer stop()
	file := filepath.Join(t.TempDir(), "shop.json")
	program := exec.Command(build(t), "-kernel", file)
	program.Stderr = os.Stderr
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Process.Kill() })
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	base := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the connection file: %v, %v", info, err)
	}

	kernel, err := kernelclient.Attach(ctx, file, kernelclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.Close()
	// evaluate gives what a cell prints, its value, or its error.
	evaluate := func(code string) string {
		t.Helper()
		var out strings.Builder
		if _, err := kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: code}, func(e kernelclient.Event) {
			switch e := e.(type) {
			case kernelclient.Stream:
				out.WriteString(e.Text)
			case kernelclient.Result:
				out.Write(e.Data["text/plain"])
			case kernelclient.Error:
				out.WriteString(strings.Join(e.Traceback, "\n"))
			}
		}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	buy := func(item string) string {
		t.Helper()
		response, err := http.PostForm(base+"/buy/"+item, url.Values{"buyer": {"ann"}})
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	for _, tc := range []struct{ code, want string }{
		{`shop.Stock.Items()["tea"]`, "2"},
		{`s := shop.Stock`, ""},
		{`s.Add("bread", 7); shop.Stock.Items()`, `"map[\"bread\":7 \"milk\":1 \"tea\":2]"`},
		{`import "fmt"
fmt.Println(s.Take("nothing"))`, "no nothing is left\n"},
		{`for _, sale := range shop.Sales() { fmt.Println(sale.Item) }
len(shop.Sales())`, "0"},
		{`shop.SetGreeting("Hello")
prices := map[string]int{"tea": 4}
shop.SetPrice(func(item string) int { return prices[item] })`, ""},
	} {
		if got := evaluate(tc.code); strings.Trim(got, `"`) != strings.Trim(tc.want, `"`) {
			t.Errorf("%s: %s, want %s", tc.code, got, tc.want)
		}
	}
	if got := buy("tea"); got != "Hello, here is your tea for 4\n" {
		t.Errorf("after the change: %s", got)
	}
	if got := evaluate("prices[\"tea\"] = 5\nshop.Sales()[0].Buyer"); got != `"\"ann\""` {
		t.Errorf("the sale's buyer is %s", got)
	}
	for _, tc := range []struct{ code, want string }{ // methods of the program's types, however they are called
		{"fmt.Println(shop.Sales()[0].String())", "tea for ann\n"},
		{"sold := &shop.Sale{\"milk\", \"bob\"}\nfmt.Println(sold.String(), shop.Sale.String(*sold))", "milk for bob milk for bob\n"},
		{"var text interface{ String() string } = *sold\nfmt.Println(text.String(), text)", "milk for bob milk for bob\n"},
		{"type own struct { *shop.Sale; Note string }\ntext = own{sold, \"x\"}\nfmt.Println(text.String())", "milk for bob\n"},
		{"var taker interface{ Take(string) error } = shop.Stock\nfmt.Println(taker.Take(\"nothing\"))", "no nothing is left\n"},
		{"type Sale int\nfunc (Sale) String() string { return \"another\" }\ntext = Sale(1)\nfmt.Println(text.String(), Sale(1), shop.Sales()[0])", "another another tea for ann\n"},
	} {
		if got := evaluate(tc.code); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.code, got, tc.want)
		}
	}
	if got := buy("tea"); got != "Hello, here is your tea for 5\n" {
		t.Errorf("the price function sees a cell's variable as it was: %s", got)
	}
	if got := buy("tea"); got != "no tea is left\n" {
		t.Errorf("a third tea: %s", got)
	}
	completions, err := kernel.Complete(ctx, "shop.Stock.T", 12)
	if err != nil || len(completions.Matches) != 1 || completions.Matches[0] != "Take" {
		t.Errorf("completion: %+v, %v", completions, err)
	}

	if err := program.Process.Signal(os.Interrupt); err != nil {
		t.Skip("no interrupt signal on this system: ", err)
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("the program printed what cells did: %q, %v", rest, err)
	}
	if err := program.Wait(); err != nil {
		t.Errorf("the program's end: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the connection file is still there: %v", err)
	}
}
