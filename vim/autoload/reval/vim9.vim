vim9script
# Vim's part: the server as a job, documents, virtual text, popups. What the
# functions do is said in autoload/reval/editor.vim.

# Project folder → its server:
#   job, channel
#   ready      the answer to initialize came; until then messages wait in queue
#   queue
#   asked      how many requests were sent, and their ids
#   answers    id → function that takes the answer, of requests that have none yet
#   lines      what came and is not taken yet, the last one perhaps not whole
#   length     of the message that is next, in bytes; -1 before the end of its header
#   header     the last one's Content-Length
#   taking     a timer will take more messages
#   busy       session → true, of those whose kernel is at work
#   attending  timer that looks whether something lies unread, or 0
#   heard      when something was sent or came last
#   stderr     its last lines
#   documents  bufnr → {uri, tick, timer}; tick is b:changedtick of the text that the
#              server has, and the document's version there
#   standalone its kernels end with it
#   wished     it was told to end
#   refused    it cannot be used: started again it would be no other
var servers: dict<dict<any>> = {}

const stderr_lines = 20
# How long typing must pause before the server is told of it, in milliseconds: only
# the marks of stale results wait for it.
const debounce = 200
# How long messages are taken before keys are, in milliseconds.
const turn = 20
# How often it is looked whether something lies unread, and for how long after something was
# sent or came, in milliseconds.
const look = 100
const attention = 2000

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
  if !has_key(server.documents, bufnr)
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
  var server: dict<any> = {ready: false, queue: [], asked: 0, answers: {},
    lines: [''], length: -1, header: 0, taking: false, busy: {}, attending: 0, heard: [],
    stderr: [], documents: {}, standalone: false, wished: false, refused: false}
  const command: list<string> = reval#config#get('command', bufnr)
  server.job = job_start([expand(command[0])] + command[1 :], {
    # Not mode 'lsp', in which each message costs a copy of all that came after it.
    in_mode: 'raw', out_mode: 'raw', err_mode: 'nl', cwd: root, noblock: 1,
    # It ends by itself, and its kernels with it, when it finds its input closed.
    stoponexit: '',
    out_cb: (_, text) => Received(server, text),
    err_cb: (_, line) => {
      server.stderr = server.stderr[-stderr_lines + 1 :]->add(line)
    },
    # Later: job_status() calls it, too, of a server that ended at once and is not known yet.
    exit_cb: (_, status) => {
      timer_start(0, (_) => Exited(root, server, status))
    },
  })
  if job_status(server.job) == 'fail'
    reval#client#error(command[0] .. ' does not start in ' .. root)
    return {}
  endif
  server.channel = job_getchannel(server.job)
  servers[root] = server
  const uri = reval#uri#file(root)
  Write(server, {method: 'initialize', params: {
    processId: getpid(),
    clientInfo: {name: 'Vim', version: string(v:versionlong)},
    rootUri: uri,
    workspaceFolders: [{uri: uri, name: fnamemodify(root, ':t')}],
    initializationOptions: {kernelDirectory: reval#config#get('kernel_directory', bufnr), historyExclude: reval#config#get('history_exclude', bufnr)},
    capabilities: {
      general: {positionEncodings: ['utf-8']},
      textDocument: {
        synchronization: {dynamicRegistration: false},
        completion: {completionItem: {documentationFormat: ['plaintext'], labelDetailsSupport: true}},
      },
      experimental: {reval: {mime: ['image/png', 'image/svg+xml', 'image/jpeg', 'image/gif'], text: 100000}},
    },
  }}, (answer) => Initialized(server, answer))
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
    server.refused = true
    job_stop(server.job)
    return
  endif
  const capability = get(get(answer.result.capabilities, 'experimental', {}), 'reval', {})
  server.standalone = get(capability, 'standalone', false)
  Write(server, {method: 'initialized', params: {}})
  server.ready = true
  for [message, Answered] in server.queue
    Write(server, message, Answered)
  endfor
  server.queue = []
enddef

# Sends a message as soon as the server is ready. It is a request where there is Answered,
# which takes the answer.
def Send(server: dict<any>, message: dict<any>, Answered: any = v:null)
  if server.ready
    Write(server, message, Answered)
  else
    server.queue->add([message, Answered])
  endif
enddef

def Write(server: dict<any>, message: dict<any>, Answered: any = v:null)
  # The server may end at any time; exit_cb tells of it.
  if ch_status(server.channel) != 'open'
    return
  endif
  var whole = extendnew(message, {jsonrpc: '2.0'})
  if type(Answered) == v:t_func
    server.asked += 1
    whole.id = server.asked
    server.answers[server.asked] = Answered
  endif
  const body = json_encode(whole)
  ch_sendraw(server.channel, 'Content-Length: ' .. strlen(body) .. "\r\n\r\n" .. body)
  Attend(server)
enddef

# Looks now and then whether something lies unread, while something is to come. Vim reads a
# channel also when it looks for Ctrl-C in a timer of whoever. Once no key came for
# 'updatetime', it hands that on only when no timer is due within 10 ms.
def Attend(server: dict<any>)
  server.heard = reltime()
  if server.attending == 0
    server.attending = timer_start(look, (_) => Look(server), {repeat: -1})
  endif
enddef

def Look(server: dict<any>)
  while ch_canread(server.channel)
    Received(server, ch_readraw(server.channel, {timeout: 0}))
  endwhile
  if empty(server.answers) && empty(server.busy) && Elapsed(server.heard) > attention
    timer_stop(server.attending)
    server.attending = 0
  endif
enddef

# Takes some bytes of messages (LSP, Base Protocol). They are cut into lines, each of which
# is short: Vim copies a string when it is looked at.
def Received(server: dict<any>, text: string)
  Attend(server)
  final lines: list<string> = server.lines
  final more = split(lines[-1] .. text, "\r\n", true)
  remove(lines, -1)
  extend(lines, more)
  if !server.taking
    Take(server)
  endif
enddef

# Hands on the messages that are whole, and lets keys in between if there are many.
def Take(server: dict<any>)
  server.taking = false
  const start = reltime()
  var body = Next(server)
  while body != ''
    var failed = true
    try
      Dispatch(server, json_decode(body))
      failed = false
    finally
      # An error in one message holds up none behind it.
      server.taking = failed || Elapsed(start) >= turn
      if server.taking
        timer_start(0, (_) => Take(server))
      endif
    endtry
    if server.taking
      return
    endif
    body = Next(server)
  endwhile
enddef

# The next message; '' if it is not whole.
def Next(server: dict<any>): string
  final lines: list<string> = server.lines
  while server.length < 0
    if len(lines) < 2
      return ''
    endif
    const line = remove(lines, 0)
    if line == ''
      server.length = server.header
    elseif line =~? '^content-length:'
      server.header = str2nr(matchstr(line, '\d\+'))
    endif
  endwhile
  # Line ends in a message are none of its header's.
  while strlen(lines[0]) < server.length && len(lines) > 1
    const line = remove(lines, 0)
    lines[0] = line .. "\r\n" .. lines[0]
  endwhile
  if strlen(lines[0]) < server.length
    return ''
  endif
  const body = strpart(lines[0], 0, server.length)
  lines[0] = strpart(lines[0], server.length)
  server.length = -1
  return body
enddef

def Dispatch(server: dict<any>, message: dict<any>)
  if has_key(message, 'method')
    if has_key(message, 'id')
      # None of the server's requests is known here.
      Send(server, {id: message.id, error: {code: -32601, message: 'not supported by this client'}})
    else
      if message.method == 'reval/state'
        Busy(server, message.params)
      endif
      reval#client#notified(message.method, message.params)
    endif
    return
  endif
  # It may come too late.
  const id = string(message.id)
  if has_key(server.answers, id)
    call(remove(server.answers, id), [message])
  endif
enddef

def Busy(server: dict<any>, state: dict<any>)
  if index(['starting', 'busy', 'restarting'], state.state) >= 0
    server.busy[state.session] = true
  elseif has_key(server.busy, state.session)
    remove(server.busy, state.session)
  endif
enddef

def Exited(root: string, server: dict<any>, status: number)
  timer_stop(server.attending)
  while server.taking
    Take(server)
  endwhile
  if get(servers, root, {}) is server
    remove(servers, root)
  endif
  for document in values(server.documents)
    timer_stop(document.timer)
  endfor
  const last = get(filter(copy(server.stderr), (_, line) => line =~ '\S'), -1, '')
  reval#client#exited(mapnew(values(server.documents), (_, d) => d.uri),
    server.wished ? '' : (status < 0 ? 'signal ' .. job_info(server.job).termsig : 'exit status ' .. status) .. (last == '' ? '' : ', ' .. substitute(last, '^reval: ', '', '')),
    !server.wished && !server.refused && status != 0)
