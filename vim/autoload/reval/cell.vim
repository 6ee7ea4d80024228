" Moving from cell to cell.
scriptencoding utf-8

" How long the server may take to start and to answer, in milliseconds: what follows is
" typed already, so the jump is not made later.
let s:patience = 5000

" Goes n cells on, or back if n is negative: to the line of its mark.
function! reval#cell#jump(n) abort
  let starts = map(s:cells(), {_, cell -> s:start(cell)})
  let before = filter(copy(starts), {_, lnum -> lnum < line('.')})
  let after = filter(copy(starts), {_, lnum -> lnum > line('.')})
  call s:go(a:n > 0 ? get(after, a:n - 1, get(after, -1, 0)) : get(before, a:n, get(before, 0, 0)))
endfunction

" Evaluates the cell at the cursor, and goes to the next one that has code: cells of
" text are passed.
function! reval#cell#evaluate_and_jump() abort
  let cells = s:cells()
  let here = get(filter(copy(cells), {_, cell -> s:start(cell) <= line('.')}), -1, {})
  if !get(here, 'markdown', 0)
    call reval#unit('cell')
  endif
  let after = filter(cells, {_, cell -> s:start(cell) > line('.') && !get(cell, 'markdown', 0)})
  call s:go(empty(after) ? line('$') : s:start(after[0]))
endfunction

" The cells of the buffer; none where the server does not say them.
function! s:cells() abort
  let cells = reval#client#execute_sync(bufnr('%'), 'reval.cells', {}, s:patience)
  if type(cells) == v:t_list
    return copy(cells)
  endif
  if reval#client#uri(bufnr('%')) !=# ''
    call reval#client#error('the server does not say where the cells are')
  endif
  return []
endfunction

function! s:start(cell) abort
  return a:cell.range.start.line + 1
endfunction

function! s:go(lnum) abort
  if a:lnum
    normal! m'
    call cursor(a:lnum, 1)
    normal! zv
  endif
endfunction
