" Options: b:reval_NAME, else g:reval_NAME, else the default, read when used.
scriptencoding utf-8

let s:defaults = {
      \ 'command': ['reval', 'lsp'],
      \ 'root_markers': ['.git', 'pyproject.toml', '.venv', 'go.mod', 'Project.toml', 'DESCRIPTION', 'package.json'],
      \ 'kernel_directory': 'project',
      \ 'history_exclude': [],
      \ 'output_open': 'auto',
      \ 'output_split': 'botright 12split',
      \ 'output_max_lines': 100000,
      \ 'complete_timeout': 300,
      \ 'opener': [],
      \ 'default_maps': 0,
      \ }

" The value of option name in buffer bufnr (the current one if it is not given).
function! reval#config#get(name, ...) abort
  let local = getbufvar(a:0 ? a:1 : bufnr('%'), 'reval_' .. a:name, v:null)
  return local isnot v:null ? local : get(g:, 'reval_' .. a:name, s:defaults[a:name])
endfunction

" The folder whose documents share sessions: the nearest one upwards that has a
" marker of a project, else the file's own.
function! reval#config#root(bufnr) abort
  let path = bufname(a:bufnr)
  let folder = path ==# '' || path =~# '^\a\+:' ? getcwd() : fnamemodify(path, ':p:h')
  let at = folder
  while 1
    for marker in reval#config#get('root_markers', a:bufnr)
      if !empty(getftype(at .. '/' .. marker))
        return at
      endif
    endfor
    let up = fnamemodify(at, ':h')
    if up ==# at
      return folder
    endif
    let at = up
  endwhile
endfunction

" The command line that opens a file or URI in the system's own program.
function! reval#config#opener() abort
  let opener = reval#config#get('opener')
  if !empty(opener)
    return opener
  elseif has('mac')
    return ['open']
  elseif has('win32')
    return ['rundll32', 'url.dll,FileProtocolHandler']
  endif
  return ['xdg-open']
endfunction
