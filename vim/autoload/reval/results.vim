" The mark beside evaluated code: what state it is in, and its value's first line.
scriptencoding utf-8

" Evaluation id → what reval/evaluation told last, with:
"   bufnr   the buffer, when it was first seen
"   mark    the mark's id in that buffer, 0 if none
"   above   how many lines of the code stand above the mark's
"   orphan  the server that knew it is gone, no other will clear it
" Only evaluations whose result is shown are kept, and those that have not ended.
let s:evaluations = {}

" Takes a reval/evaluation.
function! reval#results#update(params) abort
  let bufnr = reval#client#buffer(a:params.uri)
  let known = get(s:evaluations, a:params.evaluation, {})
  call reval#output#state(a:params)
  if empty(known) && !get(a:params, 'cleared', 0)
    call reval#results#clear(bufnr, a:params.range.start.line + 1, s:last(a:params.range))
  endif
  let evaluation = extend({'bufnr': bufnr, 'mark': get(known, 'mark', 0), 'above': get(known, 'above', 0)}, a:params)
  let s:evaluations[a:params.evaluation] = evaluation
  if !get(a:params, 'cleared', 0) && bufloaded(bufnr)
    call s:show(evaluation, get(known, 'state', ''))
    return
  endif
  if evaluation.mark && bufloaded(bufnr)
    call reval#editor#call('unmark', bufnr, evaluation.mark)
  endif
  let evaluation.mark = 0
  if evaluation.state !=# 'queued' && evaluation.state !=# 'running'
    call remove(s:evaluations, a:params.evaluation)
  endif
endfunction

" Asks for the results of a buffer where a mark went away: with its line, or because
" the text was replaced as a whole (:edit, a formatter). The server knows which.
function! reval#results#check(bufnr) abort
  for evaluation in values(s:evaluations)
    if evaluation.bufnr == a:bufnr && evaluation.mark && !get(evaluation, 'orphan', 0)
          \ && !reval#results#line(evaluation)
      call reval#client#execute(a:bufnr, 'reval.evaluations', {}, function('reval#results#restore', [a:bufnr]))
      return
    endif
  endfor
endfunction

" The buffer was read again, and its marks stand where the old text had them: places
" them as the server does.
function! reval#results#place(bufnr) abort
  for evaluation in values(s:evaluations)
    if evaluation.bufnr == a:bufnr && evaluation.mark
      call reval#editor#call('unmark', a:bufnr, evaluation.mark)
    endif
  endfor
  call reval#results#check(a:bufnr)
endfunction

" list is what reval.evaluations answered.
function! reval#results#restore(bufnr, list) abort
  for params in a:list
    call reval#results#update(params)
  endfor
endfunction

" The server of this document is gone: what ran is lost, what is shown is not.
function! reval#results#lost(uri) abort
  for evaluation in s:of(a:uri)
    let evaluation.orphan = 1
    if evaluation.state ==# 'queued' || evaluation.state ==# 'running'
      call reval#results#update(extend(copy(evaluation), {'state': 'lost', 'message': 'the server ended'}))
    endif
  endfor
endfunction

" Removes the results that touch these lines and that no server knows any more.
function! reval#results#clear(bufnr, first, last) abort
  for evaluation in filter(values(s:evaluations), {_, e -> e.bufnr == a:bufnr && get(e, 'orphan', 0)})
    let [first, last] = s:lines(evaluation)
    if first <= a:last && a:first <= last
      call reval#results#update(extend(copy(evaluation), {'cleared': 1}))
    endif
  endfor
endfunction

" The evaluation whose lines touch the line lnum of a buffer, the latest one; {}
" if there is none.
function! reval#results#at(bufnr, lnum) abort
  let found = {}
  for evaluation in values(s:evaluations)
    if evaluation.bufnr != a:bufnr || evaluation.mark == 0
      continue
    endif
    let [first, last] = s:lines(evaluation)
    if first <= a:lnum && a:lnum <= last
          \ && (empty(found) || s:newer(evaluation, found))
      let found = evaluation
    endif
  endfor
  return found
endfunction

" The evaluation of an id; {} if its result is not shown.
function! reval#results#get(id) abort
  return get(s:evaluations, a:id, {})
endfunction

" The line, from 1, where the mark of an evaluation stands; 0 if it is gone.
function! reval#results#line(evaluation) abort
  return a:evaluation.mark ? reval#editor#call('mark_line', a:evaluation.bufnr, a:evaluation.mark) : 0
endfunction

" The first and last line of its code; [0, 0] if its mark is gone.
function! s:lines(evaluation) abort
  let at = reval#results#line(a:evaluation)
  let first = at - a:evaluation.above
  return at ? [first, max([at, first + s:last(a:evaluation.range) - a:evaluation.range.start.line - 1])] : [0, 0]
endfunction

" Copies the whole result under the cursor to a register.
function! reval#results#yank(register) abort
  call s:fetch({text -> s:yanked(a:register, text)})
endfunction

