" Sessions and their kernels: the state that the status line shows, choosing one.
scriptencoding utf-8

" URI → the last reval/state of its session.
let s:states = {}
" URI → id of its session.
let s:sessions = {}
" Session → short name of its kernel.
let s:names = {}
" Session → how many of its kernels have ended.
let s:namespaces = {}
" Draws the status lines.
let s:drawing = -1
" Whether one of them asked for the state since they were last drawn here.
let s:asked = 1

" Takes a reval/state.
function! reval#kernel#state(params) abort
  let state = extend({'kernel': ''}, a:params)
  let s:names[a:params.session] = s:short(state)
  let ended = get(s:namespaces, a:params.session, 0)
  let s:namespaces[a:params.session] = get(state, 'namespace', 0)
  if s:namespaces[a:params.session] > ended
    call reval#output#note(a:params.session, state.state ==# 'dead' ? 'the kernel died' : state.state ==# 'none'
          \ ? 'the kernel was shut down' : 'the kernel was restarted')
  endif
  let before = 'none'
  for uri in a:params.uris
    let before = get(s:states, uri, {'state': 'none'}).state
    let [s:states[uri], s:sessions[uri]] = [state, a:params.session]
  endfor
  if !empty(a:params.uris) && state.state !=# before
    call s:tell(state, before)
  endif
  call s:draw()
endfunction

" Draws the status lines anew if one of them shows the state, once for all that came at
" once: it takes longer than all else that is done for a state.
function! s:draw() abort
  if s:asked
    call timer_stop(s:drawing)
    let s:drawing = timer_start(0, {-> s:draw_now()})
  endif
endfunction

function! s:draw_now() abort
  let s:asked = 0
  redrawstatus!
endfunction

" Tells that a kernel died, is silent or answers again, or that its server is lost or
" there again.
function! s:tell(state, before) abort
  if a:state.state ==# 'dead'
    call reval#client#error(trim('kernel ' .. s:short(a:state)) .. ' is dead: '
          \ .. get(a:state, 'message', 'no reason was given') .. ' (:RevalRestart starts it again)')
  elseif a:state.state ==# 'disconnected' || a:state.state ==# 'unresponsive'
    call reval#client#tell(get(a:state, 'message', s:short(a:state) .. ' is ' .. a:state.state), 'WarningMsg')
  elseif a:state.state ==# 'idle' || a:state.state ==# 'busy'
    if a:before ==# 'disconnected'
      call reval#client#tell(s:short(a:state) .. ' is there again', 'None')
    elseif a:before ==# 'unresponsive'
      call reval#client#tell(s:short(a:state) .. ' answers again', 'None')
    endif
  endif
endfunction

" What to call a kernel: no URL, and of the id in a connection file's name the start.
function! s:short(state) abort
  let display = get(a:state, 'displayName', '')
  if a:state.kernel =~# '^\l\+://'
    return display
  elseif a:state.kernel =~# '[/\\]'
    return trim(matchstr(display, '^.\+\ze (') .. ' ' .. s:id(a:state.kernel))
  endif
  return a:state.kernel
endfunction

" What people tell running kernels by, at the end of a connection file's path or a URL.
function! s:id(name) abort
  return strcharpart(substitute(fnamemodify(a:name, ':t:r'), '^kernel-', '', ''), 0, 8)
endfunction

" The server of this document is gone.
function! reval#kernel#forget(uri) abort
  if has_key(s:states, a:uri)
    call remove(s:states, a:uri)
  endif
  call s:draw()
endfunction

" The document has another URI.
function! reval#kernel#renamed(old, new) abort
  for known in [s:states, s:sessions]
    if has_key(known, a:old)
      let known[a:new] = remove(known, a:old)
    endif
  endfor
endfunction

" Whether a document's session has a kernel, or had one.
function! reval#kernel#known(uri) abort
  return get(s:states, a:uri, {'state': 'none'}).state !=# 'none'
endfunction

" The id of a document's session; '' as long as it is not known.
function! reval#kernel#session(uri) abort
  return get(s:sessions, a:uri, '')
