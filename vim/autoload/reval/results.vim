" The mark beside evaluated code: what state it is in, and its value's first line.
scriptencoding utf-8

" Evaluation id → what reval/evaluation told last, with:
"   bufnr   the buffer
"   mark    the mark's id in that buffer, 0 if none
"   above   how many lines of the code stand above the mark's
"   text    the line that the mark was put behind
"   orphan  the server that knew it is gone, no other will clear it
" Only evaluations whose result is shown are kept, and those that have not ended.
let s:evaluations = {}
" Buffer → {mark: id of its evaluation}, for the marks that stand or are to stand.
let s:marks = {}
" Buffer → {timer, evaluations}: those whose marks may stand in the wrong place.
let s:doubts = {}
" How many evaluations are orphans.
let s:orphans = 0

" How long the text must stay as it is before the server is asked where results
" belong, in milliseconds.
let s:rest = 200

" Takes a reval/evaluation.
function! reval#results#update(params) abort
  let bufnr = reval#client#buffer(a:params.uri)
  let known = get(s:evaluations, a:params.evaluation, {})
  if get(known, 'orphan', 0) && !get(a:params, 'orphan', 0)
    " Another server knows it: it stands where that says.
    call s:unmark(known)
    call remove(s:evaluations, a:params.evaluation)
    let s:orphans -= 1
    let known = {}
  endif
  call reval#output#state(a:params)
  if empty(known) && !get(a:params, 'cleared', 0)
    call reval#results#clear(bufnr, a:params.range.start.line + 1, s:last(a:params.range))
  endif
  if bufnr > 0 && get(known, 'bufnr', bufnr) != bufnr
    call s:unmark(known) " its text was opened again in another buffer
    let known.bufnr = bufnr
  endif
  let evaluation = extend({'bufnr': get(known, 'bufnr', bufnr), 'mark': get(known, 'mark', 0), 'above': get(known, 'above', 0),
        \ 'text': get(known, 'text', '')}, a:params)
  let s:evaluations[a:params.evaluation] = evaluation
  if !get(a:params, 'cleared', 0) && bufloaded(bufnr)
    call s:show(evaluation, get(known, 'state', ''))
    return
  endif
  call s:unmark(evaluation)
  if evaluation.state !=# 'queued' && evaluation.state !=# 'running'
    let s:orphans -= get(evaluation, 'orphan', 0)
    call remove(s:evaluations, a:params.evaluation)
  endif
endfunction

" Shows an evaluation's state again: what it says depends on more than the server.
function! reval#results#refresh(id) abort
  let evaluation = get(s:evaluations, a:id, {})
  if !empty(evaluation) && evaluation.mark && reval#results#line(evaluation)
    call s:mark(evaluation, reval#results#line(evaluation))
  endif
endfunction

" Called by the editor's own part after an edit that may have taken marks along, or
" away: when the text has been at rest for a while, the server is asked where they belong.
function! reval#results#doubt(bufnr, ...) abort
  let doubts = get(s:doubts, a:bufnr, {'timer': -1, 'evaluations': {}})
  let s:doubts[a:bufnr] = doubts
  for id in a:000
    let doubts.evaluations[id] = 1
  endfor
  call timer_stop(doubts.timer)
  let doubts.timer = timer_start(s:rest, {-> s:check(a:bufnr)})
endfunction

" Asks the server for the results of a buffer whose marks went away, with their lines or
" because the text was replaced as a whole, or stand behind another text than before.
function! s:check(bufnr) abort
  let doubted = remove(s:doubts, a:bufnr).evaluations
  if !bufloaded(a:bufnr) || !has_key(s:marks, a:bufnr)
    return
  endif
  let standing = {}
  for [mark, text] in reval#editor#call('marks', a:bufnr)
    let standing[mark] = text
  endfor
  for [mark, id] in items(s:marks[a:bufnr])
    let evaluation = s:evaluations[id]
    if !has_key(standing, mark) || (standing[mark] isnot evaluation.text && !get(evaluation, 'stale', 0))
      let doubted[id] = 1
    endif
  endfor
  call s:ask(a:bufnr, keys(doubted))
endfunction

" The buffer was read again, and its marks stand where the old text had them: places
" them as the server does.
function! reval#results#place(bufnr) abort
  let ids = values(get(s:marks, a:bufnr, {}))
  for id in ids
    call s:unmark(s:evaluations[id])
  endfor
  call s:ask(a:bufnr, ids)
endfunction

function! s:ask(bufnr, ids) abort
  let ids = filter(copy(a:ids), {_, id -> has_key(s:evaluations, id) && !get(s:evaluations[id], 'orphan', 0)})
  if !empty(ids)
    call reval#client#execute(a:bufnr, 'reval.evaluations', {'evaluations': ids},
          \ function('s:restore', [ids]), function('reval#client#ignore'))
  endif
