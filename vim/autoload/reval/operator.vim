" The operator behind <Plug>(reval-eval), and evaluations that repeat with `.`.
scriptencoding utf-8

let s:unit = ''
" The block of <Plug>(reval-eval): what of its columns the marks do not say where lines
" are short. left is 0 when `.` puts one of that width elsewhere; ragged is set after `$`,
" when it reaches to the end of each line.
let s:block = {'left': 0, 'width': 0, 'ragged': 0}

" For an <expr> mapping: g@ with the operator set.
function! reval#operator#start() abort
  if mode() ==# "\<C-v>"
    let [here, there] = [virtcol('.', 1), virtcol('v', 1)]
    let [left, right] = [min([here[0], there[0]]), max([here[1], there[1]])]
    let s:block = {'left': left, 'width': right - left, 'ragged': getcurpos()[4] == v:maxcol}
  endif
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
  let left = s:block.left ? s:block.left : virtcol([a:first[1], a:first[2]], 1)[0]
  let right = left + s:block.width
  let s:block.left = 0
  for lnum in range(a:first[1], a:last[1])
    let width = virtcol([lnum, '$']) - 1
    if width < left
      continue
    endif
    let start = virtcol2col(0, lnum, left) - 1
    let end = s:block.ragged || width < right ? strlen(getline(lnum)) : s:after(lnum, virtcol2col(0, lnum, right))
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
