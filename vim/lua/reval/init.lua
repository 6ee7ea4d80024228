--- Neovim's part: the server as a client of vim.lsp, extmarks, floats. What the
--- functions do is said in autoload/reval/editor.vim.
local M = {}

local namespace = vim.api.nvim_create_namespace('reval')
local pictures = { 'image/png', 'image/svg+xml', 'image/jpeg', 'image/gif' }

--- Client id → what is ours to remember of it: uris of its documents that are open.
---@type table<integer, { uris: table<string, true> }>
local servers = {}

--- Buffer → functions that wait until its document is open at the server, and its client.
---@type table<integer, { client: integer?, [integer]: fun(client: vim.lsp.Client) }>
local waiting = {}

--- Buffer → whether its server's kernels end with that.
---@type table<integer, boolean>
local standalone = {}

--- Buffer → b:changedtick of the last change to its text.
---@type table<integer, integer>
local changed = {}

---@return vim.lsp.Client?
local function client_of(bufnr)
  return vim.lsp.get_clients({ bufnr = bufnr, name = 'reval' })[1]
end

--- Calls a client's method: 0.11 made them methods, 0.10 has plain functions.
local function call(client, method, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[method](client, ...)
  end
  return client[method](...)
end

-- Handlers ---------------------------------------------------------------------

local handlers = {}
for _, method in ipairs({
  'reval/output',
  'reval/evaluation',
  'reval/state',
  'reval/inputRequest',
  -- vim.lsp's own handler waits for a key where there are two of them.
  'window/showMessage',
}) do
  handlers[method] = function(_, params)
    vim.fn['reval#client#notified'](method, params)
  end
end

--- The server's stderr goes to Neovim's LSP log; its last line there says why it ended.
local function last_words()
  local file = io.open(require('vim.lsp.log').get_filename(), 'rb')
  if not file then
    return nil
  end
  file:seek('set', math.max(0, file:seek('end') - 8192))
  local words
  for line in file:lines() do
    words = line:match('"stderr"%s+"(.-)\\n"$') or words
  end
  file:close()
  return words
end

--- ended says how the process of a client ended, and whether that was asked for.
local function exited(ended, id)
  local server = servers[id]
  servers[id] = nil
  vim.schedule(function()
    for bufnr, queue in pairs(waiting) do
      if queue.client == id then
        waiting[bufnr] = nil
        server.uris[vim.uri_from_bufnr(bufnr)] = true
      end
    end
    if server and vim.v.exiting == vim.NIL then
      local why = ''
      local died = not ended.asked and (ended.code ~= 0 or ended.signal ~= 0)
      -- Who asked for it, as :lsp restart does, has said so.
      if not ended.asked then
        local words = died and last_words()
        why = ended.signal ~= 0 and 'signal ' .. ended.signal or 'exit status ' .. ended.code
        if words then
          why = why .. ', ' .. words:gsub('^reval: ', '')
        end
      end
      vim.fn['reval#client#exited'](vim.tbl_keys(server.uris), why, died and 1 or 0)
    end
  end)
end

--- When a buffer is read again (:edit, 'autoread') its document is closed and opened
--- anew, and the server would forget its results: make one change of both. The version
--- of a document is the b:changedtick of its text.
local function keep_documents(client)
  local notify = client.notify
  local uris = servers[client.id].uris
  --- URIs of documents that were closed a moment ago.
  local closing = {}
  client.notify = function(...)
    -- 0.11 passes the client first.
    local method, params = select(type(...) == 'table' and 2 or 1, ...)
    local document = params and params.textDocument
    if method == 'textDocument/didClose' then
      local arguments = { ... }
      if uris[document.uri] then
        closing[document.uri] = true
        vim.schedule(function()
          if closing[document.uri] then
            closing[document.uri] = nil
            uris[document.uri] = nil
            notify(unpack(arguments))
          end
        end)
      end
      return true
    elseif method == 'textDocument/didOpen' or method == 'textDocument/didChange' then
      local bufnr = vim.fn['reval#client#buffer'](document.uri)
      document.version = vim.api.nvim_buf_get_changedtick(bufnr > 0 and bufnr or vim.uri_to_bufnr(document.uri))
      if method == 'textDocument/didOpen' and uris[document.uri] then
        closing[document.uri] = nil
        return call(client, 'notify', 'textDocument/didChange', {
          textDocument = { uri = document.uri, version = document.version },
          contentChanges = { { text = document.text } },
        })
      end
      uris[document.uri] = true
    end
    return notify(...)
  end
end

--- Values and errors stand beside the code already: the client's own diagnostics
--- and inlay hints must not say them twice. Nor may the text jump aside for
--- a sign.
local function quiet(client)
  client.server_capabilities.inlayHintProvider = nil
  vim.diagnostic.config(
    { virtual_text = false, virtual_lines = false, signs = false },
    vim.lsp.diagnostic.get_namespace(client.id)
  )
end

-- The server -------------------------------------------------------------------

--- The `cmd` and the `on_exit` of a client whose end is told here, in one line: vim.lsp says
--- another one of every end with a status, and then waits for a key.
local function process(command, root)
  local ended
  local function start(dispatchers)
    ended = { code = 0, signal = 0, asked = false }
    local on_exit = dispatchers.on_exit
    dispatchers.on_exit = function(code, signal)
      ended.code, ended.signal = code, signal
      on_exit(0, 0)
    end
    local rpc = vim.lsp.rpc.start(command, dispatchers, { cwd = root, detached = vim.fn.has('win32') == 0 })
    local notify, terminate = rpc.notify, rpc.terminate
    rpc.notify = function(method, params)
      ended.asked = ended.asked or method == 'exit'
      return notify(method, params)
    end
    rpc.terminate = function()
      ended.asked = true
      terminate()
    end
    return rpc
  end
  return start, function(_, _, id)
    exited(ended, id)
  end
end

function M.attach(bufnr)
  local uri = vim.uri_from_bufnr(bufnr)
  -- vim.lsp has one URI, file://, for all buffers without a name.
  local owner = vim.fn['reval#client#buffer'](uri)
  if owner > 0 and owner ~= bufnr and vim.api.nvim_buf_is_loaded(owner) then
    vim.fn['reval#client#error']('another buffer without a name is evaluated: name this one (:file NAME)')
    return ''
  end
  if client_of(bufnr) or waiting[bufnr] then
    return uri
  end
  local command = vim.fn['reval#config#get']('command', bufnr)
  command[1] = vim.fn.expand(command[1])
  local root = vim.fn['reval#config#root'](bufnr)
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.general.positionEncodings = { 'utf-8' }
  capabilities.textDocument.inlayHint = nil
  capabilities.experimental = { reval = { mime = pictures, text = 100000 } }
  waiting[bufnr] = {}
  local start, on_exit = process(command, root)
  local id = vim.lsp.start({
    name = 'reval',
    cmd = start,
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = root } },
    capabilities = capabilities,
    init_options = {
      kernelDirectory = vim.fn['reval#config#get']('kernel_directory', bufnr),
      historyExclude = vim.fn['reval#config#get']('history_exclude', bufnr),
    },
    handlers = handlers,
    -- Typing must pause this long before the server is told of it: only the marks of
    -- stale results wait for it, a request sends the changes first.
    -- A whole text is compared by the server, which then finds code that a formatter
    -- moved; edits would say that all of it was deleted.
    -- When Neovim ends the server has this long to end its kernels; it needs less.
    flags = { debounce_text_changes = 200, allow_incremental_sync = false, exit_timeout = 2000 },
    on_init = function(started)
      -- Also one that was started again by other means (:lsp restart).
      servers[started.id] = servers[started.id] or { uris = {} }
      quiet(started)
      keep_documents(started)
    end,
    on_exit = on_exit,
    on_attach = function(attached, buffer)
      M.attached(attached, buffer)
    end,
  }, {
    bufnr = bufnr,
    reuse_client = function(other, config)
      return other.name == 'reval' and other.config.root_dir == config.root_dir and not call(other, 'is_stopped')
    end,
  })
  if not id then
    waiting[bufnr] = nil
    return ''
  end
  servers[id] = servers[id] or { uris = {} }
  if waiting[bufnr] then
    waiting[bufnr].client = id
  end
  return uri
