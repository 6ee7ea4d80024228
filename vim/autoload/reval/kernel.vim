" Sessions and their kernels: the state that the status line shows, choosing one.
scriptencoding utf-8

" URI → the last reval/state of its session.
let s:states = {}
" URI → id of its session.
let s:sessions = {}
" Session → name of its kernel.
let s:names = {}

" Takes a reval/state.
function! reval#kernel#state(params) abort
  let state = extend({'kernel': ''}, a:params)
  let s:names[a:params.session] = state.kernel
  let before = 'none'
  for uri in a:params.uris
    let before = get(s:states, uri, {'state': 'none'}).state
    let [s:states[uri], s:sessions[uri]] = [state, a:params.session]
  endfor
  if state.state ==# 'dead' && !empty(a:params.uris) && before !=# 'dead'
    call reval#client#error(trim('kernel ' .. state.kernel) .. ' is dead: '
          \ .. get(state, 'message', 'no reason was given') .. ' (:RevalRestart starts it again)')
  endif
  redrawstatus!
endfunction

" The server of this document is gone.
function! reval#kernel#forget(uri) abort
  if has_key(s:states, a:uri)
    call remove(s:states, a:uri)
  endif
  redrawstatus!
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
  let state = get(s:states, reval#client#uri(a:bufnr), {'state': 'none'})
  if state.state ==# 'none'
    return ''
  endif
  let queued = get(state, 'queued', 0)
  return 'reval ' .. state.kernel .. ' ' .. get({'busy': '●busy', 'dead': '✗dead'}, state.state, state.state)
        \ .. (queued ? ' +' .. queued : '')
endfunction

" :RevalState
function! reval#kernel#show() abort
  call reval#client#execute(bufnr('%'), 'reval.state', {}, function('s:show'))
endfunction

function! s:show(state) abort
  let line = 'reval: ' .. a:state.state
  if get(a:state, 'kernel', '') !=# ''
    let line ..= printf(', kernel %s (%s)', a:state.kernel, get(a:state, 'displayName', ''))
  endif
  let queued = get(a:state, 'queued', 0)
  let line ..= (queued ? printf(', %d queued', queued) : '')
  let line ..= printf(', %d document%s', len(a:state.uris), len(a:state.uris) == 1 ? '' : 's')
  let message = get(a:state, 'message', '')
  echo line .. (message ==# '' ? '' : ': ' .. message)
endfunction

" :RevalKernel [name]
function! reval#kernel#select(name) abort
  if a:name !=# ''
    call s:select(bufnr('%'), a:name)
  else
    call reval#client#execute(bufnr('%'), 'reval.kernels', {}, function('s:choose', [bufnr('%')]))
  endif
endfunction

function! s:select(bufnr, name) abort
  call reval#client#execute(a:bufnr, 'reval.selectKernel', {'kernel': a:name},
        \ {state -> execute('echomsg "reval: kernel" state.kernel', '')})
endfunction

" Shows the kernels to choose from, those of the language first.
function! s:choose(bufnr, kernels) abort
  if empty(a:kernels)
    call reval#client#error('no kernel was found: :RevalDoctor says what is missing')
    return
  endif
  let kernels = filter(copy(a:kernels), {_, k -> get(k, 'suitable', 0)})
        \ + filter(copy(a:kernels), {_, k -> !get(k, 'suitable', 0)})
  let labels = map(copy(kernels), {_, k -> printf('%s %s  (%s, %s)',
        \ get(k, 'selected', 0) ? '*' : ' ', k.name, k.displayName, k.source)})
  call reval#client#later({-> reval#input#choose('Kernel of this buffer:', labels,
        \ {i -> s:select(a:bufnr, kernels[i].name)})})
endfunction

" Completion of :RevalKernel.
function! reval#kernel#complete(lead, line, pos) abort
  let kernels = reval#client#execute_sync(bufnr('%'), 'reval.kernels', {}, 2000)
  return filter(map(type(kernels) == v:t_list ? copy(kernels) : [], {_, k -> k.name}), {_, name -> stridx(name, a:lead) == 0})
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