enddef

# Documents ---------------------------------------------------------------------

def Text(bufnr: number): string
  const text = join(getbufline(bufnr, 1, '$'), "\n")
  return getbufvar(bufnr, '&endofline') || getbufvar(bufnr, '&fixendofline') ? text .. "\n" : text
enddef

def Open(server: dict<any>, bufnr: number, uri: string)
  const tick = getbufvar(bufnr, 'changedtick')
  server.documents[bufnr] = {uri: uri, tick: tick, timer: 0}
  Send(server, {method: 'textDocument/didOpen', params: {textDocument: {
    uri: uri, languageId: getbufvar(bufnr, '&filetype'), version: tick, text: Text(bufnr)}}})
  Watch(bufnr)
  augroup reval_documents
    execute 'autocmd! * <buffer=' .. bufnr .. '>'
    execute 'autocmd BufDelete,BufWipeout <buffer=' .. bufnr .. '> reval#vim9#Detach(str2nr(expand("<abuf>")))'
    execute 'autocmd BufFilePost <buffer=' .. bufnr .. '> reval#vim9#Rename(str2nr(expand("<abuf>")))'
    # A buffer that is read again has lost its text properties.
    execute 'autocmd BufReadPost <buffer=' .. bufnr .. '> reval#vim9#Reread(str2nr(expand("<abuf>")))'
  augroup END
