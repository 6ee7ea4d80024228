vim9script
# Vim's part: the server as a job, documents, virtual text, popups. What the
# functions do is said in autoload/reval/editor.vim.

# Project folder → its server:
#   job, channel
#   ready      the answer to initialize came; until then messages wait in queue
#   queue
#   stderr     its last lines
#   documents  bufnr → {uri, version, tick, timer, listener}; tick is b:changedtick of
#              the text that the server has
#   wished     it was told to end
var servers: dict<dict<any>> = {}

const stderr_lines = 20
# How long typing must pause before the server is told of it, in milliseconds: only
# the marks of stale results wait for it.
const debounce = 200

export def Attach(bufnr: number): string
  const root = Root(bufnr)
  var server = get(servers, root, {})
  if empty(server)
    server = Start(root, bufnr)
    if empty(server)
      return ''
    endif
  endif
  const uri = Uri(bufnr)
  var document = get(server.documents, bufnr, {})
  if !empty(document) && document.uri != uri
    # The buffer got another name (:saveas, :file).
    Close(server, bufnr)
    document = {}
  endif
  if empty(document)
    Open(server, bufnr, uri)
  endif
  return uri
enddef

def Root(bufnr: number): string
  var root = getbufvar(bufnr, 'reval_project', '')
  if root == ''
    root = reval#config#root(bufnr)
    setbufvar(bufnr, 'reval_project', root)
  endif
  return root
enddef

def Uri(bufnr: number): string
  const name = bufname(bufnr)
  if name == ''
    return 'untitled:' .. bufnr
  elseif name =~ '^\a\a\+://'
    return name
  endif
  return reval#uri#file(fnamemodify(name, ':p'))
enddef

def Start(root: string, bufnr: number): dict<any>
  var server: dict<any> = {ready: false, queue: [], stderr: [], documents: {}, wished: false}
  const command: list<string> = reval#config#get('command', bufnr)
  server.job = job_start([expand(command[0])] + command[1 :], {
    in_mode: 'lsp', out_mode: 'lsp', err_mode: 'nl', cwd: root, noblock: 1,
    # It ends by itself, and its kernels with it, when it finds its input closed.
    stoponexit: '',
    out_cb: (_, message) => Received(server, message),
    err_cb: (_, line) => {
      server.stderr = server.stderr[-stderr_lines + 1 :]->add(line)
    },
    exit_cb: (_, status) => Exited(root, server, status),
  })
  if job_status(server.job) == 'fail'
    reval#client#error(command[0] .. ' does not start in ' .. root)
    return {}
  endif
  server.channel = job_getchannel(server.job)
  servers[root] = server
  const uri = reval#uri#file(root)
  ch_sendexpr(server.channel, {method: 'initialize', params: {
    processId: getpid(),
    clientInfo: {name: 'Vim', version: string(v:versionlong)},
    rootUri: uri,
    workspaceFolders: [{uri: uri, name: fnamemodify(root, ':t')}],
    capabilities: {
      general: {positionEncodings: ['utf-8']},
      textDocument: {
        synchronization: {dynamicRegistration: false},
        completion: {completionItem: {documentationFormat: ['plaintext'], labelDetailsSupport: true}},
      },
      experimental: {reval: {mime: ['image/png', 'image/svg+xml', 'image/jpeg', 'image/gif']}},
    },
  }}, {callback: (_, answer) => Initialized(server, answer)})
  return server
enddef

def Initialized(server: dict<any>, answer: dict<any>)
  var why = ''
  if has_key(answer, 'error')
    why = answer.error.message
  elseif get(answer.result.capabilities, 'positionEncoding', 'utf-16') != 'utf-8'
    why = 'it does not count positions in UTF-8: update reval'
  endif
  if why != ''
    server.stderr->add(why)
    job_stop(server.job)
    return
  endif
  ch_sendexpr(server.channel, {method: 'initialized', params: {}})
  server.ready = true
  for [message, options] in server.queue
    ch_sendexpr(server.channel, message, options)
  endfor
  server.queue = []
enddef

def Send(server: dict<any>, message: dict<any>, options: dict<any> = {})
  if server.ready
    # The server may end at any time; exit_cb tells of it.
    if ch_status(server.channel) == 'open'
      ch_sendexpr(server.channel, message, options)
    endif
  else
    server.queue->add([message, options])
  endif