" Shows the whole result under the cursor in a float or popup.
function! reval#results#float() abort
  call s:fetch_output({output -> reval#editor#call('float', output.lines, output.items, 'reval')})
endfunction

function! s:yanked(register, text) abort
  call setreg(empty(a:register) ? '"' : a:register, a:text, a:text =~# "\n$" ? 'V' : 'v')
  echo printf('reval: %d lines copied', len(split(a:text, "\n", 1)) - (a:text =~# "\n$"))
endfunction

function! s:fetch(Done) abort
  call s:fetch_output({output -> a:Done(output.text)})
endfunction

" Asks the server for the outputs under the cursor: they need not be in the output
" buffer any more.
function! s:fetch_output(Done) abort
  let bufnr = bufnr('%')
  let evaluation = reval#results#at(bufnr, line('.'))
  if empty(evaluation)
    call reval#client#error('no result on this line')
    return
  endif
  call reval#client#execute(bufnr, 'reval.output', {'evaluation': evaluation.evaluation},
        \ {result -> s:fetched(result, a:Done)})
endfunction

" The value where there is one, else all that was put out.
function! s:fetched(result, Done) abort
  let outputs = get(a:result, 'outputs', [])
  let values = filter(copy(outputs), {_, o -> o.kind ==# 'result' || o.kind ==# 'error'})
  let [text, spans] = ['', []]
  for output in empty(values) ? outputs : values
    let text ..= text ==# '' || text =~# "\n$" ? '' : "\n"
    let before = strchars(text)
    let spans += map(copy(get(output, 'spans', [])),
          \ {_, span -> extend(copy(span), {'start': span.start + before, 'end': span.end + before})})
    let text ..= output.text
  endfor
  if text ==# ''
    call reval#client#error('this evaluation has no result and no output')
    return
  endif
  let lines = split(text, "\n", 1)
  if len(lines) > 1 && lines[-1] ==# ''
    call remove(lines, -1)
  endif
  call a:Done({'text': text, 'lines': lines, 'items': reval#style#items(lines, spans, 1)})
endfunction

function! s:of(uri) abort
  return filter(values(s:evaluations), {_, e -> e.uri ==# a:uri})
endfunction

" Later evaluations have larger execution counts; ids are random.
function! s:newer(a, b) abort
  return get(a:a, 'count', 0) >= get(a:b, 'count', 0)
endfunction

" The last line of a range, from 1.
function! s:last(range) abort
  return a:range.end.line + (a:range.end.character > 0 || a:range.end.line == a:range.start.line)
endfunction

" A mark that stands already moved with the user's edits, which may be newer than
" what the server knows: it stays, but for an error that is first told now.
function! s:show(evaluation, before) abort
  let failed = a:evaluation.state ==# 'error' && a:before !=# 'error' && has_key(a:evaluation, 'error')
  let at = reval#results#line(a:evaluation)
  if !at || failed
    let first = a:evaluation.range.start.line + 1
    let at = has_key(a:evaluation, 'error') ? a:evaluation.error.range.start.line + 1 : s:last(a:evaluation.range)
    let at = max([1, min([at, getbufinfo(a:evaluation.bufnr)[0].linecount])])
    let a:evaluation.above = max([0, at - first])
  endif
  let [text, group] = reval#results#label(a:evaluation)
  let a:evaluation.mark = reval#editor#call('mark', a:evaluation.bufnr, a:evaluation.mark, at, text, group)
endfunction

" [text, highlight group] of an evaluation's mark.
function! reval#results#label(evaluation) abort
  let state = a:evaluation.state
  if state ==# 'queued'
    let ahead = get(a:evaluation, 'ahead', 0)
    return [ahead ? printf('◌ queued (%d ahead)', ahead) : '◌ queued', 'RevalQueued']
  elseif state ==# 'running'
    return ['● running', 'RevalRunning']
  elseif state ==# 'cancelled'
    return [s:clean('⊘ ' .. get(a:evaluation, 'message', 'cancelled')), 'RevalLost']
  elseif state ==# 'lost'
    return [s:clean('✗ lost: ' .. get(a:evaluation, 'message', 'the kernel is gone')), 'RevalLost']
  endif
  let stale = get(a:evaluation, 'stale', 0)
  if state ==# 'error'
    let error = get(a:evaluation, 'error', {'name': 'error', 'value': ''})
    let text = '✗ ' .. error.name .. (error.value ==# '' ? '' : ': ' .. split(error.value, "\n")[0])
    return [s:clean(text) .. (stale ? '  (code changed)' : ''), stale ? 'RevalStale' : 'RevalError']
  endif
  return [s:clean(s:value(a:evaluation)) .. (stale ? '  (code changed)' : ''), stale ? 'RevalStale' : 'RevalResult']
endfunction

function! s:value(evaluation) abort
  let summary = get(a:evaluation, 'summary', {'kind': 'none', 'text': '', 'lines': 0})
  if summary.kind ==# 'none'
    return '✓ ' .. reval#results#elapsed(get(a:evaluation, 'elapsed', 0))
  elseif summary.kind ==# 'block'
    " A taste of it: how much there is must fit beside the code too.
    return printf('⇒ %s … (%d lines)', matchstr(summary.text, '^.\{,40}'), summary.lines)
  endif
  return '⇒ ' .. summary.text
endfunction

" Milliseconds as a reader wants them.
function! reval#results#elapsed(ms) abort
  if a:ms < 1000
    return printf('%.0f ms', a:ms + 0.0)
  elseif a:ms < 60000
    return printf('%.1f s', a:ms / 1000.0)
  endif
  return printf('%d min %d s', float2nr(a:ms / 60000), float2nr(a:ms / 1000) % 60)
endfunction

" Virtual text is one row: no tabs, no control characters.
function! s:clean(text) abort
  return substitute(a:text, '[[:cntrl:]]\+', ' ', 'g')
endfunction
