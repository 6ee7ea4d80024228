-- reval in Neovim 0.10 or later without the plugin: Neovim's own LSP client and nothing else.
-- Put `reval` on PATH, copy this file to ~/.config/nvim/plugin/reval.lua, open a file.
--
--   :Reval            the line, or with a range its lines    <LocalLeader>e, also in Visual mode
--   :RevalCell        the cell, from one # %% to the next    <LocalLeader>c
--   :RevalDefinition  the function or class                  <LocalLeader>d
--   :RevalFile  :RevalToHere  :RevalInterrupt  :RevalRestart  :RevalClear  :RevalOutput
--
-- Values are inlay hints, errors diagnostics, K shows the live value, completion asks the kernel.
-- Other servers of the same buffer go on working.

local name = 'reval'
local filetypes = { 'python', 'r', 'julia', 'go', 'javascript', 'typescript', 'sh', 'scheme', 'ruby', 'lua' }
local markers = { '.git', '.venv', 'pyproject.toml', 'go.mod', 'Project.toml', 'DESCRIPTION', 'package.json' }

-- output is the buffer of what was printed.
local function output()
  local buf = vim.fn.bufadd('reval://output')
  if not vim.api.nvim_buf_is_loaded(buf) then
    vim.fn.bufload(buf)
    vim.bo[buf].buftype, vim.bo[buf].swapfile, vim.bo[buf].buflisted = 'nofile', false, false
  end
  return buf
end

-- The server tells what is printed as log messages, in pieces: they go on where the last one ended.
local function on_log(_, message)
  local buf = output()
  local at = vim.api.nvim_buf_get_lines(buf, -2, -1, false)[1]
  vim.api.nvim_buf_set_text(buf, -1, #at, -1, #at, vim.split(message.message, '\n'))
  for _, win in ipairs(vim.fn.win_findbuf(buf)) do
    if win ~= vim.api.nvim_get_current_win() then -- who reads in it is left where they are
      vim.api.nvim_win_set_cursor(win, { vim.api.nvim_buf_line_count(buf), 0 })
    end
  end
end

local config = {
  cmd = { 'reval', 'lsp' },
  filetypes = filetypes,
  handlers = { ['window/logMessage'] = on_log },
}

-- request runs one of the server's commands for the current buffer.
local function request(command, argument)
  local client = vim.lsp.get_clients({ bufnr = 0, name = name })[1]
  if not client then
    vim.notify('reval: no server in this buffer: see :checkhealth vim.lsp', vim.log.levels.ERROR)
    return
  end
  argument.uri = vim.uri_from_bufnr(0)
  local function answered(err)
    if err then
      vim.notify('reval: ' .. err.message, vim.log.levels.ERROR)
    end
  end
  local params = { command = command, arguments = { argument } }
  if vim.fn.has('nvim-0.11') == 1 then
    client:request('workspace/executeCommand', params, answered)
  else
    client.request('workspace/executeCommand', params, answered)
  end
end

-- lines gives the range of whole lines, in the positions that the server asked for.
local function lines(first, last)
  local encoding = vim.lsp.get_clients({ bufnr = 0, name = name })[1].offset_encoding
  local width = #vim.fn.getline(last)
  return vim.lsp.util.make_given_range_params({ first, 0 }, { last, math.max(width - 1, 0) }, 0, encoding).range
end

-- position is the start of the cursor's line: units are made of whole lines.
local function position()
  return { line = vim.fn.line('.') - 1, character = 0 }
end

local function attached(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  if not client or client.name ~= name then
    return
  end
  vim.lsp.inlay_hint.enable(true, { bufnr = event.buf })

  local function command(word, run, options)
    options = vim.tbl_extend('force', { bar = true }, options or {})
    vim.api.nvim_buf_create_user_command(event.buf, word, run, options)
  end
  command('Reval', function(o)
    if o.line1 == o.line2 then
      request('reval.evaluate', { unit = 'line', position = { line = o.line1 - 1, character = 0 } })
    else
      request('reval.evaluate', { range = lines(o.line1, o.line2) })
    end
  end, { range = true })
  for word, unit in pairs({ Cell = 'cell', Definition = 'definition', File = 'file', ToHere = 'toHere' }) do
    command('Reval' .. word, function()
      request('reval.evaluate', { unit = unit, position = position() })
    end)
  end
  for word, rest in pairs({ Interrupt = 'interrupt', Restart = 'restart', Clear = 'clear' }) do
    command('Reval' .. word, function()
      request('reval.' .. rest, {})
    end)
  end
  command('RevalOutput', function()
    vim.cmd('botright 10split | buffer ' .. output() .. ' | normal! G')
    vim.cmd('wincmd p')
  end)

  local function map(mode, lhs, rhs, desc)
    vim.keymap.set(mode, lhs, rhs, { buffer = event.buf, desc = 'reval: ' .. desc })
  end
  map('n', '<LocalLeader>e', '<Cmd>Reval<CR>', 'evaluate the line')
  map('x', '<LocalLeader>e', ':Reval<CR>', 'evaluate the selected lines')
  map('n', '<LocalLeader>c', '<Cmd>RevalCell<CR>', 'evaluate the cell')
  map('n', '<LocalLeader>d', '<Cmd>RevalDefinition<CR>', 'evaluate the definition')
end

local group = vim.api.nvim_create_augroup('reval-lsp', {})
vim.api.nvim_create_autocmd('LspAttach', { group = group, callback = attached })

-- While something runs its last line of output stands below.
vim.api.nvim_create_autocmd('LspProgress', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == name then
      local value = event.data.params.value
      vim.api.nvim_echo({ { value.message or value.title or '' } }, false, {})
    end
  end,
})

if vim.lsp.config then -- Neovim 0.11
  config.root_markers = markers
  vim.lsp.config(name, config)
  vim.lsp.enable(name)
else
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    pattern = filetypes,
    callback = function(event)
      local own = { name = name, root_dir = vim.fs.root(event.buf, markers) }
      vim.lsp.start(vim.tbl_extend('error', config, own), { bufnr = event.buf })
    end,
  })
end
