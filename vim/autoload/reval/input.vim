" What the kernel asks the user, one question after the other; and choosing.
scriptencoding utf-8

" Requests that wait; the first one is asked when asking is set.
let s:requests = []
let s:asking = 0

" Takes a reval/inputRequest.
function! reval#input#request(params) abort
  if get(a:params, 'cancelled', 0)
    if s:asking && s:requests[0].request ==# a:params.request
      let s:requests[0].cancelled = 1
      " Leaves the prompt, if it still has the command line.
      if mode() ==# 'c'
        call feedkeys("\<C-c>", 'nt')
      endif
    else
      call filter(s:requests, {_, r -> r.request !=# a:params.request})
    endif
    return
  endif
  call add(s:requests, extend({'cancelled': 0}, a:params))
  call reval#client#later(function('s:next'))
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

" Called with what was typed; given is 0 where the user went away from the prompt.
function! reval#input#answered(value, given) abort
  let request = remove(s:requests, 0)
  let s:asking = 0
  let bufnr = reval#client#buffer(request.uri)
  if !request.cancelled && bufnr > 0
    call reval#editor#call('notify', bufnr, 'reval/inputReply',
          \ a:given ? {'request': request.request, 'value': a:value} : {'request': request.request, 'cancel': v:true})
  endif
  call reval#client#later(function('s:next'))
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
