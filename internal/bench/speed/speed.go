// Package speed has the programs that engines run to be measured: compiled into the
// benchmark, and by this text, which imports nothing, in interpreters.
package speed

// Fib is the 30th Fibonacci number, by 1.3 million calls.
func Fib() int { return fib(30) }

func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

// Loop goes round 10⁷ times.
func Loop() int {
	sum := 0
	for i := 0; i < 10000000; i++ {
		sum += i & 3
	}
	return sum
}

type adder interface{ add(n int) }

type counter struct{ sum int }

func (c *counter) add(n int) { c.sum += n }

type doubler struct{ sum int }

func (d *doubler) add(n int) { d.sum += 2 * n }

// Calls makes 10⁶ calls of an interface's method, of two types in turn.
func Calls() int {
	c, d := &counter{}, &doubler{}
	adders := []adder{c, d}
	for i := 0; i < 1000000; i++ {
		adders[i&1].add(i)
	}
	return c.sum + d.sum
}

// Channel sends 10⁵ values from one goroutine to another, one at a time.
func Channel() int {
	c := make(chan int)
	go func() {
		for i := 0; i < 100000; i++ {
			c <- i
		}
		close(c)
	}()
	sum := 0
	for v := range c {
		sum += v
	}
	return sum
}
