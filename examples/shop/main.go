// Command shop is a small HTTP server with a Go kernel inside: an editor or
// JupyterLab attaches to it, and looks at and changes what is alive in it.
//
//	go run ./examples/shop -kernel /tmp/shop.json
//	reval run --kernel /tmp/shop.json look.go
//
// In a cell, for example:
//
//	shop.Stock
//	shop.Stock.Add("tea", 5)
//	shop.SetPrice(func(item string) int { return len(item) })
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/reval-editor/reval/gokernel"
)

// Stock is what the shop has. Its methods can be called from any goroutine, so from
// a cell as well.
type Stock struct {
	mu    sync.Mutex
	items map[string]int
}

// Add puts n of an item into the stock.
func (s *Stock) Add(item string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[item] += n
}

// Take takes one of an item, if there is one.
func (s *Stock) Take(item string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items[item] == 0 {
		return fmt.Errorf("no %s is left", item)
	}
	s.items[item]--
	return nil
}

// Items gives a copy of what there is.
func (s *Stock) Items() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.items)
}

// Sale is one item sold.
type Sale struct {
	Item  string
	Buyer string
}

// String says it in a few words.
func (s Sale) String() string { return s.Item + " for " + s.Buyer }

// shop is the server's state.
type shop struct {
	stock *Stock

	mu       sync.Mutex
	greeting string
	sales    []Sale
	price    func(item string) int
}

// buy is the handler of /buy/{item}.
func (s *shop) buy(w http.ResponseWriter, r *http.Request) {
	item := r.PathValue("item")
	if err := s.stock.Take(item); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	s.mu.Lock()
	s.sales = append(s.sales, Sale{item, r.FormValue("buyer")})
	greeting, price := s.greeting, s.price
	s.mu.Unlock()
	fmt.Fprintf(w, "%s, here is your %s for %d\n", greeting, item, price(item))
}

// list is the handler of /.
func (s *shop) list(w http.ResponseWriter, _ *http.Request) {
	items := s.stock.Items()
	for _, item := range slices.Sorted(maps.Keys(items)) {
		fmt.Fprintln(w, strings.TrimSpace(fmt.Sprintf("%-10s %d", item, items[item])))
	}
}

// offered is what cells see as package shop: live values, and functions that take
// the locks which handlers take.
func (s *shop) offered() gokernel.Package {
	return gokernel.Package{
		Path: "shop",
		Symbols: map[string]any{
			"Stock": &s.stock,
			"Sale":  reflect.TypeFor[Sale](),
			"Sales": func() []Sale {
				s.mu.Lock()
				defer s.mu.Unlock()
				return slices.Clone(s.sales)
			},
			"SetGreeting": func(text string) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.greeting = text
			},
			"SetPrice": func(f func(item string) int) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.price = f
			},
		},
		Docs: map[string]string{
			"":         "Package shop is the running shop.",
			"Stock":    "Stock is what the shop has.",
			"Sales":    "Sales gives what was sold.",
			"SetPrice": "SetPrice replaces the function that prices are asked from.",
		},
	}
}

func run(ctx context.Context, address, kernelFile string) error {
	s := &shop{
		stock:    &Stock{items: map[string]int{"tea": 2, "milk": 1}},
		greeting: "Welcome",
		price:    func(string) int { return 3 },
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", s.list)
	mux.HandleFunc("POST /buy/{item}", s.buy)
	server := &http.Server{Handler: mux}

	ctx, stop := context.WithCancel(ctx)
	kernel := make(chan error, 1)
	go func() {
		kernel <- gokernel.Serve(ctx, gokernel.Options{}, gokernel.Host{
			ConnectionFile: kernelFile,
			Packages:       []gokernel.Package{s.offered()},
			Ready:          func(file string) { fmt.Printf("http://%s, kernel at %s\n", listener.Addr(), file) },
		})
		stop() // the kernel's end is the program's, here
	}()
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	err = server.Serve(listener)
	stop()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, <-kernel)
}

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to serve")
	kernel := flag.String("kernel", "", "the connection file to write, by which clients attach")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address, *kernel); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}
