" Spans of styled text, as the server gives them, to highlight groups and byte
" columns.
scriptencoding utf-8

let s:names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white',
      \ 'bright-black', 'bright-red', 'bright-green', 'bright-yellow',
      \ 'bright-blue', 'bright-magenta', 'bright-cyan', 'bright-white']
" What the sixteen look like with 'termguicolors', if no terminal theme says so.
let s:rgb = ['#2e3436', '#cc0000', '#4e9a06', '#c4a000', '#3465a4', '#75507b', '#06989a', '#d3d7cf',
      \ '#555753', '#ef2929', '#8ae234', '#fce94f', '#729fcf', '#ad7fa8', '#34e2e2', '#eeeeec']
" Group name → its :highlight arguments, to make them again after a colour scheme.
let s:groups = {}

augroup reval_style
  autocmd!
  autocmd ColorScheme * call s:again()
augroup END

" The items to paint for lines, the first of which stands at lnum. Spans count code
" points of the lines joined by line ends.
function! reval#style#items(lines, spans, lnum) abort
  if empty(a:spans)
    return []
  endif
  let [items, at, start] = [[], 0, 0]
  for span in a:spans
    let group = reval#style#group(span.style)
    while at < len(a:lines)
      let length = strchars(a:lines[at])
      if start + length >= span.start
        break
      endif
      let [at, start] = [at + 1, start + length + 1]
    endwhile
    " A span may go on over several lines.
    let [row, from] = [at, start]
    while row < len(a:lines) && from < span.end
      let length = strchars(a:lines[row])
      let first = reval#style#byte(a:lines[row], max([span.start - from, 0]))
      let end = reval#style#byte(a:lines[row], min([span.end - from, length]))
      if end > first
        call add(items, [a:lnum + row, first + 1, end + 1, group])
      endif
      let [row, from] = [row + 1, from + length + 1]
    endwhile
  endfor
  return items
endfunction

" The byte offset of a code point's offset in a line; composing characters count.
function! reval#style#byte(line, points) abort
  return strlen(a:line) == strchars(a:line) ? min([a:points, strlen(a:line)])
        \ : a:points >= strchars(a:line) ? strlen(a:line) : byteidxcomp(a:line, a:points)
endfunction

" The highlight group of a style, made if need be.
function! reval#style#group(style) abort
  let attributes = []
  for [key, name] in [['bold', 'bold'], ['italic', 'italic'], ['underline', 'underline'],
        \ ['inverse', 'reverse'], ['strike', 'strikethrough']]
    if get(a:style, key, 0)
      call add(attributes, name)
    endif
  endfor
  let [fg, bg] = [get(a:style, 'fg', ''), get(a:style, 'bg', '')]
  if get(a:style, 'faint', 0) && fg ==# ''
    let fg = 'bright-black'
  endif
  let group = 'RevalStyle' .. join(attributes, '') .. '_' .. substitute(fg .. '_' .. bg, '[^A-Za-z0-9_]', '', 'g')
  if !has_key(s:groups, group)
    let list = empty(attributes) ? 'NONE' : join(attributes, ',')
    let arguments = printf('term=%s cterm=%s gui=%s', list, list, list)
    for [what, color] in [['fg', fg], ['bg', bg]]
      if color !=# ''
        let arguments ..= printf(' cterm%s=%s gui%s=%s', what, s:cterm(color), what, s:gui(color))
      endif
    endfor
    let s:groups[group] = arguments
    execute 'highlight default' group arguments
  endif
  return group
endfunction

function! s:again() abort
  for [group, arguments] in items(s:groups)
    execute 'highlight default' group arguments
  endfor
endfunction

function! s:gui(color) abort
  let n = index(s:names, a:color)
  if n < 0
    return a:color =~# '^#\x\{6}$' ? a:color : 'NONE'
  endif
  return get(g:, 'terminal_color_' .. n, get(get(g:, 'terminal_ansi_colors', []), n, s:rgb[n]))
endfunction

" A number of the terminal's 16, or of xterm's 6×6×6 cube.
function! s:cterm(color) abort
  let n = index(s:names, a:color)
  if n >= 0
    return n < &t_Co || has('nvim') ? n : n % 8
  elseif a:color !~# '^#\x\{6}$'
    return 'NONE'
  endif
  " The levels of the cube are 0, 95, 135, 175, 215 and 255.
  let cube = map([1, 3, 5], {_, i -> str2nr(a:color[i : i + 1], 16)})
  call map(cube, {_, level -> level < 48 ? 0 : level < 115 ? 1 : (level - 35) / 40})
  return 16 + 36 * cube[0] + 6 * cube[1] + cube[2]
endfunction
