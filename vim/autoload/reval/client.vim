" Documents, requests and notifications, the same in both editors.
scriptencoding utf-8

" URI → buffer number of every document that was given to a server.
let s:documents = {}
" Token → [function that takes the result, function that takes the error].
let s:pending = {}
let s:token = 0
" What waits until the editor is between two commands.
let s:later = []

" What was said last, and was cut.
let s:cut = ''

" Says what went wrong, in one line.
function! reval#client#error(message) abort
  call reval#client#tell(a:message, 'ErrorMsg')
endfunction

" Says something in one line, highlighted as group: cut to the screen's width, so that no
" key has to be pressed for it. :RevalState has all of it.
function! reval#client#tell(message, group) abort
  let text = 'reval: ' .. substitute(a:message, '\_s\+', ' ', 'g')
  let s:cut = strdisplaywidth(text) > v:echospace ? text : ''
  redraw
  execute 'echohl' a:group
  echomsg s:cut ==# '' ? text : matchstr(text, '.*\%<' .. max([2, v:echospace]) .. 'v') .. '…'
  echohl None
endfunction

" What tell said last, if it was cut; else ''.
function! reval#client#cut() abort
  return s:cut
endfunction

" Gives the document of bufnr to a server; answers its URI, or '' after it told
" why that cannot be.
function! reval#client#attach(bufnr) abort
  let command = reval#config#get('command', a:bufnr)
  let what = reval#client#no_code(a:bufnr)
  if what !=# ''
    call reval#client#error(what)
    return ''
  elseif &encoding !=# 'utf-8'
    call reval#client#error('needs :set encoding=utf-8')
    return ''
  elseif type(command) != v:t_list || empty(command)
    call reval#client#error('g:reval_command must be a list, as in [''reval'', ''lsp'']')
    return ''
  elseif !executable(expand(command[0]))
    call reval#client#error(command[0] .. ' is not on PATH: go install github.com/reval-editor/reval/cmd/reval@latest')
    return ''
  endif
  let uri = reval#editor#call('attach', a:bufnr)
  if uri !=# ''
    let s:documents[uri] = a:bufnr
    call setbufvar(a:bufnr, 'reval_uri', uri)
  endif
  return uri
endfunction

" Why a buffer holds nothing to evaluate; '' if it may.
function! reval#client#no_code(bufnr) abort
  let [type, language] = [getbufvar(a:bufnr, '&buftype'), getbufvar(a:bufnr, '&filetype')]
  if language ==# 'netrw' || isdirectory(bufname(a:bufnr))
    return 'this is the listing of a folder: evaluate in a file'
  elseif has_key(s:kinds, type)
    return 'this is ' .. s:kinds[type] .. ': evaluate in a buffer of code'
  elseif language ==# 'reval-output'
    return 'this is the output: evaluate in a buffer of code'
  elseif type !=# ''
    return printf('this buffer is no file (''buftype'' is %s): evaluate in a buffer of code', type)
  elseif language ==# ''
    return 'this buffer has no filetype: say which language it is, as in :setfiletype python'
  endif
  return ''
endfunction

let s:kinds = {'terminal': 'a terminal', 'quickfix': 'a list of places', 'help': 'a help page', 'prompt': 'a prompt'}

" The buffer of a document; -1 where it is gone.
function! reval#client#buffer(uri) abort
  let bufnr = get(s:documents, a:uri, -1)
  return bufexists(bufnr) ? bufnr : -1
endfunction

" The document's URI, if it was given to a server; else ''.
function! reval#client#uri(bufnr) abort
  return getbufvar(a:bufnr, 'reval_uri', '')
endfunction

" workspace/executeCommand for the document of bufnr; Done takes its result, and a
" function after it the error, which is told where there is none.
function! reval#client#execute(bufnr, command, argument, Done, ...) abort
  let uri = reval#client#attach(a:bufnr)
  if uri ==# ''
    return
  endif
  let s:token += 1
  let s:pending[s:token] = [a:Done, a:0 ? a:1 : function('reval#client#error')]
  call reval#editor#call('request', a:bufnr, s:token, 'workspace/executeCommand',
        \ {'command': a:command, 'arguments': [extend({'uri': uri}, a:argument)]})
endfunction