enddef

def Close(server: dict<any>, bufnr: number)
  const document = remove(server.documents, bufnr)
  timer_stop(document.timer)
  Send(server, {method: 'textDocument/didClose', params: {textDocument: {uri: document.uri}}})
enddef

def Server(bufnr: number): dict<any>
  return get(servers, getbufvar(bufnr, 'reval_project', ''), {})
enddef

export def Detach(bufnr: number)
  const server = Server(bufnr)
  if !empty(server) && has_key(server.documents, bufnr)
    Close(server, bufnr)
  endif
enddef

# The buffer got another name (:saveas, :file): its results go with it.
export def Rename(bufnr: number)
  const server = Server(bufnr)
  if empty(server) || !has_key(server.documents, bufnr)
    return
  endif
  const old = server.documents[bufnr].uri
  const new = Uri(bufnr)
  if new != old
    Send(server, {method: 'workspace/didRenameFiles', params: {files: [{oldUri: old, newUri: new}]}})
    Close(server, bufnr)
    Open(server, bufnr, new)
    reval#client#renamed(bufnr, old, new)
  endif
enddef

export def Reread(bufnr: number)
  Watch(bufnr)
  Flush(bufnr)
  reval#results#place(bufnr)
enddef

# Gives the server the text if it changed since.
export def Flush(bufnr: number)
  const server = Server(bufnr)
  const document = empty(server) ? {} : get(server.documents, bufnr, {})
  if empty(document) || !bufloaded(bufnr)
    return
  endif
  const tick = getbufvar(bufnr, 'changedtick')
  if tick != document.tick
    document.tick = tick
    Send(server, {method: 'textDocument/didChange', params: {
      textDocument: {uri: document.uri, version: tick}, contentChanges: [{text: Text(bufnr)}]}})
  endif
