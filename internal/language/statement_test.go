package language

import (
	"fmt"
	"strings"
	"testing"
)

// Each line of a text is written behind the statement that it belongs to: its first and
// last line, counted from 0, or nothing where it is that of the line alone.
func TestStatement(t *testing.T) {
	for _, test := range []struct{ id, name, text string }{
		{"python", "blocks", `
0-4|for i in range(3):
1-1|    y = i
|    # why
3-4|    print(y,
3-4|          i)
|
6-9|if x: pass
6-9|elif y:
8-8|    a = 1
6-9|else: b
10-11|x = 1 + \
10-11|  2`},
		{"python", "definitions", `
0-9|@cache
0-9|@other(
0-9|    1,
0-9|)
0-9|# why
0-9|def f(x):
6-8|    """A string with
6-8|def inside():
6-8|    """
9-9|    return x
10-12|class A:
11-12|    async def g(self):
12-12|        await x`},
		{"python", "try, with, match", `
0-7|try:
1-1|    1/0
0-7|except (ValueError,
0-7|        TypeError) as e:
4-4|    pass
0-7|finally:
6-7|    with a as b:
7-7|        c
8-13|match x:
8-13|    case [1, 2]:
10-10|        y = 1
8-13|    case _:
12-13|        while y:
13-13|            y -= 1
14-14|case = {1: 2}`},
		{"python", "chains and strings", `
0-3|(df
0-3|   .groupby("a")
0-3|   # why
0-3|   .mean())
4-6|x = dict(
4-6|    a=1,
4-6|)
7-7|s = f"{d["k"]} {x:>{w}} {{"
8-10|t = f'''
8-10|# %% {
8-10|  x}'''`},
		{"python", "magics", `
0-0|%time x = ("it's
1-1|!echo """
2-2|files = !ls "
3-3|y = 1`},
		{"python", "what is typed stands alone", `
|x = dict(
|y = 2
|    z = 3
|else:
4-5|def f():
5-5|    pass`},
		{"python", "blanks that no block has", `
|1
|  3
|x = 2 # why:
|    y`},
		{"python", "cells", `
|x = (1,
|# %% b
2-3|y = [
2-3|]
|# %% c
|# note
6-8|%%bash
6-8|if x; then echo '"""'
6-8|fi
|# %% d
10-11|z = (1,
10-11| 2)`},
		{"r", "pipes", `
0-3|d %>%
0-3|  filter(x > 1) |>  # why
0-3|  # why
0-3|  summarise(y = mean(x))
4-5|p <- ggplot(d) +
4-5|  geom_point()
6-7|x <-
6-7|  r"---(" )" )---"
8-8|y`},
		{"r", "blocks", `
0-5|f <- function(x, y)
0-5|{
2-3|  z <- c(1,
2-3|         2)
4-4|  "}"
0-5|}
6-10|if (x) {
7-7|  1
6-10|} else {
9-9|  2
6-10|}
11-12|for (i in 1:3)
11-12|  print(i)
13-16|lapply(x, function(i) {
14-14|  a <- 1
15-15|  b <- 2
13-16|})`},
		{"javascript", "chains", `
0-3|const x = fetch(u)
0-3|  .then(r => r.json())
|  // why
0-3|  ?.catch(() => null)
4-5|let s = a
4-5|  + b
6-6|y = 1;
7-7|+z
8-8|i
9-9|++j
10-10|/["'{]/.test(s)
11-13|t = ` + "`a ${b.map(x => `<${x}>`)}" + `
11-13|// %% {
11-13|` + "`" + `
14-14|w`},
		{"typescript", "blocks", `
0-6|if (x) {
1-1|  a()
0-6|}
0-6|else if (y)
0-6|  b()
0-6|else
0-6|  c()
7-12|switch (x) {
7-12|  case 1:
9-9|    a = { b: 1 };
10-10|    break;
7-12|  default:
7-12|}
13-16|const o = {
13-16|  a: 1,
13-16|  f() { return 1 },
13-16|}
17-23|@dec()
17-23|class A {
17-23|  x = 1
17-23|  f(): number {
21-21|    return 2
17-23|  }
17-23|}`},
		{"go", "blocks", `
0-5|func f(x int) (y int) {
1-3|	for i := range x {
2-2|		y += i
1-3|	}
4-4|	return y
0-5|}
6-9|p := T{
6-9|	A: 1,
6-9|	B: []int{1, 2},
6-9|}
10-12|x := f(1).
10-12|	g(2).
10-12|	h()
13-15|type T struct {
13-15|	A int
13-15|}
16-21|switch x {
16-21|case 1:
18-18|	a()
16-21|default:
20-20|	b()
16-21|}
22-25|s := ` + "`" + `
22-25|// %%
22-25|}` + "`" + ` +
22-25|	"x"
26-30|go func() {
27-29|	if c := '"'; x {
28-28|		d()
27-29|	}
26-30|}()`},
		{"julia", "blocks", `
0-7|function f(x)
1-5|    if x > 1
2-2|        y = x[end]
1-5|    else
4-4|        z = [i for i in 1:3 if i > 1]
1-5|    end
6-6|    x' * "end $(g("function")) "
0-7|end
8-9|x |>
8-9|  sum
10-12|map(xs) do x
11-11|    x.end + 1
10-12|end
13-13|f(x) = x
|#= for #= if =#
15-17|=# begin
16-16|    a
15-17|end`},
		{"shellscript", "blocks", `
0-3|if [ -f x ]
0-3|then
2-2|  echo if done
0-3|fi
4-7|for i in 1 2
4-7|do
6-6|  echo "$(ls "$i")"
4-7|done | sort
8-11|cat <<A <<'B b'
8-11|if
8-11|A
8-11|B b
12-17|case $x in
12-17|  a) if y; then z
12-17|    fi ;;
12-17|  (b) echo it\'s
12-17|  ;;
12-17|esac
18-20|f() {
19-19|  x=${#a}; y=$((1 << 2)) # }
18-20|}
21-22|a &&
21-22|  b`},
		{"ruby", "blocks", `
0-7|def f(x)
1-1|  return 1 if x
2-4|  while x do
3-3|    y = "#{x ? "if" : 'do'}"
2-4|  end
5-5|  a /b/ c
6-6|  z = %w[if do]
0-7|end
8-10|x = [1]
8-10|  .map { |y| y }
8-10|  &.first
11-13|xs.each do |x|
12-12|  puts(if: x)
11-13|end
14-14|def g(x) = x
15-17|s = <<~EOS
15-17|  if
15-17|  EOS`},
		{"lua", "blocks", `
0-6|local function f(x)
1-5|  if x then
2-2|    y = [==[ ]] end ]==]
1-5|  elseif z then
4-4|    w()
1-5|  end
0-6|end
7-9|repeat
8-8|  x = x + 1
7-9|until x > 3
10-11|a
10-11|  :b()`},
		{"rust", "blocks", `
0-6|#[test]
0-6|fn f<'a>(x: &'a str) -> u8 {
2-5|    let y = match x {
2-5|        "}" => 1,
2-5|        _ => 2,
2-5|    };
0-6|}
7-9|let v = xs
7-9|    .iter()
7-9|    .map(|x| x + 1);
10-11|let s = r#"
10-11|"{"#;`},
		{"cpp", "blocks", `
0-4|int f(int x)
0-4|{
2-2|  auto s = R"x(} )" )x";
3-3|  return 1'000;
0-4|}
5-6|std::cout
5-6|  << 1;
7-7|*p = 3;
8-11|for (int i = 0; i < 3; i++)
8-11|{
10-10|  a();
8-11|}`},
		{"scheme", "forms", `
0-2|(define (f x) ; (
0-2|  #| ( #| |# |#
0-2|  (list #\( "(" x))
3-3|(f 1)`},
		{"octave", "blocks", `
0-4|if x'
1-1|  y = 'it''s';
0-4|else
3-3|  z = x(end);
0-4|end
5-6|a = [1, ...
5-6|  2];`},
	} {
		t.Run(test.id+" "+test.name, func(t *testing.T) {
			l, ok := For(test.id)
			if !ok {
				t.Fatal("no such language")
			}
			var want, lines []string
			for i, line := range strings.Split(test.text[1:], "\n") {
				expected, text, _ := strings.Cut(line, "|")
				if expected == "" {
					expected = fmt.Sprintf("%d-%d", i, i)
				}
				want, lines = append(want, expected), append(lines, text)
			}
			o := l.Outline(lines)
			for i := range lines {
				start, end := o.Statement(i)
				if got := fmt.Sprintf("%d-%d", start, end-1); got != want[i] {
					t.Errorf("line %d, %q: %s, want %s", i, lines[i], got, want[i])
				}
			}
		})
	}
}
