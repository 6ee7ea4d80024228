package front

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"testing"
)

// What Printer writes is what Go's own println does: a child process writes both.
func TestPrinter(t *testing.T) {
	const child = "REVAL_TEST_PRINTER"
	if os.Getenv(child) != "" {
		printBoth()
		os.Exit(0)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPrinter$")
	cmd.Env = append(os.Environ(), child+"=1")
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
	if len(lines) < 2 || len(lines)%2 != 0 {
		t.Fatalf("the child writes %d lines: %s", len(lines), out.Bytes())
	}
	for i := 0; i < len(lines); i += 2 {
		if !bytes.Equal(lines[i], lines[i+1]) {
			t.Errorf("Go prints\n%s\nPrinter\n%s", lines[i], lines[i+1])
		}
	}
}

// printBoth writes each line twice to stderr.
func printBoth() {
	printer := Printer(os.Stderr, " ", "\n")
	type (
		count int8
		ratio float32
	)
	numbers := []float64{0, math.Copysign(0, -1), 1, 0.1, 1e100, -1.5e-7, 123456789, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64}
	for _, f := range numbers {
		println(f, float32(f), ratio(f), complex(f, -f), complex64(complex(1, f)))
		printer(f, float32(f), ratio(f), complex(f, -f), complex64(complex(1, f)))
	}
	println(1, -1, 'x', count(-3), uint64(math.MaxUint64), uintptr(17), true, "s\x00\xff", "")
	printer(1, -1, 'x', count(-3), uint64(math.MaxUint64), uintptr(17), true, "s\x00\xff", "")
	slice, m, c, p, f := make([]int, 2, 5), map[int]int{}, make(chan int), new(int), os.Exit
	println(slice, slice[:0:0], m, c, p, f)
	printer(slice, slice[:0:0], m, c, p, f)
	println([]int(nil), map[int]int(nil), (chan int)(nil), (*int)(nil), (func())(nil))
	printer([]int(nil), map[int]int(nil), (chan int)(nil), (*int)(nil), (func())(nil))
	var x any
	println(x, any(p))
	printer(WordsOf(x), WordsOf(p))
	x = errors.New("x")
	println(x)
	printer(WordsOf(x))
	println()
	printer()
}