end

local function when_open(bufnr, action)
  if waiting[bufnr] then
    table.insert(waiting[bufnr], action)
  else
    local client = client_of(bufnr)
    if client then
      action(client)
    end
  end
end

--- Buffers whose edits are followed.
---@type table<integer, true>
local watched = {}

--- Follows the edits of a buffer: text that is replaced as a whole takes marks along, or
--- away.
function M.watch(bufnr)
  changed[bufnr] = vim.api.nvim_buf_get_changedtick(bufnr)
  if watched[bufnr] then
    return
  end
  watched[bufnr] = vim.api.nvim_buf_attach(bufnr, false, {
    on_lines = function(_, buffer, tick, first, last, new)
      changed[buffer] = tick
      if last - first > 1 or last - first > new then
        vim.schedule(function()
          vim.fn['reval#results#doubt'](buffer)
        end)
      end
    end,
    on_reload = function(_, buffer)
      vim.schedule(function()
        local client = client_of(buffer)
        if client and vim.api.nvim_buf_is_loaded(buffer) then
          changed[buffer] = vim.api.nvim_buf_get_changedtick(buffer)
          M.sync(client, buffer)
          vim.fn['reval#results#place'](buffer)
        end
      end)
    end,
    on_detach = function(_, buffer)
      watched[buffer] = nil
    end,
  })
