" Sessions that went on when an editor was closed: a file that is opened is given to the
" server if one of them has results of it, so that they are there again. Nothing is started
" to find that out but `reval sessions`, and only where a daemon runs.
scriptencoding utf-8

" Buffers for which it is asked whether there is a session.
let s:waiting = []

" Joins the session that has results of bufnr's file, if there is one.
function! reval#join#look(bufnr) abort
  let command = reval#config#get('command', a:bufnr)
  if type(command) != v:t_list || empty(command) || !executable(expand(command[0])) || reval#client#no_code(a:bufnr) !=# ''
        \ || bufname(a:bufnr) ==# '' || reval#client#uri(a:bufnr) !=# ''
    return
  endif
  call add(s:waiting, a:bufnr)
  if len(s:waiting) > 1
    return
  endif
  let argv = [expand(command[0]), 'sessions', '--json']
  if has('nvim')
    call jobstart(argv, {'stdout_buffered': 1, 'on_stdout': {_, lines, __ -> s:listed(join(lines, "\n"))}})
  else
    let said = []
    call job_start(argv, {'in_io': 'null', 'err_io': 'null', 'out_mode': 'raw',
          \ 'out_cb': {_, text -> add(said, text)}, 'close_cb': {_ -> s:listed(join(said, ''))}})
  endif
endfunction

" Takes what `reval sessions` said.
function! s:listed(text) abort
  let buffers = remove(s:waiting, 0, -1)
  try
    let sessions = json_decode(a:text)
  catch
    " It failed: whoever evaluates hears why.
    return
  endtry
  for bufnr in filter(buffers, {_, bufnr -> bufloaded(bufnr)})
    let path = resolve(fnamemodify(bufname(bufnr), ':p'))
    for session in sessions
      if index(map(copy(session.files), {_, file -> resolve(file)}), path) >= 0
        call reval#client#attach(bufnr)
        break
      endif
    endfor
  endfor
endfunction
