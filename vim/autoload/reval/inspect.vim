" What the kernel knows of the name under the cursor.
scriptencoding utf-8

" :RevalInspect: in a float or popup; with a bang the source too, in a window.
function! reval#inspect#show(bang) abort
  call reval#client#execute(bufnr('%'), 'reval.inspect',
        \ {'position': reval#position(), 'detail': a:bang ? 1 : 0},
        \ function(a:bang ? 's:window' : 's:float', [{-> reval#client#error('the kernel knows nothing of this name')}]))
endfunction

" For a key like K: what the kernel knows, else what the key did before.
function! reval#inspect#key() abort
  if reval#client#uri(bufnr('%')) ==# ''
    call s:fall_back()
    return
  endif
  let Otherwise = {... -> reval#client#later(function('s:fall_back'))}
  call reval#client#execute(bufnr('%'), 'reval.inspect', {'position': reval#position()},
        \ function('s:float', [Otherwise]), Otherwise)
endfunction

function! s:fall_back() abort
  if has('nvim') && reval#editor#call('hover')
    return
  endif
  try
    normal! K
  catch
    call reval#client#error(substitute(v:exception, '^Vim\%((\a\+)\)\=:', '', ''))
  endtry
endfunction

function! s:float(Missing, result) abort
  if !a:result.found
    call a:Missing()
    return
  endif
  let lines = s:lines(a:result)
  call reval#editor#call('float', lines, reval#style#items(lines, get(a:result, 'spans', []), 1), 'inspect')
endfunction

function! s:lines(result) abort
  return split(substitute(a:result.text, '\n\+$', '', ''), "\n", 1)
endfunction

function! s:window(Missing, result) abort
  if !a:result.found
    call a:Missing()
    return
  endif
  call reval#client#later({-> s:open(a:result)})
endfunction

" One window, reused; <CR> goes to the file that a line names.
function! s:open(result) abort
  let lines = s:lines(a:result)
  let bufnr = bufadd('reval-inspect')
  let window = bufwinid(bufnr)
  if window > 0
    call win_gotoid(window)
  else
    execute 'noswapfile' reval#config#get('output_split')
    execute 'buffer' bufnr
  endif
  setlocal buftype=nofile bufhidden=wipe noswapfile nobuflisted modifiable undolevels=-1
  silent %delete _
  call setline(1, lines)
  setlocal nomodifiable nomodified nonumber norelativenumber nospell wrap
  call reval#editor#call('paint', bufnr, 1, len(lines), reval#style#items(lines, get(a:result, 'spans', []), 1))
  let b:reval_links = map(copy(get(a:result, 'links', [])),
        \ {_, link -> extend(copy(link), {'row': s:row(lines, link.start)})})
  nnoremap <buffer> <silent> <CR> <Cmd>call reval#inspect#jump()<CR>
  nnoremap <buffer> <silent> <nowait> q <Cmd>close<CR>
  call cursor(1, 1)
endfunction

" The row, from 1, of a code point's offset.
function! s:row(lines, points) abort
  let [row, rest] = [0, a:points]
  while row < len(a:lines) - 1 && rest > strchars(a:lines[row])
    let [rest, row] = [rest - strchars(a:lines[row]) - 1, row + 1]
  endwhile
  return row + 1
endfunction

function! reval#inspect#jump() abort
  for link in b:reval_links
    if link.row == line('.')
      call reval#output#edit(link.uri, link.line + 1)
      return
    endif
  endfor
  call reval#client#error('there is no place in a file on this line')
endfunction
