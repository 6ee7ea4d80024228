-- What a user of Neovim without the plugin sees. Neovim was started with
-- ../neovim/reval.lua as its whole configuration; this script types and looks.
-- A scenario is a coroutine that a timer resumes, so that Neovim's main loop runs
-- between its steps and keys are typed as a user types them.
--
-- REVAL_TEST_REPORT is written a line for each scenario; the last says "all N passed".

local deadline = 30000 -- ms
local report = assert(io.open(vim.env.REVAL_TEST_REPORT, 'w'))
local number = 0
local progress = {} -- values of $/progress, in order

vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event)
    local params = event.data.params
    table.insert(progress, { client = event.data.client_id, token = params.token, value = params.value })
  end,
})

-- seen is what a failure tells of the buffer.
local function seen()
  return vim.inspect({
    mode = vim.api.nvim_get_mode().mode,
    hints = vim.tbl_map(function(h) return { h.inlay_hint.position.line + 1, h.inlay_hint.label } end,
      vim.lsp.inlay_hint.get({ bufnr = 0 })),
    diagnostics = vim.tbl_map(function(d) return { d.lnum + 1, d.message } end, vim.diagnostic.get(0)),
    messages = vim.split(vim.fn.execute('messages'), '\n'),
    progress = vim.tbl_map(function(p) return p.value end, progress),
  })
end

-- wait yields until the condition holds, and returns its value.
local function wait(what, condition)
  local start = vim.uv.now()
  while true do
    local value = condition()
    if value then
      return value
    end
    if vim.uv.now() - start > deadline then
      error('waited in vain for ' .. what .. '; there is ' .. seen(), 0)
    end
    coroutine.yield()
  end
end

local function equal(want, got, what)
  if not vim.deep_equal(want, got) then
    error(('%s: want %s, got %s; there is %s'):format(what, vim.inspect(want), vim.inspect(got), seen()), 0)
  end
end

local function file(name, lines)
  number = number + 1
  progress = {}
  vim.cmd('edit! scenario' .. number .. name)
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  wait('a server for ' .. name, function()
    return vim.fn.exists(':RevalCell') == 2 and vim.lsp.get_clients({ bufnr = 0, name = 'reval' })[1].initialized
  end)
end

local function python(lines)
  file('.py', lines)
end

-- hint is the inlay hint after a line.
local function hint(line)
  for _, h in ipairs(vim.lsp.inlay_hint.get({ bufnr = 0 })) do
    if h.inlay_hint.position.line == line - 1 then
      return h.inlay_hint.label
    end
  end
end

local function wait_hint(line, pattern)
  return wait(('the hint %s on line %d'):format(pattern, line), function()
    return (hint(line) or ''):match(pattern)
  end)
end

local function printed()
  local buf = vim.fn.bufnr('reval://output')
  return buf < 0 and '' or table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), '\n')
end

local function type(keys)
  vim.api.nvim_input(keys)
end

local scenarios = {}

function scenarios.value_of_a_line()
  python({ '1+1' })
  vim.cmd('Reval')
  wait_hint(1, '^2$')
end

function scenarios.keys_of_the_configuration()
  vim.g.maplocalleader = nil
  python({ 'a = 20', 'b = a + 1', '', '# %%', 'b * 2', '# %%', 'def half(n):', '    return n / 2' })
  type('Vj\\e')
  wait_hint(2, '^✓')
  type('5G\\c')
  wait_hint(5, '^42$')
  type('7G\\d')
  wait_hint(8, '^✓')
end