enddef

def Received(server: dict<any>, message: dict<any>)
  # Without a method it is a reply that came too late.
  if !has_key(message, 'method')
    return
  elseif has_key(message, 'id')
    # None of the server's requests is known here.
    Send(server, {id: message.id, error: {code: -32601, message: 'not supported by this client'}})
  else
    reval#client#notified(message.method, message.params)
  endif
enddef

def Exited(root: string, server: dict<any>, status: number)
  if get(servers, root, {}) is server
    remove(servers, root)
  endif
  for document in values(server.documents)
    listener_remove(document.listener)
  endfor
  const last = get(filter(copy(server.stderr), (_, line) => line =~ '\S'), -1, '')
  reval#client#exited(mapnew(values(server.documents), (_, d) => d.uri),
    server.wished ? '' : 'exit status ' .. status .. (last == '' ? '' : ', ' .. last))
enddef

# Documents ---------------------------------------------------------------------

def Text(bufnr: number): string
  const text = join(getbufline(bufnr, 1, '$'), "\n")
  return getbufvar(bufnr, '&endofline') || getbufvar(bufnr, '&fixendofline') ? text .. "\n" : text
enddef

def Open(server: dict<any>, bufnr: number, uri: string)
  server.documents[bufnr] = {
    uri: uri, version: 1, tick: getbufvar(bufnr, 'changedtick'), timer: 0,
    listener: listener_add((_, _, _, _, _) => Changed(server, bufnr), bufnr),
  }
  Send(server, {method: 'textDocument/didOpen', params: {textDocument: {
    uri: uri, languageId: getbufvar(bufnr, '&filetype'), version: 1, text: Text(bufnr)}}})
  augroup reval_documents
    execute 'autocmd! * <buffer=' .. bufnr .. '>'
    execute 'autocmd BufDelete,BufWipeout <buffer=' .. bufnr .. '> reval#vim9#Detach(str2nr(expand("<abuf>")))'
    # A buffer that is read again has lost its text properties.
    execute 'autocmd BufReadPost <buffer=' .. bufnr .. '> reval#vim9#Flush(str2nr(expand("<abuf>")))'
  augroup END
enddef

def Close(server: dict<any>, bufnr: number)
  const document = remove(server.documents, bufnr)
  timer_stop(document.timer)
  listener_remove(document.listener)
  Send(server, {method: 'textDocument/didClose', params: {textDocument: {uri: document.uri}}})
enddef

export def Detach(bufnr: number)
  const server = get(servers, getbufvar(bufnr, 'reval_project', ''), {})
  if !empty(server) && has_key(server.documents, bufnr)
    Close(server, bufnr)
  endif
enddef

def Changed(server: dict<any>, bufnr: number)
  var document = get(server.documents, bufnr, {})
  if !empty(document)
    timer_stop(document.timer)
    document.timer = timer_start(debounce, (_) => Flush(bufnr))
  endif
enddef

# Gives the server the text if it changed since.
export def Flush(bufnr: number)
  const server = get(servers, getbufvar(bufnr, 'reval_project', ''), {})
  const document = empty(server) ? {} : get(server.documents, bufnr, {})
  if empty(document) || !bufloaded(bufnr)
    return
  endif
  const tick = getbufvar(bufnr, 'changedtick')
  if tick != document.tick
    document.tick = tick
    document.version += 1
    Send(server, {method: 'textDocument/didChange', params: {
      textDocument: {uri: document.uri, version: document.version},
      contentChanges: [{text: Text(bufnr)}]}})
    reval#client#synced(bufnr)
  endif
enddef

# Requests ----------------------------------------------------------------------

export def Request(bufnr: number, token: number, method: string, params: dict<any>)
  Flush(bufnr)
  Send(servers[Root(bufnr)], {method: method, params: params}, {callback: (_, answer) => {
    reval#client#reply(token, get(get(answer, 'error', {}), 'message', ''), get(answer, 'result', v:null))
  }})
enddef

