" Pictures of the output buffer: said in words, opened in the system's own program.
scriptencoding utf-8

let s:alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
" MIME type → the extension of its files, and what the data begins with: in base64, but
" for SVG.
let s:kinds = {
      \ 'image/png': ['png', '^iVBORw0KGgo'],
      \ 'image/jpeg': ['jpg', '^/9j/'],
      \ 'image/gif': ['gif', '^R0lGOD'],
      \ 'image/svg+xml': ['svg', '^\%uFEFF\?\_s*<\%(svg\|?xml\|!--\|!DOCTYPE svg\)\_[ >]'],
      \ }

" The line that stands for a picture; withheld says why its data did not come, or is ''.
function! reval#picture#label(mime, data, withheld) abort
  let more = a:withheld !=# '' ? ', ' .. a:withheld : a:mime ==# 'image/png' ? s:png_size(a:data) : ''
  return printf('[%s%s — press o to open]', a:mime, more)
endfunction

" Writes it to a file of this editor's private temporary folder, which goes away
" with the editor, and opens it. What it is comes from a kernel: nothing but a picture
" is opened, by a name that says so.
function! reval#picture#open(mime, data) abort
  let [suffix, sign] = get(s:kinds, a:mime, ['', ''])
  if suffix ==# '' || a:data !~# sign
    call reval#client#error('this is no picture of the type ' .. a:mime)
    return
  endif
  let opener = reval#config#opener()
  if !executable(opener[0])
    call reval#client#error(opener[0] .. ' is not there to open pictures: set g:reval_opener, as in [''feh'']')
    return
  endif
  let path = tempname() .. '.' .. suffix
  call writefile([], path)
  call setfperm(path, 'rw-------')
  if a:mime ==# 'image/svg+xml'
    call writefile(split(a:data, "\n", 1), path, 'b')
  else
    call reval#editor#call('decode', a:data, path)
  endif
  call reval#editor#call('spawn', opener + [path])
endfunction

" Called by the editor's own part when a program that spawn started has ended.
function! reval#picture#opened(argv, status) abort
  if a:status
    call reval#client#error(printf('%s ended with status %d: %s', fnamemodify(a:argv[0], ':t'), a:status, a:argv[-1]))
  endif
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
