" The keys of g:reval_default_maps, in buffers of code only.
scriptencoding utf-8

let s:filetypes = ['python', 'go', 'r', 'rmd', 'julia', 'javascript', 'typescript', 'sh', 'bash', 'scheme',
      \ 'ruby', 'lua', 'haskell', 'ocaml', 'scala', 'kotlin', 'octave', 'matlab', 'perl', 'rust', 'cs', 'fsharp']

let s:maps = [
      \ ['n', '<LocalLeader>r', '<Plug>(reval-eval)'],
      \ ['x', '<LocalLeader>r', '<Plug>(reval-eval)'],
      \ ['n', '<LocalLeader>rr', '<Plug>(reval-eval-line)'],
      \ ['n', '<LocalLeader>e', '<Plug>(reval-eval-cell)'],
      \ ['n', '<LocalLeader>d', '<Plug>(reval-eval-definition)'],
      \ ['n', '<LocalLeader>f', '<Plug>(reval-eval-file)'],
      \ ['n', '<LocalLeader>h', '<Plug>(reval-eval-to-here)'],
      \ ['n', '<LocalLeader>i', '<Plug>(reval-interrupt)'],
      \ ['n', '<LocalLeader>q', '<Plug>(reval-queue)'],
      \ ['n', '<LocalLeader>o', '<Plug>(reval-output)'],
      \ ['n', '<LocalLeader>v', '<Plug>(reval-show)'],
      \ ['n', '<LocalLeader>y', '<Plug>(reval-yank)'],
      \ ['n', 'K', '<Plug>(reval-inspect)'],
      \ ['n', ']r', '<Plug>(reval-next-cell)'],
      \ ['x', ']r', '<Plug>(reval-next-cell)'],
      \ ['o', ']r', '<Plug>(reval-next-cell)'],
      \ ['n', '[r', '<Plug>(reval-prev-cell)'],
      \ ['x', '[r', '<Plug>(reval-prev-cell)'],
      \ ['o', '[r', '<Plug>(reval-prev-cell)'],
      \ ]

" Maps the keys in the current buffer, but none that it has already.
function! reval#maps#buffer() abort
  if index(s:filetypes, &filetype) < 0 || !empty(&buftype)
    return
  endif
  for [mode, keys, plug] in s:maps
    if !get(maparg(keys, mode, 0, 1), 'buffer', 0)
      execute mode .. 'map <buffer>' keys plug
    endif
  endfor
  if &omnifunc ==# ''
    setlocal omnifunc=reval#omni#complete
  endif
endfunction
