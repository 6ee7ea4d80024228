" A server that ended without having been asked to: the daemon that it leads to died, or was
" exchanged for a newer one. It is started again, at once the first time, after longer and
" longer waits if it dies again, and gets to know the documents of the one before. What the
" sessions that went on have of them comes by itself, also what runs; what came of sessions
" that are gone is fetched from the history, with its date. Nothing is started where nothing
" was evaluated, and no session joined.
scriptencoding utf-8

" Milliseconds to wait before a server is started again, for each time in a row.
let s:delays = [0, 300, 1000, 3000, 10000]
" Seconds after which the end of a server does not count as another time in a row.
let s:steady = 60
" Project folder → starts in a row: their number, when the last one was, and the buffers.
let s:series = {}

" Whether the server of these documents, which died, had anything to go on with.
function! reval#reconnect#wanted(uris) abort
  for uri in a:uris
    if has_key(s:series, s:root(reval#client#buffer(uri))) || reval#kernel#known(uri) || reval#results#any(uri)
      return 1
    endif
  endfor
  return 0
endfunction

function! s:root(bufnr) abort
  return a:bufnr > 0 ? reval#config#root(a:bufnr) : ''
endfunction

" Has the server of these buffers started again; why says how it ended.
function! reval#reconnect#plan(bufnrs, why) abort
  let root = s:root(a:bufnrs[0])
  let series = get(s:series, root, {})
  if empty(series) || reltimefloat(reltime(series.started)) > s:steady
    let series = {'count': 0, 'buffers': {}, 'started': reltime()}
    let s:series[root] = series
  endif
  for bufnr in a:bufnrs
    let series.buffers[bufnr] = 1
  endfor
  if series.count == len(s:delays)
    call remove(s:series, root)
    call reval#client#error(printf('the server ended %d times in a row, the next evaluation starts another; :RevalDoctor may tell more: %s',
          \ series.count + 1, a:why))
    return
  endif
  let delay = s:delays[series.count]
  let series.count += 1
  call reval#client#error('the server ended, it is started again'
        \ .. (delay < 1000 ? '' : ' in ' .. delay / 1000 .. ' s') .. ': ' .. a:why)
  call timer_start(delay, {-> s:attempt(series)})
endfunction

" Starts the server, and asks it for what its documents showed before. It has told by then
" what its sessions have. One that has its kernels for itself has no history, and refuses.
function! s:attempt(series) abort
  let a:series.started = reltime()
  let bufnrs = filter(map(keys(a:series.buffers), {_, key -> str2nr(key)}), {_, bufnr -> bufloaded(bufnr)})
  for bufnr in bufnrs
    if reval#client#attach(bufnr) ==# ''
      call reval#reconnect#plan(bufnrs, 'it does not start')
      return
    endif
  endfor
  let state = {'waiting': len(bufnrs), 'shown': 0}
  for bufnr in bufnrs
    let left = reval#results#left(bufnr)
    let Done = function('s:back', [state, bufnr])
    call reval#client#execute(bufnr, empty(left) ? 'reval.state' : 'reval.restore',
          \ empty(left) ? {} : {'evaluations': left}, Done, Done)
  endfor
endfunction

" A document is there again; answer is that of reval.restore, or something else.
function! s:back(state, bufnr, answer) abort
  let a:state.waiting -= 1
  let a:state.shown += type(a:answer) == v:t_dict ? get(a:answer, 'shown', 0) : 0
  if a:state.waiting == 0
    let shown = a:state.shown
    call reval#client#tell('connected again' .. (reval#editor#call('standalone', a:bufnr) ? '; the kernels ended with the server' : shown == 0 ? ''
          \ : shown == 1 ? '; 1 result of before is marked with its date'
          \ : '; ' .. shown .. ' results of before are marked with their date'), 'None')
  endif
endfunction
