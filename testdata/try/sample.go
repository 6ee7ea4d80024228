// Each part that begins with %% is a cell. Put the cursor into one and evaluate it.
//
//                   Vim and Neovim             Emacs
//   this cell       :RevalCell                 M-x reval-eval-cell
//   this line       :Reval                     M-x reval-eval-line
//   the selection   :'<,'>Reval                M-x reval-eval-region
//   up to here      :RevalToHere               M-x reval-eval-to-point
//   all output      :RevalOutput               M-x reval-show-output
//   stop it         :RevalInterrupt            M-x reval-interrupt
//   look inside     :RevalInspect              M-x reval-inspect

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

// %% The kernel keeps what you define; type primes. or hover to ask it.
func square(n int) int { return n * n }

square(sum)

// %% An error stands on its line, here on purpose: there is no eighth prime.
index := 7
primes[index]