end

--- Tells the server the whole text: of a buffer that is read again vim.lsp tells what it
--- was before.
function M.sync(client, bufnr)
  call(client, 'notify', 'textDocument/didChange', {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    contentChanges = { { text = table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, true), '\n') .. '\n' } },
  })
end

--- Whether the server knew the buffer's text as it is now, at this version.
function M.exact(bufnr, version)
  return version >= (changed[bufnr] or math.huge)
end

--- The buffer got another name (:saveas, :file): its results go with it.
function M.rename(bufnr)
  local client = client_of(bufnr)
  local old, new = vim.b[bufnr].reval_uri, vim.uri_from_bufnr(bufnr)
  if not client or not old or old == '' or old == new then
    return
  end
  call(client, 'notify', 'workspace/didRenameFiles', { files = { { oldUri = old, newUri = new } } })
  call(client, 'notify', 'textDocument/didClose', { textDocument = { uri = old } })
  vim.fn['reval#client#renamed'](bufnr, old, new)
  call(client, 'notify', 'textDocument/didOpen', {
    textDocument = {
      uri = new,
      languageId = vim.bo[bufnr].filetype,
      text = table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, true), '\n') .. '\n',
    },
  })
end

--- The document of a buffer is open at the server: what waited goes out.
function M.attached(client, bufnr)
  if client.offset_encoding ~= 'utf-8' then
    vim.fn['reval#client#error']('the server does not count positions in UTF-8: update reval')
    call(client, 'stop', true)
    return
  end
  -- vim.lsp puts its own omnifunc over one that was set for all buffers.
  if vim.go.omnifunc == 'reval#omni#complete' then
    vim.bo[bufnr].omnifunc = vim.go.omnifunc
  end
  local experimental = client.server_capabilities.experimental or {}
  standalone[bufnr] = (experimental.reval or {}).standalone
  vim.fn['reval#client#opened'](bufnr, vim.uri_from_bufnr(bufnr))
  M.watch(bufnr)
  local group = vim.api.nvim_create_augroup('reval_document_' .. bufnr, {})
  -- :edit detaches the buffer; here it has its new text and is attached again.
  vim.api.nvim_create_autocmd('BufReadPost', {
    group = group,
    buffer = bufnr,
    callback = function()
      M.attach(bufnr)
      when_open(bufnr, function(opened)
        M.watch(bufnr)
        M.sync(opened, bufnr)
        vim.fn['reval#results#place'](bufnr)
      end)
    end,
  })
  vim.api.nvim_create_autocmd('BufFilePost', {
    group = group,
    buffer = bufnr,
    callback = function()
      M.rename(bufnr)
    end,
  })
  local queue = waiting[bufnr] or {}
  waiting[bufnr] = nil
  for _, action in ipairs(queue) do
    action(client)
  end
end

--- Vim script's {} comes as an empty list; the server's arguments are never that.
local function fix(params)
  for _, argument in ipairs(params.arguments or {}) do
    if vim.tbl_isempty(argument) then
      setmetatable(argument, getmetatable(vim.empty_dict()))
    end
  end
  return params
end

function M.request(bufnr, token, method, params)
  when_open(bufnr, function(client)
    call(client, 'request', method, fix(params), function(err, result)
      local message = err and (err.message or tostring(err)) or ''
      vim.fn['reval#client#reply'](token, message, result == nil and vim.NIL or result)
    end, bufnr)
  end)
end

function M.request_sync(bufnr, method, params, ms)
  local start = vim.uv.now()
  vim.wait(ms, function()
    return not waiting[bufnr]
  end, 2)
  local client = client_of(bufnr)
  if waiting[bufnr] or not client then
    return vim.NIL
  end
  vim.uv.update_time()
  local rest = math.max(1, ms - (vim.uv.now() - start))
  local answer = call(client, 'request_sync', method, fix(params), rest, bufnr)
  if not answer or answer.err or answer.result == nil then
    return vim.NIL
  end
  return answer.result
end

function M.notify(bufnr, method, params)
  when_open(bufnr, function(client)
    call(client, 'notify', method, params)
  end)
end

function M.detach(bufnr)
  local client = client_of(bufnr)
  if client then
    vim.lsp.buf_detach_client(bufnr, client.id)
  end
