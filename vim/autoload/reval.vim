" What the commands do.
scriptencoding utf-8

" Evaluates whole lines.
function! reval#range(first, last) abort
  call reval#span([a:first, 0], [a:last, strlen(getline(a:last))])
endfunction

" Evaluates from [line, byte] to [line, byte], lines from 1, bytes from 0, the end
" exclusive.
function! reval#span(start, end) abort
  if a:end[0] < a:start[0] || (a:end[0] == a:start[0] && a:end[1] <= a:start[1])
    let why = reval#client#no_code(bufnr('%'))
    call reval#client#error(why ==# '' ? 'there is nothing to evaluate here' : why)
    return
  endif
  call s:evaluate({'range': {
        \ 'start': {'line': a:start[0] - 1, 'character': a:start[1]},
        \ 'end': {'line': a:end[0] - 1, 'character': a:end[1]}}})
endfunction

" Evaluates the cell, definition, file or everything down to the cursor's line. What
" follows are a file's arguments.
function! reval#unit(unit, ...) abort
  let around = a:unit ==# 'file' ? {'arguments': copy(a:000)} : {'position': reval#position()}
  call s:evaluate(extend({'unit': a:unit}, around))
endfunction

function! s:evaluate(what) abort
  call reval#client#execute(bufnr('%'), 'reval.evaluate', a:what, function('reval#client#ignore'))
endfunction

" The cursor's LSP position, in bytes.
function! reval#position() abort
  return {'line': line('.') - 1, 'character': col('.') - 1}
endfunction

function! reval#interrupt() abort
  call s:simple('reval.interrupt')
endfunction

function! reval#restart() abort
  call s:simple('reval.restart')
endfunction

function! reval#shutdown() abort
  call s:simple('reval.shutdown')
endfunction

" Shows the results that earlier sessions had in the buffer.
function! reval#restore() abort
  call reval#client#execute(bufnr('%'), 'reval.restore', {},
        \ {answer -> reval#client#tell(answer.shown ? answer.shown .. (answer.shown == 1 ? ' result' : ' results') .. ' of earlier sessions'
        \   : 'earlier sessions have no result of this text', 'None')})
endfunction

" Takes the evaluation under the cursor from the queue.
function! reval#cancel() abort
  call reval#client#execute(bufnr('%'), 'reval.cancel', {'position': reval#position()}, function('reval#client#ignore'))
endfunction

" Removes the results of the lines, or all of the buffer if count is 0.
function! reval#clear(count, first, last) abort
  let range = {'start': {'line': a:first - 1, 'character': 0},
        \ 'end': {'line': a:last - 1, 'character': strlen(getline(a:last))}}
  call reval#results#clear(bufnr('%'), a:count ? a:first : 1, a:count ? a:last : line('$'))
  call reval#client#execute(bufnr('%'), 'reval.clear', a:count ? {'range': range} : {}, function('reval#client#ignore'))
endfunction

" In the output buffer, and in the list of what waits, these act on the session that those show.
function! s:simple(command) abort
  let bufnr = &filetype ==# 'reval-output' ? reval#output#source()
        \ : &filetype ==# 'reval-queue' ? reval#queue#source() : bufnr('%')
  if bufnr > 0
    call reval#client#execute(bufnr, a:command, {}, function('reval#client#ignore'))
  endif
endfunction

" For 'statusline': what the session of the current buffer does; '' without one.
function! reval#statusline() abort
  return reval#kernel#statusline(bufnr('%'))
endfunction