" The same for answers that the user waits for: v:null after ms milliseconds.
function! reval#client#execute_sync(bufnr, command, argument, ms) abort
  let uri = reval#client#attach(a:bufnr)
  if uri ==# ''
    return v:null
  endif
  return reval#editor#call('request_sync', a:bufnr, 'workspace/executeCommand',
        \ {'command': a:command, 'arguments': [extend({'uri': uri}, a:argument)]}, a:ms)
endfunction

" Called by the editor's own part with the answer to a request; error is '' or
" one line.
function! reval#client#reply(token, error, result) abort
  let [Done, Failed] = remove(s:pending, a:token)
  if a:error !=# ''
    call Failed(a:error)
  else
    call Done(a:result)
  endif
endfunction

function! reval#client#ignore(result) abort
endfunction

" Called by the editor's own part with each reval/* notification.
function! reval#client#notified(method, params) abort
  if a:method ==# 'reval/evaluation'
    call reval#results#update(a:params)
    call reval#queue#changed()
  elseif a:method ==# 'reval/output'
    call reval#output#receive(a:params)
  elseif a:method ==# 'reval/state'
    call reval#kernel#state(a:params)
    call reval#queue#changed()
  elseif a:method ==# 'reval/inputRequest'
    call reval#input#request(a:params)
  elseif a:method ==# 'window/showMessage'
    call reval#client#tell(a:params.message, 'WarningMsg')
  endif
endfunction

" Called by the editor's own part when the server of these documents ended.
" why is '' where that was wished, else one line; died says that it was no end in order.
function! reval#client#exited(uris, why, died) abort
  let bufnrs = filter(map(copy(a:uris), {_, uri -> reval#client#buffer(uri)}), {_, bufnr -> bufnr > 0})
  let again = a:died && !empty(bufnrs) && reval#reconnect#wanted(a:uris)
  call reval#input#forget(a:uris)
  call reval#output#left(a:uris)
  for uri in a:uris
    call reval#results#lost(uri)
    call reval#kernel#forget(uri)
    if has_key(s:documents, uri)
      call setbufvar(remove(s:documents, uri), 'reval_uri', '')
    endif
  endfor
  " What it says to editors that do not do that by themselves.
  let why = substitute(a:why, '; restart the server$', '', '')
  if again
    call reval#reconnect#plan(bufnrs, why)
  elseif why !=# ''
    call reval#client#error('the server ended, the next evaluation starts another: ' .. why)
  endif
endfunction

" What becomes of evaluations that have not ended is said when the editor leaves: what runs
" is known before the servers are told to end, and seen when the screen is given back.
let s:last_words = ''
augroup reval_leave
  autocmd!
  autocmd VimLeavePre * let s:last_words = reval#results#goes_on()
  autocmd VimLeave * if s:last_words !=# '' | call reval#editor#call('last_words', s:last_words) | endif
augroup END

" Called by Neovim's part when a document is open at a server, which may have been started
" by other means than attach.
function! reval#client#opened(bufnr, uri) abort
  let s:documents[a:uri] = a:bufnr
  call setbufvar(a:bufnr, 'reval_uri', a:uri)
endfunction

" Called by the editor's own part when a buffer got another name.
function! reval#client#renamed(bufnr, old, new) abort
  if has_key(s:documents, a:old)
    call remove(s:documents, a:old)
  endif
  let s:documents[a:new] = a:bufnr
  call setbufvar(a:bufnr, 'reval_uri', a:new)
  call reval#results#renamed(a:bufnr, a:new)
  call reval#kernel#renamed(a:old, a:new)
endfunction

" Calls Action as soon as the editor is not in the middle of a command, a mapping,
" a completion or a prompt: opening a window or a prompt there would break it.
function! reval#client#later(Action) abort
  call add(s:later, a:Action)
  call timer_start(0, 'reval#client#drain')
endfunction

function! reval#client#drain(...) abort
  if state('moaw') !=# '' || mode(1) =~# '^\%(no\|c\|r\|ix\|ic\|t\)' || pumvisible()
    augroup reval_later
      autocmd! SafeState * call reval#client#resume()
    augroup END
    return
  endif
  while !empty(s:later)
    call call(remove(s:later, 0), [])
  endwhile
endfunction

" SafeState itself is a bad place to wait for a key: leave it by a timer.
function! reval#client#resume() abort
  autocmd! reval_later
  call timer_start(0, 'reval#client#drain')
endfunction
