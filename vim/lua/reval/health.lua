--- :checkhealth reval
local M = {}

--- One finding of `reval doctor --json`, told in :checkhealth's words.
local function tell(finding)
  local level = finding.ok and 'ok' or finding.level == 'warning' and 'warn' or 'error'
  local text = (finding.name or finding.what or '') .. ': ' .. (finding.message or finding.detail or '')
  vim.health[level](text, not finding.ok and finding.fix and { finding.fix } or nil)
end

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
  for _, finding in ipairs(report.checks or report) do
    tell(finding)
  end
end

return M