endfunction

" list is what reval.evaluations answered of ids: others are not shown any more.
function! s:restore(ids, list) abort
  let gone = {}
  for id in a:ids
    let gone[id] = 1
  endfor
  for params in a:list
    call remove(gone, params.evaluation)
    call reval#results#update(params)
  endfor
  for id in keys(gone)
    if has_key(s:evaluations, id)
      call s:unmark(s:evaluations[id])
    endif
  endfor
endfunction

" The server of this document is gone: what ran is lost, what is shown is marked.
function! reval#results#lost(uri) abort
  for evaluation in filter(values(s:evaluations), {_, e -> e.uri ==# a:uri && !get(e, 'orphan', 0)})
    let s:orphans += 1
    let evaluation.orphan = 1
    if evaluation.state ==# 'queued' || evaluation.state ==# 'running'
      call reval#results#update(extend(copy(evaluation), {'state': 'lost', 'message': 'the server ended'}))
    else
      call reval#results#refresh(evaluation.evaluation)
    endif
  endfor
endfunction

" Whether anything is known of evaluations of a document.
function! reval#results#any(uri) abort
  return !empty(filter(values(s:evaluations), {_, e -> e.uri ==# a:uri && !get(e, 'orphan', 0)}))
endfunction

" A line on what becomes of evaluations that have not ended when the editor does; '' if there
" are none.
function! reval#results#goes_on() abort
  let [on, ends] = [0, 0]
  for evaluation in filter(values(s:evaluations), {_, e -> e.state ==# 'queued' || e.state ==# 'running'})
    if reval#editor#call('standalone', evaluation.bufnr)
      let ends += 1
    else
      let on += 1
    endif
  endfor
  if on
    return on == 1 ? 'reval: 1 evaluation goes on: its file, opened again, shows what comes, or `reval tail`'
          \ : 'reval: ' .. on .. ' evaluations go on: their files, opened again, show what comes, or `reval tail`'
  endif
  return ends == 0 ? '' : 'reval: ' .. (ends == 1 ? '1 evaluation ends with ' : ends .. ' evaluations end with ')
        \ .. (has('nvim') ? 'Neovim' : 'Vim')
endfunction

" The ids of results that stand in a buffer, of a server that is gone.
function! reval#results#left(bufnr) abort
  let left = filter(values(s:evaluations), {_, e -> e.bufnr == a:bufnr && get(e, 'orphan', 0)
        \ && (e.state ==# 'done' || e.state ==# 'error')})
  return map(left, {_, e -> e.evaluation})
endfunction

" Removes the results that touch these lines and that no server knows any more.
function! reval#results#clear(bufnr, first, last) abort
  if s:orphans == 0
    return
  endif
  for evaluation in filter(values(s:evaluations), {_, e -> e.bufnr == a:bufnr && get(e, 'orphan', 0)})
    let [first, last] = s:lines(evaluation)
    if first <= a:last && a:first <= last
      call reval#results#update(extend(copy(evaluation), {'cleared': 1}))
    endif
  endfor
endfunction

" The document of a buffer has another URI.
function! reval#results#renamed(bufnr, uri) abort
  for id in values(get(s:marks, a:bufnr, {}))
    let s:evaluations[id].uri = a:uri
  endfor
endfunction

" The evaluation whose lines touch the line lnum of a buffer, the latest one; {}
" if there is none. It is one of the two whose marks stand nearest.
function! reval#results#at(bufnr, lnum) abort
  let found = {}
  for mark in reval#editor#call('marks_around', a:bufnr, a:lnum)
    let evaluation = get(s:evaluations, get(get(s:marks, a:bufnr, {}), mark, ''), {})
    if empty(evaluation)
      continue
    endif
    let [first, last] = s:lines(evaluation)
    if first <= a:lnum && a:lnum <= last && (empty(found) || s:newer(evaluation, found))
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

" The first line of the code of an evaluation; 0 if it has no mark.
function! reval#results#first(id) abort
  let evaluation = get(s:evaluations, a:id, {})
  return empty(evaluation) ? 0 : max([0, s:lines(evaluation)[0]])
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
  let n = len(split(a:text, "\n", 1)) - (a:text =~# "\n$")
  echo printf('reval: %d %s copied', n, n == 1 ? 'line' : 'lines')
endfunction

function! s:fetch(Done) abort
  call s:fetch_output({output -> a:Done(output.text)})
endfunction

" Asks the server for the outputs under the cursor, or of the cell there: they need not
" be in the output buffer any more.
function! s:fetch_output(Done) abort
  call reval#client#execute(bufnr('%'), 'reval.output', {'position': reval#position()}, {result -> s:fetched(result, a:Done)})
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

" Later evaluations have larger execution counts; ids are random.
function! s:newer(a, b) abort
  return get(a:a, 'count', 0) >= get(a:b, 'count', 0)
endfunction

" The last line of a range, from 1.
function! s:last(range) abort
  return a:range.end.line + (a:range.end.character > 0 || a:range.end.line == a:range.start.line)
endfunction

" A mark that stands already moved with the user's edits, which may be newer than what
" the server knows. Where they are not, it belongs where the server says.
function! s:show(evaluation, before) abort
  let failed = a:evaluation.state ==# 'error' && a:before !=# 'error' && has_key(a:evaluation, 'error')
  let at = reval#results#line(a:evaluation)
  let exact = reval#editor#call('exact', a:evaluation.bufnr, get(a:evaluation, 'version', 0))
  if !at || failed || exact
    let first = a:evaluation.range.start.line + 1
    let at = has_key(a:evaluation, 'error') ? a:evaluation.error.range.start.line + 1 : s:last(a:evaluation.range)
    let at = max([1, min([at, getbufinfo(a:evaluation.bufnr)[0].linecount])])
    let a:evaluation.above = max([0, at - first])
    let a:evaluation.text = get(getbufline(a:evaluation.bufnr, at), 0, '')
    if !exact && !get(a:evaluation, 'orphan', 0)
      call reval#results#doubt(a:evaluation.bufnr, a:evaluation.evaluation)
    endif
  endif
  call s:mark(a:evaluation, at)
endfunction

function! s:mark(evaluation, lnum) abort
  let [text, group] = reval#results#label(a:evaluation)
  let bufnr = a:evaluation.bufnr
  let mark = reval#editor#call('mark', bufnr, a:evaluation.mark, a:lnum, text, group)
  if !has_key(s:marks, bufnr)
    let s:marks[bufnr] = {}
  elseif mark != a:evaluation.mark && a:evaluation.mark
    call remove(s:marks[bufnr], a:evaluation.mark)
  endif
  let s:marks[bufnr][mark] = a:evaluation.evaluation
  let a:evaluation.mark = mark
endfunction

function! s:unmark(evaluation) abort
  if a:evaluation.mark
    call remove(s:marks[a:evaluation.bufnr], a:evaluation.mark)
    if bufloaded(a:evaluation.bufnr)
      call reval#editor#call('unmark', a:evaluation.bufnr, a:evaluation.mark)
    endif
    let a:evaluation.mark = 0
  endif
endfunction

" [text, highlight group] of an evaluation's mark.
function! reval#results#label(evaluation) abort
  let state = a:evaluation.state
  if state ==# 'queued'
    let ahead = get(a:evaluation, 'ahead', 0)
    return ['◌ queued' .. (ahead >= 10 ? ' (10 or more ahead)' : ahead ? printf(' (%d ahead)', ahead) : ''), 'RevalQueued']
  elseif state ==# 'running'
    let summary = get(a:evaluation, 'summary', {})
    return [reval#input#waits(a:evaluation.evaluation) ? '● waits for input'
          \ : empty(summary) ? '● running' : '● ' .. s:clean(s:value(a:evaluation)), 'RevalRunning']
  elseif state ==# 'cancelled'
    return [s:clean('⊘ ' .. get(a:evaluation, 'message', 'cancelled')), 'RevalLost']
  elseif state ==# 'lost'
    return [s:clean('✗ lost: ' .. get(a:evaluation, 'message', 'the kernel is gone')), 'RevalLost']
  endif
  let old = get(a:evaluation, 'orphan', 0) ? '  (the server ended since)'
        \ : get(a:evaluation, 'stale', 0) ? '  (code changed)'
        \ : has_key(a:evaluation, 'restored') ? '  (' .. substitute(a:evaluation.restored[: 15], 'T', ' ', '') .. ')'
        \ : get(a:evaluation, 'past', 0) ? '  (earlier kernel)' : ''
  if state ==# 'error'
    let error = get(a:evaluation, 'error', {'name': 'error', 'value': ''})
    let text = '✗ ' .. error.name .. (error.value ==# '' ? '' : ': ' .. split(error.value, "\n")[0])
    return [s:clean(text) .. old, old ==# '' ? 'RevalError' : 'RevalStale']
  endif
  return [s:clean(s:value(a:evaluation)) .. old, old ==# '' ? 'RevalResult' : 'RevalStale']
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
