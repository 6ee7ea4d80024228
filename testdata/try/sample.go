// Each part that begins with %% is a cell. Begin with the first: put the cursor into
// it and press the keys.
//
//	                 Vim and Neovim            Emacs
//	this cell        \e  :RevalCell            C-c ; c   reval-eval-cell
//	this line        \rr :Reval                C-c ; l   reval-eval-line
//	the selection    \r  :'<,'>Reval           C-c ; r   reval-eval-region
//	up to here       \h  :RevalToHere          C-c ; t   reval-eval-to-point
//	the next cell    ]r  :RevalNextCell        C-c ; n   reval-next-cell
//	all output       \o  :RevalOutput          C-c ; o   reval-show-output
//	look inside      K   :RevalInspect         C-c ; i   reval-inspect
//	stop it          \i  :RevalInterrupt       C-c ; C-c reval-interrupt

// %% A value appears beside the code. Change the numbers and evaluate again.
primes := []int{2, 3, 5, 7, 11}
sum := 0
for _, p := range primes {
	sum += p
}
sum

// %% What is printed appears while it is printed.
import (
	"fmt"
	"time"
)

for i, p := range primes {
	fmt.Println("prime", i+1, "is", p)
	time.Sleep(300 * time.Millisecond)
}

// %% The kernel keeps what you define: look inside sum, or complete after a dot.
func square(n int) int { return n * n }

square(sum)

// %% An error stands on its line. This one is on purpose: there is no eighth prime.
index := 7
primes[index]
