" What the kernel asks the user, one question after the other; and choosing.
"
" A prompt takes every key, so it opens only in Normal mode and when no key was typed for
" a moment: what the user types into the file is not for it. <Esc> puts the question
" aside, to look at the code; :RevalInput answers it, or asks again.
scriptencoding utf-8

" Requests that wait; the first one is asked when asking is set.
let s:requests = []
let s:asking = 0
" How long no key must have been typed, in milliseconds.
let s:pause = 300
let s:timer = -1
" When the last question was answered: the next one follows at once.
let s:answered = []

" Takes a reval/inputRequest.
function! reval#input#request(params) abort
  if get(a:params, 'cancelled', 0)
    if s:asking && s:requests[0].request ==# a:params.request
      call s:leave()
    else
      call filter(s:requests, {_, r -> r.request !=# a:params.request})
    endif
    call reval#results#refresh(a:params.evaluation)
    return
  endif
  call add(s:requests, extend({'cancelled': 0, 'aside': 0}, a:params))
  call reval#results#refresh(a:params.evaluation)
  redrawstatus!
  call s:offer()
endfunction

" Takes back the question that is being asked.
function! s:leave() abort
  let s:requests[0].cancelled = 1
  " Leaves the prompt, if it still has the command line.
  if mode() ==# 'c'
    call feedkeys("\<C-c>", 'nt')
  endif
endfunction

" Whether this evaluation waits for an answer.
function! reval#input#waits(evaluation) abort
  return !empty(filter(copy(s:requests), {_, r -> r.evaluation ==# a:evaluation && !r.cancelled}))
endfunction

" Whether this document's kernel may be the one that waits.
function! reval#input#waits_in(uris) abort
  return !empty(filter(copy(s:requests), {_, r -> index(a:uris, r.uri) >= 0 && !r.cancelled}))
endfunction

" The server of these documents is gone.
function! reval#input#forget(uris) abort
  let first = s:asking ? [remove(s:requests, 0)] : []
  let s:requests = first + filter(s:requests, {_, r -> index(a:uris, r.uri) < 0})
  if s:asking && index(a:uris, s:requests[0].uri) >= 0
    call s:leave()
  endif
endfunction

" :RevalInput [answer]: answers the first question that waits, or asks it.
function! reval#input#command(answer, given) abort
  if s:asking || empty(s:requests)
    call reval#client#error('no kernel waits for input')
  elseif a:given
    call s:reply(remove(s:requests, 0), {'value': a:answer})
  else
    let s:requests[0].aside = 0
    call reval#client#later(function('s:next'))
  endif
endfunction

" Sees that the first question is asked: at once where one was just answered.
function! s:offer() abort
  if s:asking || empty(s:requests) || s:requests[0].aside
    return
  elseif !empty(s:answered) && reltimefloat(reltime(s:answered)) < 1 && mode(1) ==# 'n'
    call reval#client#later(function('s:next'))
    return
  endif
  if mode(1) !=# 'n'
    call reval#client#tell('the kernel waits for input: it is asked for in Normal mode, or by :RevalInput', 'WarningMsg')
  endif
  " What keys bring about. Not SafeState: a timer that is started there is an event, and
  " after it Neovim is safe again, without end.
  augroup reval_input_pause
    autocmd!
    autocmd CursorMoved,CursorMovedI,TextChanged,TextChangedI,InsertCharPre,CmdlineChanged,ModeChanged * call s:restart()
  augroup END
  call s:restart()
endfunction

function! s:restart() abort
  call timer_stop(s:timer)
  let s:timer = timer_start(s:pause, function('s:quiet'))
endfunction

" No key was typed for a while.
function! s:quiet(timer) abort
  if empty(s:requests) || s:requests[0].aside
    autocmd! reval_input_pause
  elseif mode(1) ==# 'n' && state('moaw') ==# '' && !pumvisible()
    autocmd! reval_input_pause
    call s:next()
  else
    call s:restart()
  endif
endfunction

function! s:next() abort
  if s:asking || empty(s:requests)
    return
  endif
  let s:asking = 1
  let request = s:requests[0]
  let prompt = request.prompt ==# '' ? 'input: ' : request.prompt
  if has('nvim') && !get(request, 'password', 0)
    call reval#editor#call('input', prompt)
    return
  endif
  let [value, given] = get(request, 'password', 0) ? reval#input#secret(prompt) : reval#input#line(prompt)
  call reval#input#answered(value, given)
endfunction

" [what was typed, whether it was: <Esc> and CTRL-C are no empty line].
function! reval#input#line(prompt) abort
  let gone = "\<Esc>"
  try
    let value = inputdialog(a:prompt, '', gone)
  catch /^Vim:Interrupt$/
    let value = gone
  endtry
  redraw
  return value ==# gone ? ['', 0] : [value, 1]
endfunction

" The same for a password. inputsecret() has no value for going away: Neovim says it
" in v:event; Vim has dropped the command line by then only after <Esc> and CTRL-C.
function! reval#input#secret(prompt) abort
  let s:aborted = 0
  augroup reval_input
    autocmd! CmdlineLeave - let s:aborted = get(v:event, 'abort', getcmdtype() ==# '')
  augroup END
  try
    let value = inputsecret(a:prompt)
  catch /^Vim:Interrupt$/
    let s:aborted = 1
  finally
    autocmd! reval_input
  endtry
  redraw
  return s:aborted ? ['', 0] : [value, 1]
endfunction

" Called with what was typed; given is 0 where the user went away from the prompt: the
" question is put aside, and the kernel waits.
function! reval#input#answered(value, given) abort
  let s:asking = 0
  let request = s:requests[0]
  if a:given || request.cancelled
    call remove(s:requests, 0)
  else
    let request.aside = 1
    call add(s:requests, remove(s:requests, 0))
    call reval#client#tell('the kernel waits: :RevalInput answers, :RevalInterrupt interrupts it', 'WarningMsg')
  endif
  if a:given && !request.cancelled
    let s:answered = reltime()
    call s:reply(request, {'value': a:value})
  endif
  call s:offer()
endfunction

function! s:reply(request, answer) abort
  let bufnr = reval#client#buffer(a:request.uri)
  if bufnr > 0
    call reval#editor#call('notify', bufnr, 'reval/inputReply', extend({'request': a:request.request}, a:answer))
  endif
  call reval#results#refresh(a:request.evaluation)
  redrawstatus!
endfunction

" Lets the user choose one of labels; Done takes its index.
function! reval#input#choose(prompt, labels, Done) abort
  if has('nvim')
    let s:chosen = a:Done
    call reval#editor#call('select', a:prompt, a:labels)
    return
  endif
  let n = inputlist([a:prompt] + map(copy(a:labels), {i, label -> printf('%2d. %s', i + 1, label)}))
  redraw! " the list has scrolled the screen, which else is put right in parts
  if n >= 1 && n <= len(a:labels)
    call a:Done(n - 1)
  endif
endfunction

" Called by Neovim's part with an index from 0.
function! reval#input#chosen(index) abort
  call s:chosen(a:index)
endfunction