enddef

# Whether the server knew the buffer's text as it is now, at this version.
export def Exact(bufnr: number, version: number): bool
  return version == getbufvar(bufnr, 'changedtick')
enddef

# Edits -------------------------------------------------------------------------

# Buffer → {listener, change, last}: change is the number of the last change that was
# seen (:help undotree), last the highest one.
var watched: dict<dict<number>> = {}

def Watch(bufnr: number)
  if !has_key(watched, bufnr)
    watched[bufnr] = {listener: listener_add((_, _, _, _, changes) => Changed(bufnr, changes), bufnr), change: 0, last: 0}
    if bufnr == bufnr('%')
      watched[bufnr]->extend({change: changenr(), last: undotree().seq_last})
    endif
    augroup reval_watched
      execute 'autocmd BufUnload <buffer=' .. bufnr .. '> ++once reval#vim9#Unwatch(str2nr(expand("<abuf>")))'
    augroup END
  endif
enddef

export def Unwatch(bufnr: number)
  if has_key(watched, bufnr)
    listener_remove(remove(watched, bufnr).listener)
  endif
  # Its marks end with its text, and their numbers are used again.
  if has_key(marked, bufnr)
    remove(marked, bufnr)
  endif
enddef

def Changed(bufnr: number, changes: list<dict<number>>)
  if has_key(marked, bufnr) && Disturbed(bufnr, changes)
    reval#results#doubt(bufnr)
  endif
  const server = Server(bufnr)
  if !empty(server) && has_key(server.documents, bufnr)
    const document = server.documents[bufnr]
    timer_stop(document.timer)
    document.timer = timer_start(debounce, (_) => Flush(bufnr))
  endif
enddef

# Takes away the marks that undo brought back, and tells whether marks may have gone or
# stand in the wrong place: lines that are deleted take theirs along, lines that undo
# brings have those of then, and Enter in front of code leaves its mark behind.
def Disturbed(bufnr: number, changes: list<dict<number>>): bool
  var disturbed = Undone(bufnr)
  const count = getbufinfo(bufnr)[0].linecount
  for change in changes
    const first = max([1, min([change.lnum - 1, count])])
    const last = max([first, min([change.end - 1 + change.added, count])])
    const standing = Stray(bufnr, first, last)
    disturbed = disturbed || change.added < 0 || change.end - change.lnum > 1 || change.added > 0 && standing
  endfor
  return disturbed
enddef

# Whether the last change was undo or redo, as far as that can be known: the numbers of
# new changes are higher than all before.
def Undone(bufnr: number): bool
  if bufnr != bufnr('%')
    return true
  endif
  const state = watched[bufnr]
  const undone = changenr() != state.change && changenr() <= state.last
  state.change = changenr()
  state.last = max([state.last, state.change])
  return undone
enddef

# Removes the marks of these lines that are nobody's; tells whether there are others.
def Stray(bufnr: number, first: number, last: number): bool
  const ours = marked[bufnr]
  var standing = false
  for prop in prop_list(first, {bufnr: bufnr, end_lnum: last, types: mark_types})
    if has_key(ours, prop.id)
      standing = true
    else
      prop_remove({bufnr: bufnr, id: prop.id}, prop.lnum)
    endif
  endfor
  return standing
enddef

# Requests ----------------------------------------------------------------------

export def Request(bufnr: number, token: number, method: string, params: dict<any>)
  Flush(bufnr)
  Send(servers[Root(bufnr)], {method: method, params: params}, (answer) => {
    reval#client#reply(token, get(get(answer, 'error', {}), 'message', ''), get(answer, 'result', v:null))
  })
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
  var answer: dict<any> = {}
  Send(server, {method: method, params: params}, (got) => extend(answer, got))
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

export def Standalone(bufnr: number): bool
  return get(Server(bufnr), 'standalone', false)
enddef

# What terminals need before and after a line that stays there when Vim has left it.
export def Last_words(line: string)
  if !has('gui_running')
    echoraw(&t_te .. line .. "\r\n" .. &t_ti)
  endif
