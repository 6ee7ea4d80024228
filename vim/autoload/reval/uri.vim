" file: URIs and paths.
scriptencoding utf-8

" The file URI of an absolute path.
function! reval#uri#file(path) abort
  let path = has('win32') ? '/' .. substitute(a:path, '\\', '/', 'g') : a:path
  return 'file://' .. reval#uri#escape(path)
endfunction

" Text as a path or a query may have it. Bytes, not characters: every byte that is
" not unreserved is written %XX.
function! reval#uri#escape(text) abort
  return substitute(a:text, '[^A-Za-z0-9/._~-]',
        \ {m -> join(map(range(strlen(m[0])), {_, i -> printf('%%%02X', char2nr(strpart(m[0], i, 1), 0))}), '')}, 'g')
endfunction

" The path of a file URI; '' for any other.
function! reval#uri#path(uri) abort
  if a:uri !~# '^file://'
    return ''
  endif
  let bytes = substitute(a:uri[7 :], '%\(\x\x\)', '\=s:byte(submatch(1))', 'g')
  return has('win32') ? substitute(bytes, '^/\ze\a:', '', '') : bytes
endfunction

" What to call a document.
function! reval#uri#name(uri) abort
  let path = reval#uri#path(a:uri)
  return path ==# '' ? a:uri : fnamemodify(path, ':t')
endfunction

" One byte, of which several in a row may make a character.
function! s:byte(hex) abort
  return eval('"\x' .. a:hex .. '"')
endfunction
