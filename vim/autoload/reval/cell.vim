" Moving from cell to cell.
scriptencoding utf-8

" How long the server may take to start and to answer, in milliseconds: what follows is
" typed already, so the jump is not made later.
let s:patience = 5000

" Goes n cells on, or back if n is negative: to the line of its mark.
function! reval#cell#jump(n) abort
  let cells = reval#client#execute_sync(bufnr('%'), 'reval.cells', {}, s:patience)
  if type(cells) != v:t_list
    if reval#client#uri(bufnr('%')) !=# ''
      call reval#client#error('the server does not say where the cells are')
    endif
    return
  endif
  let starts = map(copy(cells), {_, cell -> cell.range.start.line + 1})
  let before = filter(copy(starts), {_, lnum -> lnum < line('.')})
  let after = filter(copy(starts), {_, lnum -> lnum > line('.')})
  let to = a:n > 0 ? get(after, a:n - 1, get(after, -1, 0)) : get(before, a:n, get(before, 0, 0))
  if to
    normal! m'
    call cursor(to, 1)
    normal! zv
  endif
endfunction
