" What the kernel runs and what waits for it, in order, whichever editor asked: a window
" that follows what changes. The list is asked for anew when the server tells of a change,
" once for all that came at once, and not again as long as an answer is awaited.
scriptencoding utf-8

" The buffer of the list, and the one of the code whose session it is of; -1 before.
let [s:bufnr, s:source] = [-1, -1]
" What is listed, in the protocol's words (Waiting).
let s:list = []
" '', 'soon' (a timer will ask), 'asked', or 'again' (and something changed since).
let s:refresh = ''

" :RevalQueue: opens the list, or closes it there.
function! reval#queue#show() abort
  if &filetype ==# 'reval-queue'
    close
    return
  endif
  let source = &filetype ==# 'reval-output' ? reval#output#source() : bufnr('%')
  if source <= 0 || reval#client#uri(source) ==# ''
    call reval#client#error('nothing was evaluated here yet')
    return
  endif
  let s:source = source
  if !bufloaded(s:bufnr)
    call s:create()
  endif
  let window = bufwinid(s:bufnr)
  if window > 0
    call win_gotoid(window)
  else
    execute 'noswapfile' reval#config#get('output_split')
    execute 'silent keepalt buffer' s:bufnr
    setlocal nowrap nonumber norelativenumber nospell nolist signcolumn=no foldcolumn=0 nofoldenable cursorline
  endif
  call s:ask()
endfunction

function! s:create() abort
  let s:bufnr = bufadd('reval-queue://')
  call setbufvar(s:bufnr, '&buftype', 'nofile')
  call bufload(s:bufnr)
  for [option, value] in items({'buftype': 'nofile', 'bufhidden': 'hide', 'swapfile': 0, 'buflisted': 0,
        \ 'undolevels': -1, 'modifiable': 0, 'filetype': 'reval-queue'})
    call setbufvar(s:bufnr, '&' .. option, value)
  endfor
endfunction

" A buffer of the code whose queue is shown; 0 if there is none.
function! reval#queue#source() abort
  return bufloaded(s:source) ? s:source : 0
endfunction

" Called when the server told that something changed.
function! reval#queue#changed() abort
  if s:bufnr < 0 || empty(win_findbuf(s:bufnr))
    return
  elseif s:refresh ==# ''
    let s:refresh = 'soon'
    call timer_start(50, {-> s:ask()})
  elseif s:refresh ==# 'asked'
    let s:refresh = 'again'
  endif
endfunction

function! s:ask() abort
  " What a connection that is made again tells brings it up to date.
  if reval#client#uri(s:source) ==# ''
    let s:refresh = ''
    return
  endif
  let s:refresh = 'asked'
  call reval#client#execute(s:source, 'reval.queue', {}, function('s:answered'), {_ -> s:answered([])})
endfunction

function! s:answered(list) abort
  let again = s:refresh ==# 'again'
  let s:refresh = ''
  if bufloaded(s:bufnr)
    call s:write(a:list)
  endif
  if again
    call s:ask()
  endif
endfunction

" The cursor stays on its evaluation.
function! s:write(list) abort
  let cursors = map(win_findbuf(s:bufnr), {_, w -> [w, get(get(s:list, getcurpos(w)[1] - 1, {}), 'evaluation', '')]})
  let [s:list, place, lines] = [a:list, 0, []]
  for waiting in a:list
    let runs = waiting.state ==# 'running'
    let place += !runs
    call add(lines, s:clean(printf('%2S %8s  %-24S %-8S %s', runs ? '●' : place, runs ? s:since(waiting) : '',
          \ s:place(waiting), get(waiting, 'by', ''), waiting.text)))
  endfor
  call setbufvar(s:bufnr, '&modifiable', 1)
  silent call deletebufline(s:bufnr, 1, '$')
  call setbufline(s:bufnr, 1, empty(lines) ? ['nothing runs or waits'] : lines)
  call setbufvar(s:bufnr, '&modifiable', 0)
  for [window, evaluation] in cursors
    let at = index(map(copy(s:list), {_, w -> w.evaluation}), evaluation)
    call win_execute(window, printf('call cursor(%d, 1)', max([at, 0]) + 1))
  endfor
endfunction

" What comes from elsewhere is one row.
function! s:clean(text) abort
  return substitute(a:text, '[[:cntrl:]]\+', ' ', 'g')
endfunction

" The time of day at which what runs began.
function! s:since(waiting) abort
  return strftime('%H:%M:%S', localtime() - float2nr(get(a:waiting, 'elapsed', 0) / 1000))
endfunction

" The file's name, and the line where the code stands now or stood.
function! s:place(waiting) abort
  return reval#uri#name(a:waiting.uri) .. ':' .. s:lnum(a:waiting)
endfunction

function! s:lnum(waiting) abort
  let first = reval#results#first(a:waiting.evaluation)
  return first ? first : a:waiting.line + 1
endfunction

" The keys of the list.

function! s:here() abort
  let waiting = get(s:list, line('.') - 1, {})
  if empty(waiting)
    call reval#client#error('there is nothing on this line')
  endif
  return waiting
endfunction

" Goes to the code.
function! reval#queue#jump() abort
  let waiting = s:here()
  if !empty(waiting)
    call reval#output#edit(waiting.uri, s:lnum(waiting))
  endif
endfunction

" Takes what is at the cursor from the queue, or interrupts it if it runs.
function! reval#queue#cancel() abort
  call s:send('reval.cancel', {})
endfunction

" Moves what is at the cursor by some places.
function! reval#queue#move(by) abort
  let waiting = s:here()
  if empty(waiting)
    return
  endif
  let queue = filter(copy(s:list), {_, w -> w.state !=# 'running'})
  let to = index(queue, waiting) + a:by
  if waiting.state ==# 'running'
    call reval#client#error('it runs already')
  elseif to < 0 || to >= len(queue)
    call reval#client#error('there is none to pass')
  else
    call s:send('reval.move', {'to': to})
  endif
endfunction

function! s:send(command, argument) abort
  let waiting = s:here()
  if !empty(waiting)
    call reval#client#execute(s:source, a:command, extend({'evaluation': waiting.evaluation}, a:argument),
          \ {_ -> s:ask()})
  endif
endfunction
