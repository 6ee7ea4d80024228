" Measures the plugin in Vim and in Neovim, as its user meets it: in the editor's main
" loop, from a command or a key until the screen is drawn again.
"
"   cd FOLDER   with a python3 on PATH that has ipykernel
"   REVAL_BIN=path/to/reval REVAL_BENCH_OUT=file \
"     vim -Nu NONE -n -i NONE --not-a-term -S path/to/vim.vim      or
"     nvim --headless -u NONE -n -i NONE -S path/to/vim.vim
"
" REVAL_BENCH_N is how often 1+1 is evaluated (100 if not set). Each line of the file is a
" name, a blank, and an array of milliseconds, as in emacs.el:
"
"   one           each 1+1, from the command until its value is drawn
"   ten           each time ten lines are queued at once, until the last value is drawn
"   big           a value of 2 MB; big-pause is the longest gap of the main loop meanwhile
"   many          1,000 evaluations in a file of 10,000 lines, and many-pause
"   global-N      :%g/./Reval in a file of N lines
"   typing-empty  each of 200 characters in that file before it has results
"   typing        the same with the 1,000 results
"
" The last line is "end []", or "error" with what went wrong.
set encoding=utf-8
scriptencoding utf-8
set hidden nomore shortmess+=I noswapfile lines=40 columns=120
let &runtimepath = expand('<sfile>:p:h:h:h:h') .. '/vim,' .. &runtimepath
filetype plugin on
syntax on
runtime plugin/reval.vim
let g:reval_command = [$REVAL_BIN, 'lsp', '--standalone']
let g:reval_root_markers = ['bench.py']

let s:n = empty($REVAL_BENCH_N) ? 100 : str2nr($REVAL_BENCH_N)
" How long one thing may take, in milliseconds.
let s:deadline = 600000

" What is waited for: the value of the evaluation at a line, and its end; what is called then.
let s:wait = {}

" The longest gap between two ticks of a timer.
let s:gap = {'timer': -1, 'last': [], 'longest': 0.0}

function! s:ms(since) abort
  return reltimefloat(reltime(a:since)) * 1000
endfunction

function! s:watch_gaps() abort
  call timer_stop(s:gap.timer)
  let s:gap = {'last': reltime(), 'longest': 0.0}
  let s:gap.timer = timer_start(1, function('s:tick'), {'repeat': -1})
endfunction

function! s:tick(timer) abort
  let gap = s:ms(s:gap.last)
  let s:gap.longest = gap > s:gap.longest ? gap : s:gap.longest
  let s:gap.last = reltime()
endfunction

" Stops watching; the longest gap.
function! s:longest_gap() abort
  call timer_stop(s:gap.timer)
  return s:gap.longest
endfunction