export def Request_sync(bufnr: number, method: string, params: dict<any>, ms: number): any
  const server = servers[Root(bufnr)]
  const start = reltime()
  # There is no event to wait for in a function; the channel is read meanwhile.
  while !server.ready
    if Elapsed(start) > ms || job_status(server.job) != 'run'
      return v:null
    endif
    sleep 2m
  endwhile
  Flush(bufnr)
  # ch_evalexpr() would lose an answer that comes beside a notification: Vim gives it to
  # out_cb.
  var answer: dict<any> = {}
  Send(server, {method: method, params: params}, {callback: (_, got) => extend(answer, got)})
  while empty(answer) && Elapsed(start) <= ms && job_status(server.job) == 'run'
    sleep 1m
  endwhile
  return get(answer, 'result', v:null)
enddef

def Elapsed(start: list<number>): number
  return float2nr(reltimefloat(reltime(start)) * 1000)
enddef

export def Notify(bufnr: number, method: string, params: dict<any>)
  Send(servers[Root(bufnr)], {method: method, params: params})
enddef

# Ends every server, and with it the kernels that it started.
def Leave()
  for server in values(servers)
    server.wished = true
    if server.ready && ch_status(server.channel) == 'open'
      ch_sendexpr(server.channel, {method: 'shutdown'}, {callback: (_, _) => 0})
      ch_sendexpr(server.channel, {method: 'exit'})
    endif
    ch_close_in(server.channel)
  endfor
enddef

augroup reval_servers
  autocmd!
  autocmd VimLeavePre * Leave()
augroup END

# Marks -------------------------------------------------------------------------

# A group's property type, made if need be.
def Type(group: string): string
  if empty(prop_type_get(group))
    prop_type_add(group, {highlight: group, combine: true, priority: 10})
  endif
  return group
enddef

export def Mark(bufnr: number, id: number, lnum: number, text: string, group: string): number
  if id != 0
    Unmark(bufnr, id)
  endif
  return prop_add(lnum, 0, {bufnr: bufnr, type: Type(group), text: text, text_align: 'after', text_padding_left: 2})
enddef

export def Mark_line(bufnr: number, id: number): number
  const found = prop_list(1, {bufnr: bufnr, end_lnum: -1, ids: [id]})
  return empty(found) ? 0 : found[0].lnum
enddef

export def Unmark(bufnr: number, id: number)
  const lnum = Mark_line(bufnr, id)
  if lnum > 0
    prop_remove({bufnr: bufnr, id: id}, lnum)
  endif
enddef

export def Paint(bufnr: number, first: number, last: number, items: list<any>)
  prop_clear(first, last, {bufnr: bufnr})
  var places: dict<list<any>> = {}
  for [lnum, col, end, group] in items
    if !has_key(places, group)
      places[group] = []
    endif
    places[group]->add([lnum, col, lnum, end])
  endfor
  for [group, list] in items(places)
    prop_add_list({bufnr: bufnr, type: Type(group)}, list)
  endfor
enddef

# Shows text at the cursor until the cursor moves; CTRL-F and CTRL-B scroll.
export def Float(lines: list<string>, items: list<any>, title: string)
  const window = popup_atcursor(mapnew(lines, (_, line) => ({text: line, props: []})), {
    title: ' ' .. title .. ' ', border: [], padding: [0, 1, 0, 1], moved: 'any', scrollbar: 1,
    maxheight: max([3, &lines / 2]), maxwidth: max([20, &columns - 6]),
    mapping: 0, filter: Scroll,
  })
  Paint(winbufnr(window), 1, len(lines), items)
enddef

def Scroll(window: number, key: string): bool
  if key == "\<C-f>" || key == "\<C-b>"
    win_execute(window, 'normal! ' .. key)
    return true
  elseif key == "\<Esc>"
    popup_close(window)
    return true
  endif
  return false
enddef

# Pictures ----------------------------------------------------------------------

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

# Base64 (RFC 4648) with padding; this Vim has no function for it.
export def Decode(data: string, path: string)
  var values = repeat([-1], 256)
  for i in range(64)
    values[char2nr(alphabet[i])] = i
  endfor
  var bytes = 0z
  var bits = 0
  var n = 0
  for byte in str2list(data)
    const value = byte < 256 ? values[byte] : -1
    if value < 0
      continue
    endif
    bits = (bits << 6) + value
    n += 6
    if n >= 8
      n -= 8
      bytes->add((bits >> n) % 256)
      bits = bits % 256
    endif
  endfor
  writefile(bytes, path)
enddef

export def Spawn(argv: list<string>)
  job_start(argv, {in_io: 'null', out_io: 'null', err_io: 'null', stoponexit: ''})
enddef
