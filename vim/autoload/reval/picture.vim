" Pictures of the output buffer: said in words, opened in the system's own program.
scriptencoding utf-8

let s:alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
let s:suffixes = {'image/svg+xml': 'svg', 'image/jpeg': 'jpg'}

" The line that stands for a picture.
function! reval#picture#label(mime, data) abort
  return printf('[%s%s — press o to open]', a:mime, a:mime ==# 'image/png' ? s:png_size(a:data) : '')
endfunction

" Writes it to a file of this editor's private temporary folder, which goes away
" with the editor, and opens it.
function! reval#picture#open(mime, data) abort
  let opener = reval#config#opener()
  if !executable(opener[0])
    call reval#client#error(opener[0] .. ' is not there to open pictures: set g:reval_opener, as in [''feh'']')
    return
  endif
  let path = tempname() .. '.' .. get(s:suffixes, a:mime, matchstr(a:mime, '[a-z0-9]\+$'))
  call writefile([], path)
  call setfperm(path, 'rw-------')
  if a:mime ==# 'image/svg+xml'
    call writefile(split(a:data, "\n", 1), path, 'b')
  else
    call reval#editor#call('decode', a:data, path)
  endif
  call reval#editor#call('spawn', opener + [path])
endfunction

" ' 640×480' from a PNG's IHDR chunk: two big-endian numbers from byte 16 on.
function! s:png_size(data) abort
  let bytes = []
  for i in range(0, 28, 4)
    let n = 0
    for char in split(a:data[i : i + 3], '\zs')
      let n = n * 64 + stridx(s:alphabet, char)
    endfor
    let bytes += [n / 65536, n / 256 % 256, n % 256]
  endfor
  let [width, height] = map([16, 20], {_, i -> ((bytes[i] * 256 + bytes[i + 1]) * 256 + bytes[i + 2]) * 256 + bytes[i + 3]})
  return printf(' %d×%d', width, height)
endfunction
