" The operator behind <Plug>(reval-eval), and evaluations that repeat with `.`.
scriptencoding utf-8

let s:unit = ''
" Whether the block of <Plug>(reval-eval) reaches to the end of each line.
let s:ragged = 0

" For an <expr> mapping: g@ with the operator set.
function! reval#operator#start() abort
  " After `$` a block reaches to the end of each line, and the marks do not say so.
  let s:ragged = mode() ==# "\<C-v>" && getcurpos()[4] == v:maxcol
  let &operatorfunc = 'reval#operator#evaluate'
  return 'g@'
endfunction

" For an <expr> mapping: evaluates a unit, by an operator on the cursor's line so
" that `.` repeats it.
function! reval#operator#unit(unit) abort
  let s:unit = a:unit
  let s:view = winsaveview()
  let &operatorfunc = 'reval#operator#evaluate_unit'
  return 'g@_'
endfunction

function! reval#operator#evaluate_unit(type) abort
  " The motion went to the line's first word; go back, unless this is `.`.
  if has_key(s:view, 'lnum') && s:view.lnum == line('.')
    call winrestview(s:view)
  endif
  let s:view = {}
  call reval#unit(s:unit)
endfunction

function! reval#operator#evaluate(type) abort
  let [first, last] = [getpos("'["), getpos("']")]
  if a:type ==# 'line'
    call reval#range(first[1], last[1])
  elseif a:type ==# 'char'
    call reval#span([first[1], first[2] - 1], [last[1], s:after(last[1], last[2])])
  else
    call s:block(first, last)
  endif
endfunction

" Each row of a block is evaluated by itself, in order: the right sides of some
" assignments, say, each show their value. Rows that end before the block are left out.
function! s:block(first, last) abort
  let left = min([virtcol([a:first[1], a:first[2]], 1)[0], virtcol([a:last[1], a:last[2]], 1)[0]])
  let right = max([virtcol([a:first[1], a:first[2]], 1)[1], virtcol([a:last[1], a:last[2]], 1)[1]])
  for lnum in range(a:first[1], a:last[1])
    let width = virtcol([lnum, '$']) - 1
    if width < left
      continue
    endif
    let start = virtcol2col(0, lnum, left) - 1
    let end = s:ragged || width < right ? strlen(getline(lnum)) : s:after(lnum, virtcol2col(0, lnum, right))
    if getline(lnum)[start : end - 1] =~# '\S'
      call reval#span([lnum, start], [lnum, end])
    endif
  endfor
endfunction

" The byte column, from 0, after the character at byte column col, from 1; marks
" may stand beyond the line.
function! s:after(lnum, col) abort
  let line = getline(a:lnum)
  return min([a:col - 1 + strlen(matchstr(line, '.', a:col - 1)), strlen(line)])
endfunction
