--- :checkhealth reval
local M = {}

--- Tells one check of `reval doctor --json` in :checkhealth's words. What is missing
--- and not essential is no fault: an editor, another language's kernel.
local function tell(check)
  local name = check.subject == check.name and check.name or check.subject .. ' ' .. check.name
  local text = name .. ': ' .. check.detail
  if check.status == 'ok' then
    vim.health.ok(text)
  else
    vim.health[check.essential and 'error' or 'warn'](text, check.fix ~= '' and { check.fix } or nil)
  end
end

local editors = { Vim = true, Neovim = true, Emacs = true }

function M.check()
  vim.health.start('reval')
  if vim.fn.has('nvim-0.10') == 0 then
    vim.health.error('Neovim 0.10 or later is needed')
    return
  end
  vim.health.ok('Neovim ' .. tostring(vim.version()))
  local command = vim.fn['reval#config#get']('command')
  local program = vim.fn.expand(command[1])
  if vim.fn.executable(program) == 0 then
    vim.health.error(program .. ' is not on PATH', {
      'go install github.com/reval-editor/reval/cmd/reval@latest',
      "or say where it is: let g:reval_command = ['/path/to/reval', 'lsp']",
    })
    return
  end
  vim.health.ok(vim.fn.exepath(program))
  local doctor = vim.system({ program, 'doctor', '--json' }, { text = true }):wait(20000)
  local decoded, report = pcall(vim.json.decode, doctor.stdout or '')
  if not decoded then
    vim.health.error('`' .. program .. ' doctor --json` failed: ' .. vim.trim(doctor.stderr or ''))
    return
  end
  for _, check in ipairs(report) do
    -- This is the editor that is used, whatever is on PATH.
    if not editors[check.name] then
      tell(check)
    end
  end
end

return M
