package yaegi

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/reval-editor/reval/gokernel/front"
)

func TestScratch(t *testing.T) {
	data, err := os.ReadFile("/tmp/gk/cells.txt")
	if err != nil {
		t.Skip()
	}
	e, err := New(Options{Stdin: os.Stdin, Stdout: os.Stdout})
	if err != nil {
		t.Fatal(err)
	}
	s := front.NewSession(e)
	for i, c := range strings.Split(string(data), "\n----\n") {
		fmt.Printf("In[%d] %s\n", i+1, c)
		u, err := s.Prepare(i+1, c)
		if err != nil {
			for _, l := range err.(front.Problems).Traceback() {
				fmt.Println("   ", l)
			}
			continue
		}
		if err := e.Load(u); err != nil {
			fmt.Println("   LOAD", err)
			continue
		}
		s.Commit(u)
		if u.Entry != "" {
			if err := e.Run(context.Background(), u); err != nil {
				fmt.Printf("   RUN %v\n", err)
				if p, ok := err.(*front.Panic); ok {
					fmt.Println(p.Runtime, p.Frames)
				}
				continue
			}
		}
		for _, r := range u.Results {
			v, _ := e.Value(r.Variable)
			fmt.Println("   =>", front.Format(e, r.Type, v, 1000), front.TypeText(r.Type))
			if r.Text != "" {
				v, _ := e.Value(r.Text)
				fmt.Println("   text", v)
			}
		}
	}
}