enddef

# Ends every server, and with it the kernels that it started.
def Leave()
  for server in values(servers)
    server.wished = true
    if server.ready
      Write(server, {method: 'shutdown'}, (_) => 0)
      Write(server, {method: 'exit'})
    endif
    ch_close_in(server.channel)
  endfor
enddef

augroup reval_servers
  autocmd!
  autocmd VimLeavePre * Leave()
augroup END

# Marks -------------------------------------------------------------------------

# Buffer → {mark: the line where it was last seen}.
var marked: dict<dict<number>> = {}
# The property types of marks.
var mark_types: list<string> = []

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
  if index(mark_types, group) < 0
    mark_types->add(Type(group))
  endif
  const new = prop_add(lnum, 0, {bufnr: bufnr, type: group, text: text, text_align: 'after', text_padding_left: 2})
  if !has_key(marked, bufnr)
    marked[bufnr] = {}
  endif
  marked[bufnr][new] = lnum
  return new
enddef

export def Mark_line(bufnr: number, id: number): number
  if !has_key(marked, bufnr) || !has_key(marked[bufnr], id) || !bufloaded(bufnr)
    return 0
  endif
  # It moved with the lines, not far as a rule.
  const from = max([1, min([marked[bufnr][id], getbufinfo(bufnr)[0].linecount])])
  var lnum = Nearest(bufnr, {id: id}, {ids: [id]}, from, 'f')[0]
  if lnum == 0
    lnum = Nearest(bufnr, {id: id}, {ids: [id]}, from, 'b')[0]
  endif
  if lnum > 0
    marked[bufnr][id] = lnum
  endif
  return lnum
enddef

# [line, id] of the nearest property from a line on; [0, 0] if there is none. what and
# those say which, as for prop_find() and for prop_list(). prop_find() does not see virtual
# text behind the line where it starts.
def Nearest(bufnr: number, what: dict<any>, those: dict<any>, from: number, direction: string): list<number>
  const here = direction == 'f' ? prop_list(from, extendnew(those, {bufnr: bufnr})) : []
  if !empty(here)
    return [from, here[0].id]
  endif
  const found = prop_find(extendnew(what, {bufnr: bufnr, lnum: from, col: 1}), direction)
  return empty(found) ? [0, 0] : [found.lnum, found.id]
enddef

export def Unmark(bufnr: number, id: number)
  const lnum = Mark_line(bufnr, id)
  if lnum > 0
    prop_remove({bufnr: bufnr, id: id}, lnum)
  endif
  if has_key(marked, bufnr) && has_key(marked[bufnr], id)
    remove(marked[bufnr], id)
  endif
enddef

# Where each mark stands: [mark, text of the line].
export def Marks(bufnr: number): list<list<any>>
  var list: list<list<any>> = []
  if has_key(marked, bufnr)
    for prop in prop_list(1, {bufnr: bufnr, end_lnum: -1, types: mark_types})
      if has_key(marked[bufnr], prop.id)
        marked[bufnr][prop.id] = prop.lnum
        list->add([prop.id, getbufline(bufnr, prop.lnum)[0]])
      endif
    endfor
  endif
  return list
enddef

# The marks that stand nearest to a line: behind it or below, and above.
export def Marks_around(bufnr: number, lnum: number): list<number>
  var nearest: list<number> = []
  for direction in ['f', 'b']
    var best = [0, 0]
    for type in mark_types
      const found = Nearest(bufnr, {type: type}, {types: [type]}, lnum, direction)
      if found[0] > 0 && (best[0] == 0 || (direction == 'f' ? found[0] < best[0] : found[0] > best[0]))
        best = found
      endif
    endfor
    if best[0] > 0
      nearest->add(best[1])
    endif
  endfor
  return nearest
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
  job_start(argv, {in_io: 'null', out_io: 'null', err_io: 'null', stoponexit: '',
    exit_cb: (_, status) => reval#picture#opened(argv, status)})
enddef