" Calls Command, and Then with the milliseconds until the value, or the end, of the
" evaluation at line lnum is drawn, which is the last of those that Command starts. Then is
" called when it has ended: the kernel is at rest for what is measured next.
function! s:evaluate(lnum, Command, Then) abort
  let before = get(reval#results#at(bufnr('%'), a:lnum), 'evaluation', '')
  let s:wait = {'bufnr': bufnr('%'), 'lnum': a:lnum, 'before': before, 'Then': a:Then, 'ms': -1.0, 'start': reltime()}
  call a:Command()
endfunction

function! s:look() abort
  if empty(s:wait)
    return
  endif
  let evaluation = reval#results#at(s:wait.bufnr, s:wait.lnum)
  if empty(evaluation) || evaluation.evaluation ==# s:wait.before
    return
  endif
  let ended = evaluation.state !~# '^\%(queued\|running\)$'
  if s:wait.ms < 0 && (ended || has_key(evaluation, 'summary'))
    redraw
    let s:wait.ms = s:ms(s:wait.start)
  endif
  if ended
    let [ms, Then] = [s:wait.ms, s:wait.Then]
    let s:wait = {}
    call timer_start(0, {-> s:call(function(Then, [ms]))})
  endif
endfunction

" To look after each notification, when the plugin is through with it.
if has('nvim')
  let s:SID = expand('<SID>')
  execute 'lua local notified = vim.fn["reval#client#notified"]'
        \ 'vim.fn["reval#client#notified"] = function(...) notified(...) vim.fn["' .. s:SID .. 'look"]() end'
else
  augroup looking
    autocmd SafeStateAgain * call s:look()
  augroup END
  " Where messages were taken in a timer, as on a busy machine, none is triggered.
  call timer_start(100, {-> s:look()}, {'repeat': -1})
endif

function! s:call(F) abort
  try
    call a:F()
  catch
    call s:end(v:exception .. ' at ' .. v:throwpoint)
  endtry
endfunction

function! s:end(error) abort
  if a:error ==# ''
    call s:tell('end', [])
  else
    call s:tell('error', [a:error .. '; messages: ' .. execute('messages')])
  endif
  qall!
endfunction

function! s:tell(name, values) abort
  call writefile([a:name .. ' ' .. json_encode(a:values)], $REVAL_BENCH_OUT, 'a')
endfunction

function! s:buffer(name, lines) abort
  execute 'silent only | edit!' a:name
  setlocal filetype=python
  silent %delete _
  call setline(1, a:lines)
  silent write
endfunction

" The parts, one after the other. ---------------------------------------------------

function! s:begin() abort
  call s:buffer('bench.py', ['1+1'])
  call s:evaluate(1, {-> execute('Reval')}, {ms -> s:warm(20)})
endfunction

function! s:warm(left) abort
  call s:evaluate(1, {-> execute('Reval')}, {ms -> a:left ? s:warm(a:left - 1) : s:one()})
endfunction

function! s:one() abort
  let s:times = []
  call s:evaluate(1, {-> execute('Reval')}, function('s:one_more'))
endfunction

function! s:one_more(ms) abort
  call add(s:times, a:ms)
  if len(s:times) < s:n
    call s:evaluate(1, {-> execute('Reval')}, function('s:one_more'))
    return
  endif
  call s:tell('one', s:times)
  let s:times = []
  call s:buffer('ten.py', map(range(10), {_, i -> i .. ' + 1'}))
  call s:evaluate(10, {-> execute('g/./Reval')}, function('s:ten_more'))
endfunction

function! s:ten_more(ms) abort
  call add(s:times, a:ms)
  if len(s:times) < max([s:n / 10, 1])
    call s:evaluate(10, {-> execute('g/./Reval')}, function('s:ten_more'))
    return
  endif
  call s:tell('ten', s:times)
  call s:buffer('big.py', ['"x" * 2000000'])
  call s:watch_gaps()
  call s:evaluate(1, {-> execute('Reval')}, function('s:big'))
endfunction

function! s:big(ms) abort
  call s:tell('big', [a:ms])
  call s:tell('big-pause', [s:longest_gap()])
  call s:global([100, 200, 400])
endfunction

function! s:global(sizes) abort
  if empty(a:sizes)
    call s:buffer('many.py', map(range(10000), {_, i -> 'x' .. i .. ' = 1 + ' .. i}))
    call s:type('typing-empty', {-> s:many()})
    return
  endif
  call s:buffer('global' .. a:sizes[0] .. '.py', map(range(a:sizes[0]), {_, i -> i .. ' + 1'}))
  call s:evaluate(a:sizes[0], {-> execute('%g/./Reval')}, function('s:global_done', [a:sizes]))
endfunction

function! s:global_done(sizes, ms) abort
  call s:tell('global-' .. a:sizes[0], [a:ms])
  call s:global(a:sizes[1 :])
endfunction

function! s:many() abort
  call s:watch_gaps()
  call s:evaluate(9991, {-> map(range(1000), {_, i -> execute((i * 10 + 1) .. 'Reval')})}, function('s:many_done'))
endfunction

function! s:many_done(ms) abort
  call s:tell('many', [a:ms])
  call s:tell('many-pause', [s:longest_gap()])
  call s:type('typing', {-> s:end('')})
endfunction

" Types characters behind a line in the middle, as fast as a good typist at times, with
" pauses after which the plugin tells the server of them.
function! s:type(name, Then) abort
  let s:typing = {'name': a:name, 'Then': a:Then, 'times': [], 'start': [], 'line': getline(5001)}
  call cursor(5001, 1)
  normal! zz
  redraw
  augroup typing
    autocmd TextChangedI * call s:typed()
  augroup END
  call s:watch_gaps()
  call feedkeys('A', 'n')
  call timer_start(50, function('s:key'))
endfunction

function! s:key(timer) abort
  let s:typing.start = reltime()
  call feedkeys('x', 'n')
endfunction

function! s:typed() abort
  if empty(s:typing.start)
    return
  endif
  redraw
  call add(s:typing.times, s:ms(s:typing.start))
  let s:typing.start = []
  if len(s:typing.times) < 200
    call timer_start(len(s:typing.times) % 20 == 0 ? 300 : 10, function('s:key'))
    return
  endif
  autocmd! typing
  call feedkeys("\<Esc>", 'n')
  call timer_start(500, function('s:type_done'))
endfunction

function! s:type_done(timer) abort
  call setline(5001, s:typing.line)
  call s:tell(s:typing.name, s:typing.times)
  call s:tell(s:typing.name .. '-pause', [s:longest_gap()])
  call s:call(s:typing.Then)
endfunction

" From a timer: while a script is sourced the editor counts as busy.
call timer_start(1, {-> s:call(function('s:begin'))})
call timer_start(s:deadline, {-> s:end('it took too long')})