endfunction

" What to call a session.
function! reval#kernel#name(session) abort
  let name = get(s:names, a:session, '')
  return name ==# '' ? 'reval' : name
endfunction

function! reval#kernel#statusline(bufnr) abort
  let s:asked = 1
  let state = get(s:states, reval#client#uri(a:bufnr), {'state': 'none'})
  if state.state ==# 'none'
    return ''
  endif
  let queued = get(state, 'queued', 0)
  return 'reval ' .. s:short(state) .. ' '
        \ .. get({'busy': reval#input#waits_in(state.uris) ? '●waits for input' : '●busy', 'dead': '✗dead', 'disconnected': '✗disconnected',
        \ 'unresponsive': '✗unresponsive'}, state.state, state.state)
        \ .. (queued ? ' +' .. queued : '')
endfunction

" :RevalState
function! reval#kernel#show() abort
  let cut = reval#client#cut()
  call reval#client#execute(bufnr('%'), 'reval.state', {}, function('s:show', [cut]))
  if cut !=# '' && reval#client#uri(bufnr('%')) ==# ''
    echo cut
  endif
endfunction

" cut is the last message, if only a part of it was shown.
function! s:show(cut, state) abort
  let line = 'reval: ' .. a:state.state
  if get(a:state, 'kernel', '') !=# ''
    let line ..= printf(', kernel %s (%s)', a:state.kernel, get(a:state, 'displayName', ''))
  endif
  let queued = get(a:state, 'queued', 0)
  let line ..= (queued ? printf(', %d queued', queued) : '')
  let line ..= printf(', %d document%s', len(a:state.uris), len(a:state.uris) == 1 ? '' : 's')
  let message = get(a:state, 'message', '')
  echo line .. (message ==# '' ? '' : ': ' .. message) .. (a:cut ==# '' ? '' : "\n" .. a:cut)
endfunction

" :RevalKernel [kernel]
function! reval#kernel#select(kernel) abort
  let bufnr = bufnr('%')
  if a:kernel =~# '^\l\+://'
    call s:ask_server(bufnr, a:kernel)
  elseif a:kernel ==# ''
    call reval#client#execute(bufnr, 'reval.kernels', {}, function('s:choose', [bufnr]))
  else
    call s:select(bufnr, a:kernel =~# '\.json$' ? fnamemodify(a:kernel, ':p') : a:kernel)
  endif
endfunction

function! s:select(bufnr, name) abort
  call reval#client#execute(a:bufnr, 'reval.selectKernel', {'kernel': a:name},
        \ {state -> reval#client#tell('kernel ' .. s:short(extend({'kernel': ''}, state)), 'None')})
endfunction

" Lets the user choose from this machine's kernels, or name a server.
function! s:choose(bufnr, kernels) abort
  if empty(a:kernels)
    call reval#client#error('no kernel was found: :RevalDoctor says what is missing')
    return
  endif
  let kernels = s:sorted(a:kernels)
  call s:offer('Kernel of this buffer:', map(copy(kernels), {_, k -> s:label(k)}) + ['  a Jupyter server or ssh host, by its URL …'],
        \ {i -> i < len(kernels) ? s:select(a:bufnr, kernels[i].name)
        \ : reval#client#later(function('s:ask_url', [a:bufnr]))})
endfunction

function! s:ask_url(bufnr) abort
  let [url, given] = reval#input#line('URL (http://host:port/?token=T or ssh://host): ')
  if given && trim(url) !=# ''
    call s:ask_server(a:bufnr, trim(url))
  endif
endfunction

" Tells the server at url its token, and lets the user choose from its kernels unless
" url names one.
function! s:ask_server(bufnr, url) abort
  let plain = s:forget_token(a:url)
  call reval#client#execute(a:bufnr, 'reval.kernels', {'server': a:url},
        \ function('s:choose_there', [a:bufnr, plain]), function('s:refused', [a:bufnr, a:url ==# plain ? plain : '']))
endfunction

function! s:choose_there(bufnr, url, kernels) abort
  if a:url =~# '/api/kernel\%(s\|specs\)/.\|^ssh://[^/]\+/.'
    call s:select(a:bufnr, a:url)
    return
  endif
  let kernels = s:sorted(a:kernels)
  call s:offer('Kernel of ' .. a:url .. ':', map(copy(kernels), {_, k -> s:label(k)}),
        \ {i -> s:select(a:bufnr, kernels[i].name)})
endfunction

" Asks for the token where the URL had none and the server wants one.
function! s:refused(bufnr, url, error) abort
  if a:url ==# '' || stridx(a:error, 'the server refuses the token') < 0
    call reval#client#error(a:error)
  else
    call reval#client#later(function('s:ask_token', [a:bufnr, a:url]))
  endif
endfunction

function! s:ask_token(bufnr, url) abort
  let [token, given] = reval#input#secret('Token of ' .. a:url .. ': ')
  if given && token !=# ''
    call s:ask_server(a:bufnr, a:url .. '?token=' .. reval#uri#escape(token))
  endif
endfunction

" The URL without its token, which opens everything on its server: the histories,
" which are written to files, forget what holds it.
function! s:forget_token(url) abort
  let plain = substitute(substitute(a:url, '[?#].*$', '', ''), '^https\=://\zs[^/@]*@', '', '')
  if plain !=# a:url
    let pattern = '\V' .. escape(a:url, '\')
    call histdel('@', pattern)
    if histdel(':', pattern)
      call histadd(':', 'RevalKernel ' .. plain)
    endif
  endif
  return plain
endfunction

function! s:offer(prompt, labels, Done) abort
  call reval#client#later({-> reval#input#choose(a:prompt, a:labels, a:Done)})
endfunction

" Those of the language first.
function! s:sorted(kernels) abort
  return filter(copy(a:kernels), {_, k -> get(k, 'suitable', 0)})
        \ + filter(copy(a:kernels), {_, k -> !get(k, 'suitable', 0)})
endfunction

" A kernel in a list to choose from. Its server stands above the list already.
function! s:label(kernel) abort
  let name = fnamemodify(a:kernel.name, ':t')
  let mark = get(a:kernel, 'selected', 0) ? '*' : ' '
  if get(a:kernel, 'running', 0)
    return printf('%s running: %s  (%s)', mark, a:kernel.displayName, s:id(a:kernel.name))
  endif
  return printf('%s %s  (%s%s)', mark, name, a:kernel.displayName,
        \ stridx(a:kernel.name, a:kernel.source) == 0 ? '' : ', ' .. a:kernel.source)
endfunction

" Completion of :RevalKernel: what can be started or runs, here or on the server that
" the URL names up to its path, and connection files.
function! reval#kernel#complete(lead, line, pos) abort
  let argument = {}
  let lead = a:lead
  if lead =~# '^https\=://'
    if lead !~# '^https\=://[^/]\+/'
      return []
    endif
    let argument = {'server': substitute(lead, '/api/[^?]*', '/', '')}
    let lead = lead =~# '/api/' ? substitute(lead, '?.*', '', '') : ''
  endif
  let kernels = reval#client#execute_sync(bufnr('%'), 'reval.kernels', argument, 2000)
  let names = map(type(kernels) == v:t_list ? s:sorted(kernels) : [], {_, k -> k.name})
  if empty(argument) && lead =~# '[/\\.~]'
    let names += filter(getcompletion(lead, 'file'), {_, f -> f =~# '/$\|\.json$' && index(names, f) < 0})
  endif
  return filter(names, {_, name -> stridx(name, lead) == 0})
endfunction

" :RevalDoctor
function! reval#kernel#doctor() abort
  let command = reval#config#get('command')
  if !executable(expand(command[0]))
    call reval#client#error(command[0] .. ' is not on PATH: go install github.com/reval-editor/reval/cmd/reval@latest')
    return
  endif
  echo system(shellescape(expand(command[0])) .. ' doctor')
endfunction