end

--- Whether the kernels of a buffer's server end with it; also when that has ended.
function M.standalone(bufnr)
  return standalone[bufnr] or false
end

--- Says a line that stays in the terminal when Neovim has left it: not on the screen that
--- programs have for themselves.
function M.last_words(line)
  local ui = vim.api.nvim_list_uis()[1]
  if ui and ui.stdout_tty and vim.uv.guess_handle(2) == 'tty' then
    vim.api.nvim_chan_send(vim.v.stderr, '\27[?1049l' .. line .. '\r\n\27[?1049h')
  end
end

-- Marks ------------------------------------------------------------------------

function M.mark(bufnr, id, lnum, text, group)
  return vim.api.nvim_buf_set_extmark(bufnr, namespace, lnum - 1, 0, {
    id = id ~= 0 and id or nil,
    virt_text = { { '  ' }, { text, group } },
    virt_text_pos = 'eol',
    hl_mode = 'combine',
    -- It goes with its line and comes back with undo.
    end_row = lnum - 1,
    end_col = #vim.api.nvim_buf_get_lines(bufnr, lnum - 1, lnum, false)[1],
    invalidate = true,
    undo_restore = true,
  })
end

function M.mark_line(bufnr, id)
  local mark = vim.api.nvim_buf_get_extmark_by_id(bufnr, namespace, id, { details = true })
  if #mark == 0 or mark[3].invalid then
    return 0
  end
  return mark[1] + 1
end

--- Where each mark stands: { mark, text of the line }.
function M.marks(bufnr)
  local list = {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(bufnr, namespace, 0, -1, { details = true })) do
    if not mark[4].invalid then
      table.insert(list, { mark[1], vim.api.nvim_buf_get_lines(bufnr, mark[2], mark[2] + 1, true)[1] })
    end
  end
  return list
end

--- The marks that stand nearest to a line: behind it or below, and above.
function M.marks_around(bufnr, lnum)
  local nearest = {}
  for to, start in pairs({ [-1] = lnum - 1, [0] = lnum - 2 }) do
    if start >= 0 then
      local marks = vim.api.nvim_buf_get_extmarks(bufnr, namespace, { start, 0 }, to, { details = true, limit = 10 })
      for _, mark in ipairs(marks) do
        if not mark[4].invalid then
          table.insert(nearest, mark[1])
          break
        end
      end
    end
  end
  return nearest
end

function M.unmark(bufnr, id)
  vim.api.nvim_buf_del_extmark(bufnr, namespace, id)
end

function M.paint(bufnr, first, last, items)
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, first - 1, last)
  for _, item in ipairs(items) do
    vim.api.nvim_buf_set_extmark(bufnr, namespace, item[1] - 1, item[2] - 1, {
      end_col = item[3] - 1,
      hl_group = item[4],
    })
  end
end

function M.float(lines, items, title)
  local buffer = vim.lsp.util.open_floating_preview(lines, '', {
    border = 'rounded',
    title = ' ' .. title .. ' ',
    max_height = math.max(3, math.floor(vim.o.lines / 2)),
    max_width = math.max(20, vim.o.columns - 6),
    -- A second call goes into the window, to copy or search.
    focus_id = 'reval',
    wrap = false,
  })
  if vim.api.nvim_buf_line_count(buffer) == #lines then
    M.paint(buffer, 1, #lines, items)
  end
end

--- Shows what another language server knows of the name at the cursor, if there is one.
function M.hover()
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = 0, method = 'textDocument/hover' })) do
    if client.name ~= 'reval' then
      vim.lsp.buf.hover()
      return true
    end
  end
  return false
end

-- Asking -----------------------------------------------------------------------

function M.input(prompt)
  vim.ui.input({ prompt = prompt }, function(value)
    vim.fn['reval#input#answered'](value or '', value and 1 or 0)
  end)
end

function M.select(prompt, labels)
  vim.ui.select(labels, { prompt = prompt, kind = 'reval-kernel' }, function(_, index)
    if index then
      vim.fn['reval#input#chosen'](index - 1)
    end
  end)
end

-- Pictures ---------------------------------------------------------------------

function M.decode(data, path)
  local file = assert(io.open(path, 'wb'))
  file:write(vim.base64.decode((data:gsub('%s', ''))))
  file:close()
end

function M.spawn(argv)
  vim.system(argv, { detach = true, stdin = false, stdout = false, stderr = false }, function(done)
    vim.schedule(function()
      vim.fn['reval#picture#opened'](argv, done.code ~= 0 and done.code or done.signal)
    end)
  end)
end

return M
