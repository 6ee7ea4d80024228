" The output buffer: one a session, an evaluation after the other, each below a
" header line. The buffer's lines are the text; beside them stands only how many
" lines belong to what.
scriptencoding utf-8

" Session → view:
"   session  its id
"   bufnr    the buffer, -1 before its first line (0 would be the alternate one)
"   count    lines in it (an empty buffer has one line all the same)
"   uri      the document whose output came last
"   blocks   in the order of their first output:
"            {evaluation, header, lines (with the header), outputs, index → output}
"            and those of a line that is no evaluation's, which is ''
"   shown    a window was opened by itself: not to be done again
"   left     documents that it was of when their server ended, as keys; {} before that
let s:views = {}
" Evaluation → [view, block], for blocks that are still in a buffer.
let s:blocks = {}

" Takes a reval/output.
function! reval#output#receive(params) abort
  let view = s:view(a:params)
  for output in a:params.outputs
    call s:apply(view, a:params, output)
  endfor
  call s:trim(view)
  if reval#config#get('output_open') !=# 'never' && !view.shown
        \ && !empty(filter(copy(a:params.outputs), {_, o -> o.kind =~# '^\%(stream\|error\|display\)$'}))
    let view.shown = 1
    call reval#client#later({-> s:open_by_itself(view)})
  endif
endfunction

" Takes a reval/evaluation: the header tells the state.
function! reval#output#state(params) abort
  if has_key(s:blocks, a:params.evaluation)
    let [view, block] = s:blocks[a:params.evaluation]
    let header = s:header(a:params)
    if header !=# block.header
      call s:splice(view, s:start(view, block), 1, [header])
    endif
    call extend(block, {'params': a:params, 'header': header})
  endif
endfunction

" :RevalOutput: opens the output of the buffer's session at the evaluation under the
" cursor, or closes it; with a bang, shows that one result in full beside the code.
function! reval#output#command(bang) abort
  if &filetype ==# 'reval-output'
    close
    return
  elseif a:bang
    call reval#results#float()
    return
  endif
  let view = get(s:views, reval#kernel#session(reval#client#uri(bufnr('%'))), {})
  if empty(view) || !bufloaded(view.bufnr)
    call reval#client#error('there is no output yet')
    return
  endif
  let window = bufwinid(view.bufnr)
  if window > 0
    call win_execute(window, 'close')
    return
  endif
  let evaluation = reval#results#at(bufnr('%'), line('.'))
  let window = s:open(view)
  if has_key(s:blocks, get(evaluation, 'evaluation', ''))
    call win_execute(window, printf('call cursor(%d, 1) | normal! zt', s:start(view, s:blocks[evaluation.evaluation][1])))
  endif
endfunction

" The key of this in the output buffer (<CR>): the place that the text under the
" cursor names, else the code that made the output.
function! reval#output#jump() abort
  let found = s:under_cursor()
  if empty(found)
    return
  endif
  let [block, output, row] = found
  if block.evaluation ==# ''
    return
  endif
  let link = s:link(output, row)
  if !empty(link)
    let place = s:place(link)
    call reval#output#edit(place.uri, place.line + 1)
    return
  endif
  let evaluation = reval#results#get(block.evaluation)
  let lnum = empty(evaluation) ? 0 : reval#results#line(evaluation)
  call reval#output#edit(block.params.uri, lnum ? lnum : block.params.range.start.line + 1)
endfunction

" Where a link leads now: the code that it names may have moved since.
function! s:place(link) abort
  let bufnr = reval#client#buffer(a:link.uri)
  let place = a:link.place ==# '' || bufnr <= 0 ? v:null
        \ : reval#client#execute_sync(bufnr, 'reval.place', {'place': a:link.place}, 1000)
  return empty(place) ? a:link : place
endfunction

" The key of this in the output buffer (o): opens the picture under the cursor.
function! reval#output#picture() abort
  let found = s:under_cursor()
  if empty(found) || get(found[1], 'mime', '') !~# '^image/'
    call reval#client#error('there is no picture on this line')
    return
  endif
  let [block, output; _] = found
  if output.withheld ==# ''
    call reval#picture#open(output.mime, output.data)
    return
  endif
  call reval#client#execute(reval#client#buffer(block.params.uri), 'reval.output',
        \ {'evaluation': block.evaluation, 'index': output.index},
        \ {result -> reval#picture#open(result.outputs[0].mime, result.outputs[0].data)})
endfunction

" Edits a document in the window that shows it, else in the last one that shows code.
function! reval#output#edit(uri, lnum) abort
  let bufnr = reval#client#buffer(a:uri)
  let file = bufnr > 0 ? '' : reval#uri#path(a:uri)
  if bufnr < 0 && file ==# ''
    call reval#client#error('cannot open ' .. a:uri)
    return
  endif
  let bufnr = bufnr > 0 ? bufnr : bufadd(file)
  let window = bufwinid(bufnr)
  if window > 0
    call win_gotoid(window)
  else
    if !empty(&buftype)
      wincmd p
    endif
    if !empty(&buftype) || (&modified && !&hidden)
      split
    endif
    execute 'buffer' bufnr
    setlocal buflisted
  endif
  normal! m'
  call cursor(a:lnum, 1)
  normal! zv
endfunction

" A buffer of the code whose output the current buffer shows; 0 if there is none.
function! reval#output#source() abort
  for view in values(s:views)
    if view.bufnr == bufnr('%') && view.uri !=# ''
      return max([0, reval#client#buffer(view.uri)])
    endif
  endfor
  return 0
endfunction

" [block, output or {}, row of the output] at the cursor; [] in an empty buffer.
function! s:under_cursor() abort
  for view in values(s:views)
    if view.bufnr != bufnr('%')
      continue
    endif
    let lnum = 1
    for block in view.blocks
      if line('.') < lnum + block.lines
        let lnum += 1
        for output in block.outputs
          if lnum <= line('.') && line('.') < lnum + output.lines
            return [block, output, line('.') - lnum]
          endif
          let lnum += output.lines
        endfor
        return [block, {}, 0]
      endif
      let lnum += block.lines
    endfor
  endfor
  return []
endfunction

" The link at the cursor, else the row's first; {} if it has none.
function! s:link(output, row) abort
  let found = {}
  for link in get(a:output, 'links', [])
    if link.row == a:row && (empty(found) || (link.col <= col('.') && col('.') < link.end))
      let found = link
    endif
  endfor
  return found
endfunction

" The server of these documents is gone. What another one brings for them goes on where this
" one's stands, and what that tells of the same evaluation takes its place.
function! reval#output#left(uris) abort
  for uri in a:uris
    let view = get(s:views, reval#kernel#session(uri), {})
    if !empty(view)
      let view.left[uri] = 1
      for block in view.blocks
        let block.again = 1
      endfor
    endif
  endfor
endfunction

" Lets the document's session of now have the view of the one before.
function! s:take_over(params) abort
  for view in filter(values(s:views), {_, view -> has_key(view.left, a:params.uri)})
    let view.left = {}
    if !has_key(s:views, a:params.session)
      call remove(s:views, view.session)
      let view.session = a:params.session
      let s:views[view.session] = view
    endif
  endfor
endfunction

function! s:view(params) abort
  call s:take_over(a:params)
  if has_key(s:blocks, a:params.evaluation)
    return extend(s:blocks[a:params.evaluation][0], {'uri': a:params.uri})
  endif
  if !has_key(s:views, a:params.session)
    let s:views[a:params.session] = {'session': a:params.session, 'uri': '', 'bufnr': -1, 'count': 0, 'blocks': [], 'shown': 0, 'left': {}}
  endif
  let view = extend(s:views[a:params.session], {'uri': a:params.uri})
  if !bufloaded(view.bufnr)
    call s:create(view)
  endif
  return view
endfunction

function! s:create(view) abort
  call s:forget(a:view)
  let first = 'reval-output://' .. reval#kernel#name(a:view.session)
  let [name, n] = [first, 2]
  " A buffer of that name which is no session's was left by :mksession, with its window.
  while bufexists(name) && !empty(filter(values(s:views), {_, view -> view.bufnr == bufnr(name)}))
    let [name, n] = [first .. '-' .. n, n + 1]
  endwhile
  let bufnr = bufadd(name)
  call setbufvar(bufnr, '&buftype', 'nofile')
  call bufload(bufnr)
  call setbufvar(bufnr, '&modifiable', 1)
  silent call deletebufline(bufnr, 1, '$')
  for [option, value] in items({'buftype': 'nofile', 'bufhidden': 'hide', 'swapfile': 0, 'buflisted': 0,
        \ 'undolevels': -1, 'modifiable': 0})
    call setbufvar(bufnr, '&' .. option, value)
  endfor
  " Last, because the file type's own settings come with it.
  call setbufvar(bufnr, '&filetype', 'reval-output')
  let a:view.bufnr = bufnr
  augroup reval_output
    execute printf('autocmd! BufUnload <buffer=%d> call reval#output#unloaded(%d)', bufnr, bufnr)
  augroup END
endfunction

" Puts a line of its own at the end of a session's output, if there is any.
function! reval#output#note(session, text) abort
  let view = get(s:views, a:session, {})
  if !empty(view) && bufloaded(view.bufnr)
    call s:splice(view, view.count + 1, 0, ['── ' .. a:text .. ' ──'])
    call add(view.blocks, {'evaluation': '', 'lines': 1, 'outputs': [], 'index': {}, 'params': {}})
  endif
endfunction

" Its text is gone: what comes next starts a new buffer.
function! reval#output#unloaded(bufnr) abort
  for view in values(s:views)
    if view.bufnr == a:bufnr
      call s:forget(view)
    endif
  endfor
endfunction

function! s:forget(view) abort
  for block in a:view.blocks
    call s:drop(block)
  endfor
  call extend(a:view, {'bufnr': -1, 'count': 0, 'blocks': []})
endfunction

function! s:drop(block) abort
  if a:block.evaluation !=# ''
    call remove(s:blocks, a:block.evaluation)
  endif
endfunction

" Brings one output of an evaluation into the buffer.
function! s:apply(view, params, output) abort
  if !has_key(s:blocks, a:params.evaluation)
    if a:output.kind ==# 'clear'
      return
    endif
    let evaluation = reval#results#get(a:params.evaluation)
    let block = {'evaluation': a:params.evaluation, 'lines': 1, 'outputs': [], 'index': {},
          \ 'params': empty(evaluation) ? {'uri': a:params.uri, 'state': 'running', 'range': {'start': {'line': 0}, 'end': {'line': 0, 'character': 0}}} : evaluation}
    let block.header = s:header(block.params)
    call s:splice(a:view, a:view.count + 1, 0, [block.header])
    call add(a:view.blocks, block)
    let s:blocks[a:params.evaluation] = [a:view, block]
  endif
  let block = s:blocks[a:params.evaluation][1]
  if a:output.kind ==# 'clear' || get(block, 'again', 0)
    call s:splice(a:view, s:start(a:view, block) + 1, block.lines - 1, [])
    call extend(block, {'lines': 1, 'outputs': [], 'index': {}, 'again': 0})
  endif
  if a:output.kind ==# 'clear'
    return
  endif
  if !has_key(block.index, a:output.index)
    let output = {'index': a:output.index, 'lines': 0, 'ended': 1, 'spans': [], 'links': []}
    let block.index[a:output.index] = output
    call add(block.outputs, output)
  endif
  let output = block.index[a:output.index]
  " Most changes are to the last output.
  let [start, i] = [s:start(a:view, block) + block.lines, len(block.outputs) - 1]
  let start -= block.outputs[i].lines
  while block.outputs[i] isnot output
    let i -= 1
    let start -= block.outputs[i].lines
  endwhile
  let lines = output.lines
  if a:output.kind ==# 'stream'
    call s:append(a:view, output, start, a:output)
  else
    call s:replace(a:view, output, start, a:output)
  endif
  let block.lines += output.lines - lines
endfunction

" Erases a stream's last code points and appends to it. Its last line may be open:
" the next text goes on there. output.spans are the items of that line.
function! s:append(view, output, start, change) abort
  let last = a:start + a:output.lines - 1
  let [keep, base, back] = [a:output.lines, '', get(a:change, 'back', 0)]
  let spans = a:output.spans
  if !a:output.ended
    let base = s:line(a:view, last)
    let keep -= 1
  endif
  while back > strchars(base) && keep > 0
    " One more for the line end.
    let back -= strchars(base) + 1
    let keep -= 1
    let base = s:line(a:view, a:start + keep)
    let spans = []
  endwhile
  let base = strcharpart(base, 0, strchars(base) - back)
  let spans = map(filter(copy(spans), {_, s -> s[1] <= strlen(base)}),
        \ {_, s -> [s[0], s[1], min([s[2], strlen(base) + 1]), s[3]]})
  let lines = split(base .. a:change.text, "\n", 1)
  let points = strchars(base)
  let shifted = map(copy(get(a:change, 'spans', [])),
        \ {_, s -> extend(copy(s), {'start': s.start + points, 'end': s.end + points})})
  let ended = lines[-1] ==# ''
  if ended
    call remove(lines, -1)
  endif
  let at = a:start + keep
  let items = map(spans, {_, s -> [at] + s[1:]}) + reval#style#items(lines, shifted, at)
  if get(a:change, 'name', '') ==# 'stderr' && empty(get(a:change, 'spans', []))
    let items += map(copy(lines), {i, l -> [at + i, 1, strlen(l) + 1, 'RevalStderr']})
  endif
  call s:links(a:output, a:change, lines, points, keep)
  call s:splice(a:view, at, a:output.lines - keep, lines)
  call s:paint(a:view, at, len(lines), items)
  let a:output.lines = keep + len(lines)
  let a:output.ended = ended
  let a:output.spans = ended ? [] : filter(items, {_, s -> s[0] == at + len(lines) - 1})
endfunction

" A result, display or error stands as a whole.
function! s:replace(view, output, start, change) abort
  let lines = split(a:change.text, "\n", 1)
  if lines[-1] ==# ''
    call remove(lines, -1)
  endif
  let items = reval#style#items(lines, get(a:change, 'spans', []), a:start)
  let [a:output.mime, a:output.data, a:output.links] = [get(a:change, 'mime', ''), get(a:change, 'data', ''), []]
  let a:output.withheld = get(a:change, 'withheld', '')
  call s:links(a:output, a:change, lines, 0, 0)
  if a:output.mime =~# '^image/'
    call add(lines, reval#picture#label(a:output.mime, a:output.data, a:output.withheld))
    call add(items, [a:start + len(lines) - 1, 1, strlen(lines[-1]) + 1, 'RevalPicture'])
  endif
  call s:splice(a:view, a:start, a:output.lines, lines)
  call s:paint(a:view, a:start, len(lines), items)
  let a:output.lines = len(lines)
endfunction

" Remembers the links of a text whose first line is the output's line `row`, with
" `points` code points before the text.
function! s:links(output, change, lines, points, row) abort
  if !has_key(a:change, 'links')
    return
  endif
  for link in a:change.links
    let [start, row] = [link.start + a:points, 0]
    let length = link.end - link.start
    while row < len(a:lines) - 1 && start > strchars(a:lines[row])
      let [start, row] = [start - strchars(a:lines[row]) - 1, row + 1]
    endwhile
    let line = get(a:lines, row, '')
    call add(a:output.links, {'row': a:row + row, 'uri': link.uri, 'line': link.line, 'place': get(link, 'place', ''),
          \ 'col': reval#style#byte(line, start) + 1, 'end': reval#style#byte(line, start + length) + 1})
  endfor
endfunction

" The header line of a block.
function! s:header(params) abort
  let range = a:params.range
  let [first, last] = [range.start.line + 1, range.end.line + (get(range.end, 'character', 1) > 0)]
  let place = reval#uri#name(a:params.uri) .. ':' .. first .. (last > first ? '-' .. last : '')
  let place ..= has_key(a:params, 'by') ? ', ' .. a:params.by : ''
  let number = get(a:params, 'count', 0)
  let state = a:params.state
  if state ==# 'done' || state ==# 'error'
    let state = (state ==# 'done' ? '✓ ' : '✗ ') .. reval#results#elapsed(get(a:params, 'elapsed', 0))
  endif
  return printf('── %s%s  %s ──', number ? '[' .. number .. '] ' : '', place, state)
endfunction

" The line of a block's header. Most changes are to the last block.
function! s:start(view, block) abort
  let i = len(a:view.blocks) - 1
  let lnum = a:view.count + 1 - a:view.blocks[i].lines
  while a:view.blocks[i] isnot a:block
    let i -= 1
    let lnum -= a:view.blocks[i].lines
  endwhile
  return lnum
endfunction

" Keeps the buffer at g:reval_output_max_lines, with some slack so that it is not
" cut at every line. What was cut can still be had from the server.
function! s:trim(view) abort
  let max = reval#config#get('output_max_lines')
  if max <= 0 || a:view.count <= max + max / 10
    return
  endif
  let surplus = a:view.count - max
  while surplus > 0
    let block = a:view.blocks[0]
    if block.lines <= surplus && len(a:view.blocks) > 1
      let surplus -= block.lines
      call s:splice(a:view, 1, block.lines, [])
      call remove(a:view.blocks, 0)
      call s:drop(block)
      continue
    endif
    " The header stays: this block is not over, or too long alone.
    for output in block.outputs
      let cut = min([surplus, output.lines - 1])
      if cut > 0
        call s:splice(a:view, 2, cut, [])
        let [output.lines, block.lines, surplus] = [output.lines - cut, block.lines - cut, surplus - cut]
        call map(filter(output.links, {_, l -> l.row >= cut}), {_, l -> extend(l, {'row': l.row - cut})})
      endif
      break
    endfor
    break
  endwhile
endfunction

function! s:line(view, lnum) abort
  return get(getbufline(a:view.bufnr, a:lnum), 0, '')
endfunction

" Replaces n lines from lnum on. Windows whose cursor is on the last line follow;
" others stay where their reader is.
function! s:splice(view, lnum, n, lines) abort
  let followers = filter(win_findbuf(a:view.bufnr),
        \ {_, w -> getcurpos(w)[1] >= a:view.count})
  let bufnr = a:view.bufnr
  call setbufvar(bufnr, '&modifiable', 1)
  let common = min([a:n, len(a:lines)])
  if common > 0
    call setbufline(bufnr, a:lnum, a:lines[: common - 1])
  endif
  if a:n > common
    silent call deletebufline(bufnr, a:lnum + common, a:lnum + a:n - 1)
  elseif len(a:lines) > common
    if a:view.count == 0
      call setbufline(bufnr, 1, a:lines)
    else
      call appendbufline(bufnr, a:lnum + common - 1, a:lines[common :])
    endif
  endif
  call setbufvar(bufnr, '&modifiable', 0)
  call setbufvar(bufnr, '&modified', 0)
  let a:view.count += len(a:lines) - a:n
  for window in followers
    let height = winheight(window)
    call win_execute(window, printf('call cursor(%d, 1) | call winrestview({"topline": %d})',
          \ a:view.count, max([1, a:view.count - height + 1])))
  endfor
endfunction

function! s:paint(view, lnum, n, items) abort
  if a:n > 0
    call reval#editor#call('paint', a:view.bufnr, a:lnum, a:lnum + a:n - 1, a:items)
  endif
endfunction

function! s:open_by_itself(view) abort
  if bufloaded(a:view.bufnr) && bufwinid(a:view.bufnr) < 0
    call s:open(a:view)
  endif
endfunction

" Opens a window on the buffer's end without going there; answers its id.
function! s:open(view) abort
  let here = win_getid()
  let split = reval#config#get('output_split')
  execute 'noswapfile' split
  execute 'keepalt buffer' a:view.bufnr
  let window = win_getid()
  " Options of the window, not of the buffer: they come with each new window.
  setlocal nowrap nonumber norelativenumber nospell nolist signcolumn=no foldcolumn=0 nofoldenable
  call cursor(a:view.count, 1)
  normal! zb
  call win_gotoid(here)
  return window
endfunction