function scenarios.code_action()
  python({ 'x = 2', '"größe 🙂", x' })
  -- The menu is answered as its user would.
  local offered
  local select = vim.ui.select
  vim.ui.select = function(items, _, choose)
    offered = vim.tbl_map(function(item) return item.action.title end, items)
    for i, item in ipairs(items) do
      if item.action.title == 'Evaluate to here' then
        choose(item, i)
      end
    end
  end
  vim.api.nvim_win_set_cursor(0, { 2, #'"größe 🙂"' })
  vim.lsp.buf.code_action()
  wait_hint(2, "^%('größe 🙂', 2%)$")
  vim.ui.select = select
  for _, title in ipairs({ 'Evaluate line', 'Evaluate cell', 'Evaluate file' }) do
    equal(true, vim.tbl_contains(offered, title), 'the menu offers ' .. title)
  end
end

function scenarios.stream_in_three_parts()
  python({ 'import time', 'for i in range(3):', '    print("part", i, flush=True)', '    time.sleep(0.4)' })
  vim.cmd('RevalFile')
  for i = 0, 2 do
    wait('progress of part ' .. i, function()
      return #progress > 0 and progress[#progress].value.message == 'part ' .. i
    end)
    equal(nil, printed():match('part ' .. (i + 1)), 'what comes after part ' .. i)
    wait('output of part ' .. i, function()
      return printed():match('part ' .. i)
    end)
  end
  wait_hint(4, '^✓')
  wait('the end of the progress', function()
    return progress[#progress].value.kind == 'end'
  end)
end

function scenarios.error_on_its_line()
  python({ 'a = 1', '', 'if a:', '    b = 2', '    1/0' })
  vim.cmd('RevalFile')
  local found = wait('a diagnostic', function()
    return vim.diagnostic.get(0)[1]
  end)
  local diagnostic = { found.lnum, found.source, found.message }
  equal({ 4, 'reval', 'ZeroDivisionError: division by zero' }, diagnostic, 'diagnostic')
  vim.api.nvim_buf_set_lines(0, 4, 5, false, { '    1/1' })
  vim.cmd('RevalFile')
  wait('no diagnostic', function()
    return #vim.diagnostic.get(0) == 0
  end)
end

function scenarios.completion_of_what_exists_only_at_run_time()
  python({ 'from types import SimpleNamespace', 'x = SimpleNamespace(foo=1)' })
  vim.cmd('RevalFile')
  wait_hint(2, '^✓')
  type('Gox.f<C-x><C-o>')
  local asked = vim.uv.now()
  wait('x.foo in the buffer', function()
    -- The first answers are empty while the kernel loads what it completes with.
    if vim.uv.now() - asked > 2500 then
      asked = vim.uv.now()
      type('<C-e><C-x><C-o>')
    end
    return vim.api.nvim_get_current_line() == 'x.foo'
  end)
  type('<Esc>')
  wait('normal mode', function()
    return vim.api.nvim_get_mode().mode == 'n'
  end)
end

function scenarios.hover_shows_the_live_value()
  python({ 'answer = 41', 'answer += 1' })
  vim.cmd('RevalFile')
  wait_hint(2, '^✓')
  type('ggK')
  local win = wait('a floating window', function()
    for _, w in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(w).relative ~= '' then
        return w
      end
    end
  end)
  local text = table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(win), 0, -1, false), '\n')
  equal('42', text:match('%f[%d]42%f[%D]'), 'hover: ' .. text)
  vim.api.nvim_win_close(win, true)
end

function scenarios.progress_cancelled()
  python({ 'while True: pass' })
  vim.cmd('Reval')
  local begun = wait('a progress', function()
    return progress[1]
  end)
  equal({ 'begin', true }, { begun.value.kind, begun.value.cancellable }, 'progress')
  -- Neovim has no key for it; plugins that show progress send this.
  vim.lsp.get_client_by_id(begun.client).rpc.notify('window/workDoneProgress/cancel', { token = begun.token })
  wait_hint(1, '^✗ KeyboardInterrupt')
end

function scenarios.endless_loop_interrupted()
  python({ 'while True: pass', '3 * 3' })
  vim.cmd('1Reval')
  wait('a progress', function()
    return progress[1]
  end)
  vim.cmd('RevalInterrupt')
  wait_hint(1, '^✗ KeyboardInterrupt')
  vim.cmd('2Reval')
  wait_hint(2, '^9$')
end

function scenarios.two_quick_evaluations_do_not_mix()
  python({ 'import time', 'print("one"); time.sleep(0.2); print("one"); 1', 'print("two"); 2' })
  vim.cmd('1Reval | 2Reval | 3Reval')
  wait_hint(3, '^2$')
  equal('1', hint(2), 'the hint of line 2')
  equal('one\none\ntwo\n', printed():sub(-12), 'what was printed')
end

function scenarios.result_moves_and_goes_stale()
  python({ '6 * 7', 'pass' })
  vim.cmd('1Reval')
  wait_hint(1, '^42$')
  vim.api.nvim_buf_set_lines(0, 0, 0, false, { '# größe', '' })
  wait_hint(3, '^42$')
  equal(nil, hint(1), 'the hint where the result was')
  vim.api.nvim_buf_set_lines(0, 2, 3, false, { '6 * 8' })
  wait_hint(3, '^42 %(stale%)$')
end

function scenarios.input_is_refused()
  python({ '1', 'name = input("who? ")' })
  vim.cmd('RevalFile')
  local found = wait('a diagnostic', function()
    return vim.diagnostic.get(0)[1]
  end)
  equal(1, found.lnum, 'the line')
  equal('StdinNotImplementedError', found.message:match('^%w+'), 'the message')
  vim.cmd('1Reval')
  wait_hint(1, '^1$')
end

function scenarios.picture_has_a_text_form()
  python({
    'import matplotlib; matplotlib.use("agg")', 'import matplotlib.pyplot as plt',
    'f = plt.figure(figsize=(1, 1))', 'f',
  })
  vim.cmd('RevalFile')
  wait_hint(4, '^<Figure size 100x100 with 0 Axes>$')
  equal({}, vim.diagnostic.get(0), 'diagnostics')
end

function scenarios.nothing_to_evaluate_is_said()
  python({ '', '1' })
  local said
  local notify = vim.notify
  vim.notify = function(message) said = message end
  vim.cmd('1Reval')
  wait('a message', function()
    return said
  end)
  vim.notify = notify
  equal('line 1 is empty: there is nothing to evaluate', said:match('line 1.*'), said)
end

function scenarios.go_kernel()
  file('.go', { 'x := 1', 'x + 1', '', '// %%', 'y', '', '// %%', 'x * 10' })
  vim.cmd('RevalCell')
  wait_hint(2, '^2$')
  vim.cmd('5')
  vim.cmd('RevalCell')
  wait('a diagnostic', function()
    return #vim.diagnostic.get(0, { lnum = 4 }) == 1
  end)
  vim.cmd('8')
  vim.cmd('RevalCell')
  wait_hint(8, '^10$')
end

local names = vim.tbl_keys(scenarios)
table.sort(names)
local pattern = vim.env.REVAL_TEST_PATTERN or '.'
names = vim.tbl_filter(function(name) return name:match(pattern) end, names)

local failed = 0
local run = coroutine.create(function()
  for _, name in ipairs(names) do
    local one = coroutine.create(scenarios[name])
    while coroutine.status(one) ~= 'dead' do
      local ok, err = coroutine.resume(one)
      if not ok then
        failed = failed + 1
        report:write('FAIL ', name, ': ', tostring(err), '\n', debug.traceback(one), '\n')
      elseif coroutine.status(one) == 'dead' then
        report:write('ok ', name, '\n')
      else
        coroutine.yield()
      end
      report:flush()
    end
  end
  report:write(failed == 0 and ('all %d passed\n'):format(#names) or ('%d of %d failed\n'):format(failed, #names))
  report:close()
  vim.cmd(failed == 0 and 'qall!' or 'cquit')
end)

local timer = vim.uv.new_timer()
timer:start(0, 10, vim.schedule_wrap(function()
  if coroutine.status(run) ~= 'dead' then
    local ok, err = coroutine.resume(run)
    if not ok then
      report:write('FAIL ', tostring(err), '\n')
      report:close()
      vim.cmd('cquit')
    end
  end
end))
