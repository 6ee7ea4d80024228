" The tests, the same in both editors. Each waits for what it wants to see, with a
" deadline: a script has no event to wait for in Vim.
scriptencoding utf-8

" How long one thing is waited for, and how long a whole test may take: the second
" holds where an editor waits for a key; it is less than the patience of run.sh. Both are for
" a machine that runs other tests, too. Milliseconds.
let s:deadline = 30000
let s:limit = 110000
let s:number = 0

" Waits until Condition is true; a failure says what was to be seen and what is.
function! s:wait(what, Condition, ...) abort
  let start = reltime()
  while !a:Condition()
    if reltimefloat(reltime(start)) * 1000 > s:deadline
      throw printf('no %s; marks: %s; end of output: %s; messages: %s', a:what, string(s:marks()),
            \ string(s:output()[-20 :]), string(split(execute('messages'), "\n")))
    endif
    sleep 5m
  endwhile
  return reltimefloat(reltime(start)) * 1000
endfunction

" Line → text of the mark that is shown after it in the current buffer.
function! s:marks() abort
  if has('nvim')
    return luaeval('(function()
          \ local marks = vim.empty_dict()
          \ local namespace = vim.api.nvim_create_namespace("reval")
          \ for _, m in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
          \   if m[4].virt_text and not m[4].invalid then marks[tostring(m[2] + 1)] = m[4].virt_text[2][1] end
          \ end
          \ return marks end)()')
  endif
  " What stands on the screen is what counts: a row less its line's own text.
  redraw!
  let marks = {}
  for lnum in range(line('w0'), min([line('w$'), line('w0') + winheight(0)]))
    let position = screenpos(win_getid(), lnum, 1)
    let row = join(map(range(1, &columns), {_, col -> screenstring(position.row, col)}), '')
    let rest = row[strlen(substitute(getline(lnum), '\t', '        ', 'g')) :]
    let rest = substitute(rest, '^\s\+\|\s\+$', '', 'g')
    if position.row && rest !=# ''
      let marks[lnum] = rest
    endif
  endfor
  return marks
endfunction

function! s:mark(lnum) abort
  return get(s:marks(), string(a:lnum), '')
endfunction

" The lines of the output buffer of the session, of all of them if there are several.
function! s:output() abort
  let lines = []
  for buffer in filter(getbufinfo(), {_, b -> getbufvar(b.bufnr, '&filetype') ==# 'reval-output'})
    let lines += getbufline(buffer.bufnr, 1, '$')
  endfor
  return lines
endfunction

function! s:has_output(pattern) abort
  return match(s:output(), a:pattern) >= 0
endfunction

" A new Python buffer with these lines. All of them share one session.
function! s:python(lines) abort
  let s:number += 1
  execute 'silent only | edit! test' .. s:number .. '.py'
  setlocal filetype=python
  call setline(1, a:lines)
  call cursor(1, 1)
endfunction

function! s:wait_mark(lnum, pattern) abort
  call s:wait(printf('mark /%s/ on line %d', a:pattern, a:lnum), {-> s:mark(a:lnum) =~# a:pattern})
endfunction

function! s:test_value_beside_the_code() abort
  call s:python(['1+1'])
  Reval
  call s:wait_mark(1, '^⇒ 2$')
  call s:wait('status', {-> reval#statusline() =~# '^reval python3 \%(idle\|●busy\)'})
endfunction

function! s:test_sizes_of_results() abort
  call s:python(['x = 3', '"one line"', '"a\tb"', 'import numpy', 'numpy.eye(3)'])
  RevalFile
  call s:wait_mark(5, '^⇒ array(\[\[1\., 0\., 0\.\],\? … (3 lines)$')
  1Reval
  call s:wait_mark(1, '^✓ \d\+ ms$')
  2Reval
  call s:wait_mark(2, '^⇒ ''one line''$')
  5Reval
  call s:wait_mark(5, '3 lines')
  call cursor(5, 1)
  RevalYank
  call s:wait('copy', {-> @" =~# "^array.*\n.*\n.*1\\.\\]\\])"})
  RevalClear
  call s:wait('no marks', {-> s:marks() ==# {}})
endfunction

function! s:test_file_finds_its_arguments() abort
  call s:python(['import sys', 'sys.argv[1:]'])
  RevalFile -n 3 a\ b
  call s:wait_mark(2, "^⇒ \\['-n', '3', 'a b'\\]$")
  RevalFile
  call s:wait_mark(2, '^⇒ \[\]$')
endfunction

function! s:test_stream_arrives_in_parts() abort
  call s:python(['import os, time', 'for i in range(3):', '    print("part", i, flush=True)',
        \ '    while not os.path.exists(f"go{i}"): time.sleep(0.01)'])
  %Reval
  for i in range(3)
    call s:wait('part ' .. i, {-> s:has_output('^part ' .. i .. '$')})
    call s:wait_mark(4, '^● running$')
    call assert_false(s:has_output('^part ' .. (i + 1) .. '$'))
    call writefile([], 'go' .. i)
  endfor
  call s:wait_mark(4, '^✓')
endfunction

function! s:test_progress_bar_redraws_in_place() abort
  call s:python(['import sys', 'for i in range(1, 4):', '    sys.stdout.write("\rbar %d/3 größe" % i); sys.stdout.flush()', 'print()'])
  %Reval
  call s:wait_mark(4, '^✓')
  call assert_equal(['bar 3/3 größe'], filter(s:output(), {_, l -> l =~# '^bar '}))
endfunction

function! s:test_error_on_its_line() abort
  call s:python(['a = 1', 'b = 2', '1/0', 'c = 3'])
  %Reval
  call s:wait_mark(3, '^✗ ZeroDivisionError: division by zero$')
  call assert_equal('', s:mark(4))
  call s:wait('traceback', {-> s:has_output('^ZeroDivisionError: division by zero')})
  " The place in the traceback leads back to the code, which has moved.
  call append(0, ['', ''])
  call s:goto_output('test' .. s:number .. '.py, line 3')
  execute "normal \<CR>"
  call assert_equal(['test' .. s:number .. '.py', 5], [expand('%:t'), line('.')])
  " A bare edit of the failing code makes it stale.
  call setline(5, '1/1')
  call s:wait_mark(5, '(code changed)')
endfunction

" Goes to the output window, to the line that matches.
function! s:goto_output(pattern) abort
  for buffer in filter(getbufinfo(), {_, b -> getbufvar(b.bufnr, '&filetype') ==# 'reval-output'})
    if bufwinid(buffer.bufnr) < 0
      RevalOutput
    endif
    call win_gotoid(bufwinid(buffer.bufnr))
    if search(a:pattern, 'bw')
      return
    endif
  endfor
  throw 'no line of output matches ' .. a:pattern .. ': ' .. string(s:output())
endfunction

function! s:test_omni_completion_of_what_only_the_kernel_knows() abort
  call s:python(['from types import SimpleNamespace', 'größe = "😀"; x = SimpleNamespace(foo=1)', 'größe = "😀"; x.f'])
  1,2Reval
  call s:wait_mark(2, '^✓')
  call cursor(3, strlen(getline(3)))
  " The first answers are empty while the kernel loads what it completes with.
  let g:seen = []
  for _ in range(100)
    call feedkeys("A\<C-x>\<C-o>\<C-r>=execute('let g:seen = complete_info([\"items\"]).items')\<CR>\<Esc>", 'xt')
    if !empty(g:seen)
      break
    endif
  endfor
  call assert_equal('größe = "😀"; x.foo', getline(3))
  call assert_equal(['foo'], map(copy(g:seen), {_, item -> item.word}))
  for _ in range(30)
    call setline(3, 'x.f')
    call cursor(3, 3)
    call feedkeys("A\<C-x>\<C-o>\<Esc>", 'xt')
    if getline(3) ==# 'x.foo'
      break
    endif
  endfor
  call assert_equal('x.foo', getline(3))
endfunction

function! s:test_omni_completion_imports_what_it_needs() abort
  silent only | edit! imports.go
  setlocal filetype=go
  call setline(1, ['x := 1', 'y := strings.Repe'])
  1Reval
  call s:wait_mark(1, '^✓')
  call cursor(2, strlen(getline(2)))
  call feedkeys("A\<C-x>\<C-o>\<Esc>", 'xt')
  call assert_equal(['import "strings"', '', 'x := 1', 'y := strings.Repeat'], getline(1, '$'))
endfunction

function! s:test_omni_completion_does_not_wait_for_a_busy_kernel() abort
  call s:python(['import time', 'while True: time.sleep(0.01)', 'tim'])
  1,2Reval
  call s:wait_mark(2, '^● running')
  call cursor(3, 3)
  let start = reltime()
  call feedkeys("A\<C-x>\<C-o>\<Esc>", 'xt')
  call assert_inrange(0, 10000, float2nr(reltimefloat(reltime(start)) * 1000))
  RevalInterrupt
  call s:wait_mark(2, '^✗ KeyboardInterrupt')
endfunction

function! s:test_inspect_shows_the_live_value() abort
  call s:python(['answer = 41 + 1', 'answer'])
  1Reval
  call s:wait_mark(1, '^✓')
  call cursor(2, 2)
  RevalInspect
  call s:wait('live value', {-> s:float() =~# '\<42\>' || s:inspect_again()})
  if has('nvim')
    call nvim_win_close(filter(nvim_list_wins(), {_, w -> nvim_win_get_config(w).relative !=# ''})[0], v:true)
  else
    call popup_clear(1)
  endif
endfunction

" A kernel may take longer for the first one than anybody waits.
function! s:inspect_again() abort
  if execute('messages') =~# 'did not answer'
    messages clear
    RevalInspect
  endif
endfunction

function! s:test_inspect_with_source_leads_to_the_file() abort
  call s:python(['import textwrap', 'textwrap.dedent'])
  1Reval
  call s:wait_mark(1, '^✓')
  call cursor(2, 11)
  RevalInspect!
  call s:wait('window', {-> bufname('%') ==# 'reval-inspect'})
  call assert_true(search('def dedent', 'w') > 0, join(getline(1, 3), '|'))
  call assert_true(search('textwrap\.py', 'w') > 0)
  execute "normal \<CR>"
  call assert_equal('textwrap.py', expand('%:t'))
  silent only
endfunction

function! s:test_default_maps_and_k_where_the_kernel_knows_nothing() abort
  let g:reval_default_maps = 1
  let g:maplocalleader = ','
  call s:python(['8 * 8', 'unknown_name'])
  unlet g:reval_default_maps
  normal ,rr
  call s:wait_mark(1, '^⇒ 64$')
  call assert_equal('reval#omni#complete', &l:omnifunc)
  setlocal keywordprg=:Asked
  command! -nargs=1 Asked let g:asked = <q-args>
  call cursor(2, 5)
  normal K
  call s:wait('what K does without a kernel', {-> get(g:, 'asked', '') ==# 'unknown_name'})
  " Nor is there one that could be asked.
  let g:asked = ''
  call reval#client#execute(bufnr('%'), 'reval.shutdown', {}, function('reval#client#ignore'))
  normal K
  call s:wait('what K does when the kernel is gone', {-> get(g:, 'asked', '') ==# 'unknown_name'})
  1Reval
  call s:wait_mark(1, '^⇒ 64$')
  delcommand Asked
endfunction

function! s:float() abort
  if has('nvim')
    let floats = filter(nvim_list_wins(), {_, w -> nvim_win_get_config(w).relative !=# ''})
    return join(map(floats, {_, w -> join(getbufline(winbufnr(w), 1, '$'), "\n")}), "\n")
  endif
  return join(map(popup_list(), {_, w -> join(getbufline(winbufnr(w), 1, '$'), "\n")}), "\n")
endfunction

" Types into the prompt or the list as soon as there is one. (getcmdtype() is '@' for
" some of them only.)
function! s:type(keys) abort
  let s:keys = a:keys
  call timer_stop(s:typing) " the last keys found nobody who wanted them
  let s:typing = timer_start(10, function('s:typed'), {'repeat': -1})
  return s:typing
endfunction
let s:typing = -1

function! s:typed(timer) abort
  if mode() =~# '^[cr]'
    call timer_stop(a:timer)
    call feedkeys(s:keys, 't')
  endif
endfunction

function! s:test_input_is_answered() abort
  call s:python(['name = input("who? ")', 'name'])
  call s:type("Zoë 名\<CR>")
  1Reval
  call s:wait_mark(1, '^✓')
  2Reval
  call s:wait_mark(2, '^⇒ ''Zoë 名''$')
endfunction

function! s:test_input_is_put_aside_and_a_password_is_read() abort
  call s:python(['import getpass', 'word = input("word? ")', 'secret = getpass.getpass("secret? ")', 'secret', 'word',
        \ 'input("again? ")'])
  2Reval
  call s:put_aside(2)
  call s:wait('status', {-> reval#statusline() ==# 'reval python3 ●waits for input'})
  " The code can be looked at, and the answer be given whenever.
  call cursor(3, 1)
  call assert_equal('n', mode(1))
  call s:type("later\<CR>")
  RevalInput
  call s:wait_mark(2, '^✓')
  call s:type("p4ss\<CR>")
  1Reval
  3Reval
  call s:wait_mark(3, '^✓')
  4,4Reval
  5Reval
  call s:wait_mark(4, '^⇒ ''p4ss''$')
  call s:wait_mark(5, '^⇒ ''later''$')
  6Reval
  call s:put_aside(6)
  RevalInput at once
  call s:wait_mark(6, '^⇒ ''at once''$')
  6Reval
  call s:put_aside(6)
  RevalInterrupt
  call s:wait_mark(6, '^✗ KeyboardInterrupt')
  " That nobody waits any more is told beside the end.
  call s:wait('status', {-> reval#statusline() ==# 'reval python3 idle'})
  call assert_match('no kernel waits for input', execute('RevalInput'))
endfunction

" Goes away from the question of the evaluation on this line, as soon as it is asked.
function! s:put_aside(lnum) abort
  messages clear
  call s:type("\<Esc>")
  call s:wait_mark(a:lnum, '^● waits for input$')
  call s:wait('word of it', {-> execute('messages') =~# 'reval: the kernel waits: :RevalInput answers, :RevalInterrupt interrupts it'})
endfunction

" Only where a status line asks for the state are they drawn for it.
function! s:test_status_lines_that_show_no_state_are_not_drawn() abort
  if has('nvim')
    " Without a screen it draws when it likes.
    return
  endif
  let [old, s:drawn] = [[&laststatus, &statusline], 0]
  let &statusline = '%{' .. expand('<SID>') .. 'drawn()}'
  set laststatus=2
  call s:python(['1+1'])
  call reval#statusline()
  call reval#kernel#forget('untitled:nobody')
  let before = s:drawn
  call s:wait('status line', {-> s:drawn > before})
  let timers = len(timer_info())
  call reval#kernel#forget('untitled:nobody')
  call assert_equal(timers, len(timer_info()), 'nobody asked')
  call reval#statusline()
  call reval#kernel#forget('untitled:nobody')
  call assert_equal(timers + 1, len(timer_info()), 'somebody asked')
  let [&laststatus, &statusline] = old
endfunction

function! s:drawn() abort
  let s:drawn += 1
  return ''
endfunction

" The header of an evaluation is written when it says something else than before.
function! s:test_header_that_says_the_same_is_not_written_again() abort
  call s:python(['print("once")'])
  Reval
  call s:wait_mark(1, '^✓')
  let evaluation = reval#results#at(bufnr('%'), 1)
  call s:wait('header', {-> s:has_output('✓ ')})
  let buffer = filter(getbufinfo(), {_, b -> getbufvar(b.bufnr, '&filetype') ==# 'reval-output'})[0].bufnr
  let tick = getbufvar(buffer, 'changedtick')
  call reval#output#state(copy(evaluation))
  call assert_equal(tick, getbufvar(buffer, 'changedtick'))
  call reval#output#state(extend({'elapsed': 61000}, evaluation, 'keep'))
  call assert_notequal(tick, getbufvar(buffer, 'changedtick'))
endfunction

function! s:test_endless_loop_is_interrupted() abort
  call s:python(['while True: pass', '"after"'])
  1Reval
  call s:wait_mark(1, '^● running$')
  2Reval
  call s:wait_mark(2, '^◌ queued')
  call s:wait('queue in the status line', {-> reval#statusline() ==# 'reval python3 ●busy +1'})
  RevalInterrupt
  call s:wait_mark(1, '^✗ KeyboardInterrupt')
  call s:wait_mark(2, '^⊘ interrupted before it ran$')
endfunction

function! s:test_what_waits_is_cancelled_alone() abort
  call s:python(['import time; time.sleep(600)', '"queued"'])
  1Reval
  call s:wait_mark(1, '^● running$')
  2Reval
  call s:wait_mark(2, '^◌ queued')
  call cursor(2, 1)
  RevalCancel
  call s:wait_mark(2, '^⊘ cancelled')
  call assert_equal('● running', s:mark(1))
  call cursor(1, 1)
  RevalCancel
  call s:wait_mark(1, '^✗ KeyboardInterrupt')
endfunction

" The rows of the list of what runs and waits, without the times.
function! s:queue() abort
  return map(getbufline('reval-queue://', 1, '$'), {_, row -> substitute(substitute(row, '\d\d:\d\d:\d\d', '', ''), '\s\+', ' ', 'g')})
endfunction

function! s:lists(...) abort
  let want = map(copy(a:000), {_, row -> row =~# '^●' ? ' ' .. row : row})
  try
    call s:wait('queue ' .. string(want), {-> s:queue() ==# want})
  catch
    throw v:exception .. ' queue: ' .. string(s:queue())
  endtry
endfunction

" Presses a key in the list, on the row of this line of the code.
function! s:press(lnum, key) abort
  call win_gotoid(bufwinid('reval-queue://'))
  call cursor(1, 1)
  call search(':' .. a:lnum .. ' ')
  call feedkeys(a:key, 'xt')
endfunction

function! s:test_queue_is_listed_and_changed() abort
  call delete('go')
  call s:python(['import os, time', 'while not os.path.exists("go"): time.sleep(0.01)', '"a"', '"b"', '"c"'])
  let [code, name] = [bufnr('%'), bufname('%')]
  1Reval
  call s:wait_mark(1, '^✓')
  2Reval
  call s:wait_mark(2, '^● running$')
  3Reval
  4Reval
  RevalQueue
  call assert_equal('reval-queue', &filetype)
  let by = has('nvim') ? 'Neovim' : 'Vim'
  let runs = '● ' .. name .. ':2 ' .. by .. ' while not os.path.exists("go"): time.sleep(0.01)'
  call s:lists(runs, ' 1 ' .. name .. ':3 ' .. by .. ' "a"', ' 2 ' .. name .. ':4 ' .. by .. ' "b"')
  call assert_match('^ ● \d\d:\d\d:\d\d  ', getline(1))
  " It follows what is asked for elsewhere.
  call win_gotoid(bufwinid(code))
  5Reval
  call s:lists(runs, ' 1 ' .. name .. ':3 ' .. by .. ' "a"', ' 2 ' .. name .. ':4 ' .. by .. ' "b"', ' 3 ' .. name .. ':5 ' .. by .. ' "c"')
  call s:press(5, 'K')
  call s:lists(runs, ' 1 ' .. name .. ':3 ' .. by .. ' "a"', ' 2 ' .. name .. ':5 ' .. by .. ' "c"', ' 3 ' .. name .. ':4 ' .. by .. ' "b"')
  call assert_match(':5 ', getline('.'))
  messages clear
  call s:press(2, 'J')
  call assert_match('it runs already', execute('messages'))
  call s:press(3, 'J')
  call s:lists(runs, ' 1 ' .. name .. ':5 ' .. by .. ' "c"', ' 2 ' .. name .. ':3 ' .. by .. ' "a"', ' 3 ' .. name .. ':4 ' .. by .. ' "b"')
  call s:press(3, 'd')
  call s:lists(runs, ' 1 ' .. name .. ':5 ' .. by .. ' "c"', ' 2 ' .. name .. ':4 ' .. by .. ' "b"')
  call s:press(4, "\<CR>")
  call assert_equal([code, 4], [bufnr('%'), line('.')])
  call s:wait_mark(3, '^⊘ cancelled')
  call s:press(2, 'x')
  call s:lists('nothing runs or waits')
  call s:press(0, 'q')
  call assert_equal(-1, bufwinid('reval-queue://'))
endfunction

function! s:test_two_quick_evaluations_do_not_mix() abort
  call s:python(['for i in range(50): print("one", i)', 'for i in range(50): print("two", i)'])
  1Reval
  2Reval
  call s:wait_mark(2, '^✓')
  call s:wait('all of two', {-> s:has_output('^two 49$')})
  let lines = s:output()
  let first = index(lines, 'one 0')
  call assert_equal(map(range(50), {_, i -> 'one ' .. i}), lines[first : first + 49])
  call assert_match('^── \[\d\+\] test' .. s:number .. '\.py:2  ✓', lines[first + 50])
  call assert_equal(map(range(50), {_, i -> 'two ' .. i}), lines[first + 51 : first + 100])
endfunction

function! s:test_result_moves_with_its_line() abort
  call s:python(['a = 1', '', '40 + 2'])
  3Reval
  call s:wait_mark(3, '^⇒ 42$')
  call append(0, ['# above', '# 😀'])
  call assert_equal('⇒ 42', s:mark(5))
  call assert_equal({'5': '⇒ 42'}, s:marks())
  silent 1,2delete _
  call assert_equal({'3': '⇒ 42'}, s:marks())
endfunction

function! s:test_result_goes_stale() abort
  call s:python(['40 + 2', '1'])
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
  call setline(1, '40 + 3')
  call s:wait_mark(1, '^⇒ 42  (code changed)$')
  call setline(1, '40 + 2')
  call s:wait_mark(1, '^⇒ 42$')
  " Undo and redo are edits like any other.
  let &undolevels = &undolevels
  call setline(1, '40 + 4')
  call s:wait_mark(1, '(code changed)$')
  undo
  call s:wait_mark(1, '^⇒ 42$')
  redo
  call s:wait_mark(1, '^⇒ 42  (code changed)$')
endfunction

" Vim's undo brings lines back with the marks that they had.
function! s:test_undo_brings_no_mark_back() abort
  call s:python(['2 * 21', '1'])
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
  for n in range(1, 3)
    let &undolevels = &undolevels
    call setline(1, '2 * 2' .. n .. '1')
    call s:wait_mark(1, '^⇒ 42  (code changed)$')
    undo
    call s:wait_mark(1, '^⇒ 42$')
  endfor
  " Deleted, brought back, changed.
  let &undolevels = &undolevels
  silent 1delete _
  call s:wait('no marks', {-> s:marks() ==# {}})
  undo
  call s:wait_mark(1, '^⇒ 42$')
  normal! A1
  call s:wait_mark(1, '^⇒ 42  (code changed)$')
  undo
  call s:wait_mark(1, '^⇒ 42$')
  " At once, and without the server's having heard of it.
  let &undolevels = &undolevels
  silent 1delete _
  undo
  normal! A1
  call s:wait_mark(1, '^⇒ 42  (code changed)$')
  call assert_equal(1, count(s:mark(1), '⇒'))
  " What an undone line had, an evaluation has replaced.
  1Reval
  call s:wait_mark(1, '^⇒ 422$')
  undo
  call s:wait_mark(1, '^⇒ 422  (code changed)$')
endfunction

" Whatever is done to the lines, each value stands behind the code that has it.
function! s:test_marks_go_where_their_code_goes() abort
  for edit in ['normal! 1Gddp', '2,3move 0', '%!sort -r', 'normal! 2Gddu', 'normal! 2GJu', "normal! 2GI\<CR>", "normal! 2GO# above",
        \ "normal! 2GA\<CR># below", '2,3delete | $put', '1,2copy $', 'normal! yyp', '%substitute/$/ # x/ | undo', 'global/1/move $']
    call s:python(['1 + 1', '2 + 2', '3 + 3', '# 4'])
    1Reval
    2Reval
    3Reval
    call s:wait_mark(3, '^⇒ 6$')
    let &undolevels = &undolevels
    silent execute edit
    let wanted = {}
    let seen = {}
    for lnum in range(1, line('$'))
      let code = getline(lnum)
      if code =~# '^\d + \d$' && !has_key(seen, code)
        let seen[code] = 1
        let wanted[lnum] = '⇒ ' .. eval(code)
      endif
    endfor
    " A copy may have the value in the place of what it was copied of.
    let True = {-> join(sort(values(s:marks()))) ==# join(sort(values(wanted))) && s:marks_are_true()}
    call s:wait(edit .. ': marks ' .. string(wanted) .. ' of ' .. string(getline(1, '$')), True)
    bwipeout!
  endfor
endfunction

function! s:marks_are_true() abort
  for [lnum, mark] in items(s:marks())
    let code = matchstr(getline(lnum), '^\d + \d$')
    if code ==# '' || mark !=# '⇒ ' .. eval(code)
      return 0
    endif
  endfor
  return 1
endfunction

" A mark is put in its place where edits overtook the word of it.
function! s:test_edit_while_the_value_is_on_its_way() abort
  call s:python(['1', 'import time; time.sleep(.05); 40 + 2', '1'])
  2Reval
  call append(0, ['# one', '# two'])
  call s:wait('mark on its line', {-> s:marks() ==# {'4': '⇒ 42'}})
endfunction

function! s:test_file_that_another_program_changes() abort
  call s:python(['1 + 1', '2 + 2', '3 + 3'])
  setlocal autoread
  silent write
  2,3Reval
  call s:wait_mark(3, '^⇒ 6$')
  2Reval
  call s:wait_mark(2, '^⇒ 4$')
  3Reval
  call s:wait_mark(3, '^⇒ 6$')
  for lines in [['# a', '1 + 1', '2 + 2', '3 + 3'], ['3 + 3', '# a', '2 + 2'], ['# b', '# c', '# d', '2 + 2', '', '3 + 3']]
    let before = getline(1, '$')
    call writefile(lines, expand('%'))
    " Programs that write in one second leave the time as it was; the size tells it then.
    call s:wait('new text', {-> execute('silent! checktime') is '' && getline(1, '$') ==# lines})
    let wanted = {}
    for lnum in range(1, line('$'))
      if getline(lnum) =~# '^[23] +'
        let wanted[lnum] = '⇒ ' .. eval(getline(lnum))
      endif
    endfor
    call s:wait('marks ' .. string(wanted), {-> s:marks() ==# wanted})
  endfor
endfunction

function! s:test_another_name_keeps_the_results() abort
  call s:python(['1 + 1', '2 + 2', 'len(dir()) > 0'])
  2Reval
  call s:wait_mark(2, '^⇒ 4$')
  execute 'file moved' .. s:number .. '.py'
  3Reval
  call s:wait_mark(3, '^⇒ True$')
  call s:wait('marks', {-> s:marks() ==# {'2': '⇒ 4', '3': '⇒ True'}})
  execute 'silent saveas saved' .. s:number .. '.py'
  call setline(2, '2 + 3')
  call s:wait('marks', {-> s:marks() ==# {'2': '⇒ 4  (code changed)', '3': '⇒ True'}})
  1Reval
  call s:wait_mark(1, '^⇒ 2$')
  call assert_equal('', matchstr(execute('messages'), 'not open.*'))
  call s:wait('status', {-> reval#statusline() =~# '^reval python3 \%(idle\|●busy\)'})
endfunction

function! s:test_marks_come_back_when_the_file_is_read_again() abort
  call s:python(['1 + 1', '2 + 2'])
  silent write
  2Reval
  call s:wait_mark(2, '^⇒ 4$')
  edit!
  call s:wait('marks', {-> s:marks() ==# {'2': '⇒ 4'}})
  call writefile(['# from outside'] + getline(1, '$'), expand('%'))
  edit!
  call s:wait('moved marks', {-> s:marks() ==# {'3': '⇒ 4'}})
endfunction

function! s:test_marks_survive_a_formatter() abort
  call s:python(['1 + 1', '2 + 2', '3 + 3'])
  2Reval
  call s:wait_mark(2, '^⇒ 4$')
  let lines = getline(1, '$')
  silent %delete _
  call setline(1, ['# formatted'] + lines)
  call s:wait('mark on its line', {-> s:marks() ==# {'3': '⇒ 4'} || s:marks() ==# {'3': '⇒ 4  (code changed)'}})
endfunction

function! s:test_operator() abort
  call s:python(['x = [10]', 'x[0] + (1 + 2)', '5', '6', '7', '8', '9', '10'])
  " Linewise by a count, repeated.
  call cursor(1, 1)
  normal gzz
  call s:wait_mark(1, '^✓')
  " Charwise: what is in the parentheses.
  call cursor(2, 10)
  normal gzi(
  call s:wait_mark(2, '^⇒ 3$')
  call cursor(3, 1)
  normal 2gzz
  call s:wait_mark(4, '^⇒ 6$')
  call assert_equal('', s:mark(3))
  call cursor(5, 1)
  normal .
  call s:wait_mark(6, '^⇒ 8$')
  call cursor(7, 1)
  normal gzj
  call s:wait_mark(8, '^⇒ 10$')
  call cursor(3, 1)
  normal .
  call s:wait_mark(4, '^⇒ 6$')
endfunction

function! s:test_visual() abort
  call s:python(['1 + 2', '3 + 4', 'größe = "😀" * 2', 'längé = "漢字" * 2', 'x = 1'])
  call cursor(1, 5)
  normal vgz
  call s:wait_mark(1, '^⇒ 2$')
  call cursor(1, 1)
  normal Vjgz
  call s:wait_mark(2, '^⇒ 7$')
  call s:wait('one mark', {-> s:marks() ==# {'2': '⇒ 7'}})
  " The right sides of two lines: each row by itself.
  call cursor(3, 1)
  execute "normal! f\"\<C-v>j$"
  normal gz
  call s:wait_mark(3, '^⇒ ''😀😀''$')
  call s:wait_mark(4, '^⇒ ''漢字漢字''$')
  call assert_equal('', s:mark(5))
endfunction

" A block's columns are in no mark where lines are short.
function! s:test_visual_block_over_short_lines() abort
  let lines = ['1 + 1', '', '4 + 44', '3']
  for [keys, wanted] in [["gg0\<C-v>3j$gz", ['⇒ 2', '', '⇒ 48', '⇒ 3']], ["G0\<C-v>gg$gz", ['⇒ 2', '', '⇒ 48', '⇒ 3']],
        \ ["gg$\<C-v>3j0gz", ['⇒ 2', '', '⇒ 8', '⇒ 3']], ["gg04l\<C-v>gz", ['⇒ 1', '', '', '']],
        \ ["gg0\<C-v>gz2j.", ['⇒ 1', '', '⇒ 4', '']], ["gg0\<C-v>$gz2j.", ['⇒ 2', '', '⇒ 48', '']]]
    call s:python(lines)
    call feedkeys(keys, 'xt')
    for lnum in range(1, 4)
      if wanted[lnum - 1] !=# ''
        call s:wait_mark(lnum, '^' .. wanted[lnum - 1] .. '$')
      endif
    endfor
    call assert_equal(len(filter(copy(wanted), {_, m -> m !=# ''})), len(s:marks()), keys)
  endfor
endfunction

function! s:test_nothing_to_evaluate() abort
  call s:python(['f()', ''])
  messages clear
  call reval#span([2, 0], [1, 0])
  call assert_match('reval: there is nothing to evaluate here', execute('messages'))
  messages clear
  2Reval
  call s:wait('word of it', {-> execute('messages') =~# 'there is nothing to evaluate'})
endfunction

function! s:test_positions_after_wide_and_combining_characters() abort
  call s:python(['"漢字" "😀"; 1 + 1', '"e' .. "\u0301" .. '"; 2 + 2', 'if True:', '    x = "größe"; 3 + 3'])
  for [lnum, value] in [[1, '2'], [2, '4'], [4, '6']]
    call cursor(lnum, 1)
    normal! f;2l
    normal gz$
    call s:wait_mark(lnum, '^⇒ ' .. value .. '$')
  endfor
  " An indented line is evaluated as it would stand at the margin.
  4Reval
  call s:wait_mark(4, '^⇒ 6$')
endfunction

function! s:test_cells() abort
  call s:python(['# %% one', '11', '# %% two', '22', '', '# %% three', '33'])
  call cursor(4, 1)
  normal gZ
  call s:wait_mark(4, '^⇒ 22$')
  call assert_equal(4, line('.'))
  normal ]r
  call assert_equal(6, line('.'))
  normal 2[r
  call assert_equal(1, line('.'))
  normal .
  call s:wait_mark(2, '^⇒ 11$')
endfunction

" From the mark of a cell, where ]r leads, and from its other lines.
function! s:test_result_of_the_cell() abort
  call s:python(['# %% one', '', 'x = 1', 'x + 10', '# more', '', '# %% two', '22'])
  call cursor(1, 1)
  RevalCell
  call s:wait_mark(5, '^⇒ 11$')
  for lnum in range(1, 6)
    call cursor(lnum, 1)
    let @" = ''
    RevalYank
    call s:wait('copy from line ' .. lnum, {-> @" ==# '11'})
  endfor
  call cursor(7, 1)
  messages clear
  RevalYank
  call s:wait('word of it', {-> execute('messages') =~# 'no result at line 7 of test'})
endfunction

function! s:test_going_on_passes_cells_of_text() abort
  call s:python(['# %% one', 'a = 11', 'a', '# %% [markdown]', '# words', '# %% two', 'a + 1', '# %% [md]', '# end'])
  call cursor(2, 1)
  normal gN
  call s:wait_mark(3, '^⇒ 11$')
  call assert_equal(6, line('.'))
  normal gN
  call s:wait_mark(7, '^⇒ 12$')
  call assert_equal(9, line('.'))
  call cursor(5, 1)
  normal gN
  call assert_equal(6, line('.'))
endfunction

function! s:test_a_line_is_its_whole_statement() abort
  call s:python(['x = dict(', '    a=1,', ')', 'for i in range(3):', '    y = i', 'else:', '    z = 9', 'x["a"] + z'])
  call cursor(2, 3)
  normal gzz
  call s:wait_mark(3, '^✓')
  call cursor(6, 1)
  normal .
  call s:wait_mark(7, '^✓')
  8
  Reval
  call s:wait_mark(8, '^⇒ 10$')
endfunction

" Vim's ch_evalexpr() takes an answer for a notification where it comes beside others.
function! s:test_no_answer_is_lost_beside_notifications() abort
  call s:python(['1'])
  let lost = 0
  for i in range(300)
    1Reval
    let lost += type(reval#client#execute_sync(bufnr('%'), 'reval.cells', {}, 1000)) != v:t_list
  endfor
  call assert_equal(0, lost)
endfunction

" A jump was lost where the machine was busy.
function! s:test_cells_of_a_server_that_is_slow() abort
  call s:python(['# %% one', 'import os; os.getppid()', '# %% two', '22'])
  2Reval
  call s:wait_mark(2, '^⇒ \d\+$')
  let server = matchstr(s:mark(2), '\d\+')
  call system('kill -STOP ' .. server .. '; (sleep 1; kill -CONT ' .. server .. ') >/dev/null 2>&1 &')
  normal ]r
  call assert_equal(3, line('.'))
endfunction

function! s:test_definition_and_to_here() abort
  call s:python(['base = 40', 'def add(n):', '    return base + n', 'add(2)', 'add(3)'])
  call cursor(4, 1)
  RevalToHere
  call s:wait_mark(4, '^⇒ 42$')
  call setline(1, 'base = 50')
  call setline(3, '    return base + n + 1')
  call cursor(3, 5)
  RevalDefinition
  call s:wait_mark(3, '^✓')
  5Reval
  call s:wait_mark(5, '^⇒ 44$')
endfunction

function! s:test_output_follows_but_never_pulls_the_reader_back() abort
  call s:python(['for i in range(40): print("row", i)', 'for i in range(40): print("next", i)', 'for i in range(40): print("last", i)'])
  1Reval
  call s:wait('rows', {-> s:has_output('^row 39$')})
  call s:goto_output('^row 39$')
  let window = win_getid()
  wincmd p
  call win_execute(window, 'normal! G')
  2Reval
  call s:wait('more', {-> s:has_output('^next 39$')})
  call s:wait('tail', {-> getcurpos(window)[1] == line('$', window)})
  call win_execute(window, 'call search("^row 5$", "bw")')
  let at = getcurpos(window)[1]
  3Reval
  call s:wait('last', {-> s:has_output('^last 39$')})
  call assert_equal(at, getcurpos(window)[1])
endfunction

function! s:test_output_that_comes_while_away_is_not_lost() abort
  call s:python(['for i in range(3): print("away", i, flush=True)'])
  let bufnr = bufnr('%')
  1Reval
  enew
  call s:wait('output', {-> s:has_output('^away 2$')})
  execute 'buffer' bufnr
  call s:wait_mark(1, '^✓')
endfunction

function! s:test_large_value_comes_whole_where_it_is_wanted() abort
  call s:python(['"x" * 1000000 + "end"'])
  Reval
  call s:wait_mark(1, '^⇒ ''xxx')
  call s:wait('end of the value', {-> s:has_output('xend''$')})
  call assert_inrange(50000, 200000, len(join(s:output())))
  RevalYank
  call s:wait('copy', {-> @" ==# "'" .. repeat('x', 1000000) .. "end'"})
endfunction

function! s:test_long_output_is_cut_from_the_top() abort
  let g:reval_output_max_lines = 500
  call s:python(['for i in range(3000): print("long", i)'])
  1Reval
  call s:wait('end', {-> s:has_output('^long 2999$')})
  call s:wait_mark(1, '^✓')
  call assert_inrange(400, 560, len(s:output()))
  call assert_equal('long 2999', s:output()[-1])
  unlet g:reval_output_max_lines
endfunction

function! s:test_picture_is_said_in_words() abort
  call s:python(['import base64', 'from IPython.display import Image',
        \ 'Image(data=base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="))'])
  %Reval
  call s:wait('picture', {-> s:has_output('^\[image/png 1×1 — press o to open\]$')})
  call s:goto_output('^\[image/png')
  call writefile(['#!/bin/sh', 'cp "$1" opened.tmp && ls -l "$1" >mode && mv opened.tmp opened.png'], 'opener')
  call setfperm('opener', 'rwx------')
  let g:reval_opener = [getcwd() .. '/opener']
  normal o
  call s:wait('opened picture', {-> filereadable('opened.png')})
  call assert_equal(70, getfsize('opened.png'))
  call assert_match('^-rw-------', readfile('mode')[0])
  wincmd p
endfunction

function! s:test_opener_that_fails_is_told() abort
  call writefile(['#!/bin/sh', 'exit 3'], 'fails')
  call setfperm('fails', 'rwx------')
  let g:reval_opener = [getcwd() .. '/fails', '--new']
  call reval#picture#open('image/gif', 'R0lGODlh')
  call s:wait('word of it', {-> execute('messages') =~# 'reval: fails ended with status 3: .*gif'})
  call assert_true(filereadable(matchstr(execute('messages'), 'status 3: \zs\S*gif')))
endfunction

function! s:test_colours_of_256() abort
  for [color, number] in [['#000000', 16], ['#5f8700', 64], ['#875fff', 99], ['#ffffff', 231], ['#303030', 59], ['#2f2f2f', 16], ['#d7af87', 180]]
    call assert_match('ctermfg=' .. number .. '\>', execute('highlight ' .. reval#style#group({'fg': color})), color)
  endfor
endfunction

" What a session file brings back of the output window is taken on.
function! s:test_output_window_of_a_session_file() abort
  call s:python(['print("before")'])
  Reval
  call s:wait_mark(1, '^✓')
  let name = bufname(filter(getbufinfo(), {_, b -> getbufvar(b.bufnr, '&filetype') ==# 'reval-output'})[0].bufnr)
  execute 'bwipeout!' name
  " As :source of what :mksession wrote does.
  execute 'split' name
  let dead = bufnr('%')
  wincmd p
  call setline(1, 'print("after")')
  Reval
  call s:wait_mark(1, '^✓')
  call s:wait('output', {-> getbufline(dead, 1, '$')[1:] ==# ['after']})
  call assert_equal([dead], map(filter(getbufinfo(), {_, b -> b.name =~# 'reval-output:'}), {_, b -> b.bufnr}))
  call assert_equal(['nofile', 'reval-output'], [getbufvar(dead, '&buftype'), getbufvar(dead, '&filetype')])
endfunction

function! s:test_what_is_no_code_is_told() abort
  silent only
  for [prepare, word] in [['enew', 'this buffer has no filetype'], ['help', 'this is a help page'],
        \ ['copen', 'this is a list of places'], ['new | setlocal buftype=nofile filetype=netrw', 'this is the listing of a folder'],
        \ ['new | setlocal buftype=nofile filetype=python', 'this buffer is no file'],
        \ [has('nvim') ? 'terminal' : 'execute "buffer" term_start("true", {"hidden": 1})', 'this is a terminal']]
    silent execute prepare
    messages clear
    Reval
    call assert_match('reval: ' .. word, execute('messages'), prepare)
    silent only
    bwipeout!
  endfor
  " What has a language, but none that a kernel is of.
  for language in ['markdown', 'text', 'sql']
    execute 'edit! prose.' .. language
    execute 'setlocal filetype=' .. language
    call setline(1, '> notes.txt')
    messages clear
    Reval
    call s:wait('refusal', {-> execute('messages') =~# 'reval: '})
    bwipeout!
  endfor
  call assert_false(filereadable('notes.txt'))
endfunction

function! s:test_picture_that_takes_long_comes_when_it_is_opened() abort
  call s:python(['from IPython.display import SVG',
        \ 'g = lambda i: f"<g id=\"a{i}\"><use href=\"#a{i-1}\"/><use href=\"#a{i-1}\"/></g>"',
        \ 'SVG("<svg xmlns=\"http://www.w3.org/2000/svg\"><g id=\"a0\"><rect/></g>" + "".join(map(g, range(1, 40))) + "</svg>")'])
  %Reval
  call s:wait('picture', {-> s:has_output('^\[image/svg+xml, drawing it takes long — press o to open\]$')})
  call s:goto_output('^\[image/svg')
  call writefile(['#!/bin/sh', 'cp "$1" heavy.tmp && echo "$1" >name && mv heavy.tmp heavy.svg'], 'opener')
  call setfperm('opener', 'rwx------')
  let g:reval_opener = [getcwd() .. '/opener']
  normal o
  call s:wait('opened picture', {-> filereadable('heavy.svg')})
  call assert_match('\.svg$', readfile('name')[0])
  call assert_match('#a38', join(readfile('heavy.svg')))
  wincmd p
endfunction

function! s:test_only_pictures_are_opened() abort
  call writefile(['#!/bin/sh', 'touch opened.anyway'], 'opener')
  call setfperm('opener', 'rwx------')
  let g:reval_opener = [getcwd() .. '/opener']
  for [mime, data] in [['image/png; x=desktop', 'iVBORw0KGgo='], ['image/x-desktop', 'W0Rlc2t0b3AgRW50cnld'], ['image/png', 'W0Rlc2t0b3AgRW50cnld'],
        \ ['image/svg+xml', '<html><script>'], ['image/svg+xml', '#!/bin/sh'], ['image/gif/../../x.sh', 'R0lGOD'], ['text/html', '<html>']]
    messages clear
    call reval#picture#open(mime, data)
    call assert_match('no picture of the type', execute('messages'), mime)
  endfor
  call assert_false(filereadable('opened.anyway'))
  call s:python(['import base64',
        \ 'display({"image/png; x=desktop": base64.b64encode(b"[Desktop Entry]").decode(), "text/plain": "as text"}, raw=True)'])
  %Reval
  call s:wait('text', {-> s:has_output('^as text$')})
  call assert_equal('as text', s:output()[-1])
endfunction

function! s:test_kernel_runs_where_it_is_set() abort
  let folder = resolve(tempname())
  for [set, where] in [['file', '/src'], ['data', '/data'], ['', '']]
    let project = folder .. where[1 :]
    call mkdir(project .. '/.git', 'p')
    call mkdir(project .. '/src', 'p')
    call mkdir(project .. '/data', 'p')
    if set !=# ''
      let g:reval_kernel_directory = set
    endif
    execute 'silent only | edit!' project .. '/src/where.py'
    setlocal filetype=python
    call setline(1, 'import os; os.getcwd() == "' .. project .. where .. '"')
    1Reval
    unlet! g:reval_kernel_directory
    call s:wait_mark(1, '^⇒ True$')
  endfor
endfunction

function! s:test_kernel_is_told_and_chosen() abort
  call s:python(['1'])
  call assert_true(index(reval#kernel#complete('', '', 0), 'python3') >= 0)
  RevalKernel python3
  1Reval
  call s:wait_mark(1, '^⇒ 1$')
  RevalKernel no-such-kernel
  call s:wait('error', {-> execute('messages') =~# 'reval: .*no-such-kernel'})
endfunction

function! s:test_own_kernel_is_not_offered_to_be_joined() abort
  call s:python(['import os; os.getpid()'])
  Reval
  call s:wait_mark(1, '^⇒ \d\+$')
  let pid = matchstr(s:mark(1), '\d\+')
  let running = filter(reval#client#execute_sync(bufnr('%'), 'reval.kernels', {}, 5000), {_, k -> get(k, 'running', 0)})
  call assert_equal([], filter(running, {_, k -> k.displayName =~# 'process ' .. pid .. '$'}))
endfunction

function! s:test_kernel_is_chosen_from_a_list() abort
  call s:python(['1'])
  if has('nvim')
    " What a user's own chooser is given.
    lua Select = vim.ui.select
    lua vim.ui.select = function(items, _, done) vim.g.kernels = items; done(items[1], 1) end
  else
    call s:type("1\<CR>")
  endif
  RevalKernel
  " The test before may have had the message, too.
  call s:wait('list', {-> !has('nvim') || exists('g:kernels')})
  call s:wait('chosen kernel', {-> execute('messages') =~# 'reval: kernel python3'})
  if has('nvim')
    lua vim.ui.select = Select
    call assert_match('^\* python3  (Python 3', g:kernels[0])
  endif
endfunction

function! s:test_buffer_without_a_name() abort
  silent only
  enew
  setlocal filetype=python
  call setline(1, ['5 * 5', '1/0'])
  1Reval
  call s:wait_mark(1, '^⇒ 25$')
  2Reval
  call s:wait_mark(2, '^✗ ZeroDivisionError')
  let first = bufnr('%')
  enew
  setlocal filetype=python
  call setline(1, '6 * 6')
  1Reval
  if has('nvim')
    call s:wait('word of it', {-> execute('messages') =~# 'reval: another buffer without a name'})
    execute 'bwipeout!' first
    1Reval
  endif
  call s:wait_mark(1, '^⇒ 36$')
  bwipeout!
endfunction

function! s:test_values_of_before_a_restart_are_marked() abort
  call s:python(['6 * 7', 'print("on")', '1'])
  1Reval
  2Reval
  call s:wait_mark(2, '^✓')
  RevalRestart
  call s:wait_mark(1, '^⇒ 42  (earlier kernel)$')
  call s:wait('word of it', {-> s:has_output('^── the kernel was restarted ──$')})
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
  call assert_match('(earlier kernel)$', s:mark(2))
endfunction

function! s:test_shutdown_ends_the_kernel() abort
  call s:python(['import os; os.getpid()'])
  Reval
  call s:wait_mark(1, '^⇒ \d')
  let pid = matchstr(s:mark(1), '\d\+')
  RevalShutdown
  call s:wait('the end of ' .. pid, {-> s:ended(pid)})
  Reval
  call s:wait('another process', {-> s:mark(1) =~# '^⇒ \d\+$' && s:mark(1) !~# pid})
endfunction

function! s:ended(pid) abort
  call system('kill -0 ' .. a:pid)
  return v:shell_error
endfunction

function! s:test_restart_loses_what_ran_and_says_so() abort
  call s:python(['import time; print("it runs", flush=True); time.sleep(600)', 'len(dir())'])
  1Reval
  call s:wait('output', {-> s:has_output('^it runs$')})
  RevalRestart
  call s:wait_mark(1, '^✗ lost')
  2Reval
  call s:wait_mark(2, '^⇒ \d')
endfunction

" The server's own tests stop a kernel; here one is told to be stopped.
function! s:test_kernel_that_does_not_answer_is_told() abort
  call s:python(['6 * 7'])
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
  call s:wait('idle kernel', {-> reval#statusline() ==# 'reval python3 idle'})
  let uri = reval#client#uri(bufnr('%'))
  let state = {'session': reval#kernel#session(uri), 'uris': [uri], 'kernel': 'python3', 'displayName': 'Python 3'}
  call reval#kernel#state(extend({'state': 'unresponsive', 'message': 'the kernel does not answer'}, state))
  call assert_equal('reval python3 ✗unresponsive', reval#statusline())
  call assert_match('reval: the kernel does not answer', execute('messages'))
  call reval#kernel#state(extend({'state': 'idle'}, state))
  call assert_equal('reval python3 idle', reval#statusline())
  call assert_match('reval: python3 answers again', execute('messages'))
endfunction

function! s:test_server_that_is_missing_is_told() abort
  call s:python(['6 * 7'])
  let command = g:reval_command
  let g:reval_command = [getcwd() .. '/no-reval', 'lsp']
  1Reval
  call s:wait('error', {-> execute('messages') =~# 'no-reval is not on PATH: go install'})
  let g:reval_command = command
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
endfunction

function! s:test_server_that_dies_is_told_and_started_again() abort
  call s:python(['import os, time; os.getppid()', 'print("it runs", flush=True); time.sleep(600)', '6 * 7'])
  1Reval
  call s:wait_mark(1, '^⇒ \d\+$')
  let server = matchstr(s:mark(1), '\d\+')
  2Reval
  call s:wait('output', {-> s:has_output('^it runs$')})
  call s:wait_mark(2, '^● running')
  call system('kill -9 ' .. server)
  call s:wait('word of it', {-> execute('messages') =~# 'reval: the server ended, it is started again: '})
  call s:wait_mark(2, '^✗ lost: the server ended$')
  call s:wait_mark(1, '^⇒ ' .. server .. '  (the server ended since)$')
  call s:wait('another server', {-> execute('messages') =~# 'reval: connected again; the kernels ended with the server'})
  call assert_equal(1, count(execute('messages'), 'reval: the server ended'))
  call assert_equal('⇒ ' .. server .. '  (the server ended since)', s:mark(1))
  call append(0, '# an edit')
  4Reval
  call s:wait_mark(4, '^⇒ 42$')
  2Reval
  call s:wait('another server', {-> s:mark(2) =~# '^⇒ \d\+$' && s:mark(2) !=# '⇒ ' .. server})
  RevalClear
  call s:wait('no marks', {-> s:marks() ==# {}})
endfunction

" As :lsp restart does, which came with Neovim 0.12: the client is started again with the
" configuration that it had, by other hands.
function! s:test_neovim_client_that_is_restarted() abort
  if !has('nvim')
    return
  endif
  call s:python(['6 * 7'])
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
  messages clear
  lua Client = vim.lsp.get_clients({ name = 'reval', bufnr = 0 })[1]
  lua vim.lsp.stop_client(Client.id)
  call s:wait('end', {-> luaeval('vim.lsp.get_client_by_id(Client.id) == nil')})
  lua vim.lsp.start(Client.config, { bufnr = 0 })
  call s:wait('attached client', {-> luaeval('#vim.lsp.get_clients({ name = "reval", bufnr = 0 })') == 1})
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
  call assert_equal('', execute('messages'))
  call assert_match('^reval python3', reval#statusline())
endfunction

function! s:test_health_is_of_this_editor() abort
  if !has('nvim')
    return
  endif
  let path = $PATH
  let $PATH = fnamemodify(g:reval_command[0], ':h')
  try
    checkhealth reval
    call assert_equal(-1, match(getline(1, '$'), 'nvim\|Neovim on\|\<editor\>'), join(getline(1, '$'), "\n"))
    call assert_true(search('OK Neovim\|Neovim 0\.\d\+') > 0)
  finally
    let $PATH = path
    silent bwipeout!
  endtry
endfunction

function! s:test_long_message_is_cut_and_kept() abort
  call s:python(['6 * 7'])
  let command = g:reval_command
  let g:reval_command = [getcwd() .. '/' .. repeat('long/', 50) .. 'reval', 'lsp']
  1Reval
  let said = split(execute('messages'), "\n")[-1]
  call assert_match('^reval: .*long/.*…$', said)
  call assert_inrange(v:echospace - 1, v:echospace, strdisplaywidth(said))
  call assert_match('long/reval is not on PATH: go install', execute('RevalState'))
  let g:reval_command = command
endfunction

function! s:test_go_kernel() abort
  silent only
  edit! cell.go
  setlocal filetype=go
  call setline(1, ['x := 20', 'x + 22'])
  %Reval
  call s:wait_mark(2, '^⇒ 42$')
endfunction

" The scenarios with kernels that the editor does not start, which who runs them
" provides as editors/elsewhere_test.go does. A buffer has a project of its own, and
" so a server of its own.
function! s:elsewhere(lines) abort
  let s:number += 1
  messages clear " or what another test was told would be taken for this one's
  call mkdir('elsewhere' .. s:number .. '/.git', 'p')
  execute 'silent only | edit! elsewhere' .. s:number .. '/main.py'
  setlocal filetype=python
  call setline(1, a:lines)
  call cursor(1, 1)
endfunction

" Answers the next questions, one after the other. An answer is [what to see, what to
" type], or [pattern]: the first item of a list that matches is chosen.
function! s:answer(...) abort
  let s:answers = copy(a:000)
  if has('nvim')
    lua Select = Select or vim.ui.select
    lua vim.ui.select = function(items, _, done) local i = vim.fn.RevalTestPick(items); done(items[i], i) end
  endif
  call timer_start(10, function('s:answered'), {'repeat': -1})
endfunction

" What vim.ui.select is to choose, from 1; 0 is none.
function! RevalTestPick(items) abort
  return match(a:items, remove(s:answers, 0)[0]) + 1
endfunction

function! s:answered(timer) abort
  if empty(s:answers)
    call timer_stop(a:timer)
  elseif mode() =~# '^[cr]' && len(s:answers[0]) == 2 && (has('nvim') || s:screen(s:answers[0][0]) !=# '')
    call feedkeys(remove(s:answers, 0)[1], 't')
  elseif mode() =~# '^[cr]' && len(s:answers[0]) == 1 && !has('nvim')
    let number = matchstr(s:screen('^ *\d\+\. .*' .. s:answers[0][0]), '\d\+')
    if number !=# ''
      call remove(s:answers, 0)
      call feedkeys(number .. "\<CR>", 't')
    endif
  endif
endfunction

" The first row of the screen that matches.
function! s:screen(pattern) abort
  for row in range(1, &lines)
    let text = join(map(range(1, &columns), {_, col -> screenstring(row, col)}), '')
    if text =~# a:pattern
      return text
    endif
  endfor
  return ''
endfunction

function! s:cable(word) abort
  call writefile([a:word], $REVAL_TEST_CABLE, 'S') " a pipe has nothing to be synced
endfunction

function! s:token() abort
  return matchstr($REVAL_TEST_SERVER, 'token=\zs.*')
endfunction

function! s:address() abort
  return matchstr($REVAL_TEST_SERVER, '//\zs[^/]*')
endfunction

" Fails if the token of the server is where the user, or who comes after, would see it.
function! s:assert_token_is_secret() abort
  for history in [':', '@']
    for i in range(1, max([0, histnr(history)]))
      call assert_equal(-1, stridx(histget(history, i), s:token()), 'in history ' .. history)
    endfor
  endfor
  call assert_equal(-1, stridx(execute('messages') .. reval#statusline(), s:token()), 'on the screen')
endfunction

function! s:test_elsewhere_connection_lost_and_back() abort
  let go = tempname()
  call s:elsewhere(['x = 41', 'x + 1', 'import os, time', 'print("on", flush=True)',
        \ 'while not os.path.exists(' .. string(go) .. '): time.sleep(.01)', 'print("over")'])
  call s:answer(['python3  (Python 3'])
  execute 'RevalKernel' $REVAL_TEST_SERVER
  call s:wait('chosen kernel', {-> execute('messages') =~# 'reval: kernel Python 3 (ipykernel) on ' .. s:address()})
  1Reval
  2Reval
  call s:wait_mark(2, '^⇒ 42$')
  3,6Reval
  call s:wait('print', {-> s:has_output('^on$')})
  call s:wait('busy', {-> reval#statusline() ==# 'reval Python 3 (ipykernel) on ' .. s:address() .. ' ●busy'})
  call s:cable('cut')
  call s:wait('word of the loss', {-> execute('messages') =~# 'reval: the connection to http://' .. s:address() .. ' is lost'})
  call assert_equal('reval Python 3 (ipykernel) on ' .. s:address() .. ' ✗disconnected', reval#statusline())
  call s:wait('the server to notice', {-> filereadable($REVAL_TEST_CABLE .. '.cut')})
  call writefile([], go)
  call s:cable('join')
  call s:wait('the rest', {-> s:has_output('^over$')})
  call s:wait_mark(6, '^✓')
  call s:wait('word of it', {-> execute('messages') =~# 'reval: Python 3 (ipykernel) on ' .. s:address() .. ' is there again'})
  call s:assert_token_is_secret()
endfunction

function! s:test_elsewhere_url_is_typed_and_completed() abort
  call s:elsewhere(['6 * 7'])
  call s:answer(['python3  (Python 3'])
  call feedkeys(':RevalKernel ' .. $REVAL_TEST_SERVER .. "\<CR>", 'tx')
  call s:wait('chosen kernel', {-> execute('messages') =~# 'reval: kernel Python 3'})
  call assert_equal('RevalKernel http://' .. s:address() .. '/', histget(':', -1))
  call s:assert_token_is_secret()
  " Its token is known now.
  let server = 'http://' .. s:address()
  " Completion gives up where the server is slow.
  call s:wait('names', {-> index(reval#kernel#complete(server .. '/', '', 0), server .. '/api/kernelspecs/python3') > 0})
  let names = reval#kernel#complete(server .. '/', '', 0)
  call assert_match('^' .. server .. '/api/kernels/[-0-9a-f]\+$', names[0])
  call assert_equal([server .. '/api/kernelspecs/python3'], reval#kernel#complete(server .. '/api/kernelspecs/py', '', 0))
  call assert_equal([], reval#kernel#complete('http://lo', '', 0))
  execute 'RevalKernel' names[0]
  call s:wait('joined kernel', {-> execute('messages') =~# 'reval: kernel python3 (' .. names[0][strlen(server .. '/api/kernels/') :][: 7] .. ') on '})
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
endfunction

function! s:test_elsewhere_token_is_asked_for() abort
  call s:elsewhere(['6 * 7'])
  let url = 'http://' .. s:address() .. '/api/kernelspecs/python3'
  call s:type("wrong\<CR>")
  execute 'RevalKernel' url
  call s:wait('error', {-> execute('messages') =~# 'reval: .*the server refuses the'})
  call s:type(s:token() .. "\<CR>")
  execute 'RevalKernel' url
  call s:wait('chosen kernel', {-> execute('messages') =~# 'reval: kernel Python 3'})
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
  call s:assert_token_is_secret()
endfunction

function! s:test_elsewhere_server_is_chosen_from_the_list() abort
  call s:elsewhere(['6 * 7'])
  call s:answer(['a Jupyter server'], ['^URL (http', $REVAL_TEST_SERVER .. "\<CR>"], ['python3  (Python 3'])
  RevalKernel
  call s:wait('chosen kernel', {-> execute('messages') =~# 'reval: kernel Python 3'})
  call s:assert_token_is_secret()
endfunction

function! s:test_elsewhere_kernel_on_an_ssh_host() abort
  call s:elsewhere(['x = 41', 'x + 1', 'import os; print(os.environ["SSH_CONNECTION"])'])
  call s:answer(['python3  (Python 3'])
  execute 'RevalKernel' $REVAL_TEST_HOST
  let host = matchstr($REVAL_TEST_HOST, '//\zs[^:]*')
  call s:wait('chosen kernel', {-> execute('messages') =~# 'reval: kernel Python 3 (ipykernel) on ' .. host})
  1,2Reval
  call s:wait_mark(2, '^⇒ 42$')
  3Reval
  call s:wait('what only a kernel there prints', {-> s:has_output('^127\.0\.0\.1 ')})
  call assert_match('^reval Python 3 (ipykernel) on ' .. host .. ' \%(idle\|●busy\)$', reval#statusline())
endfunction

function! s:test_elsewhere_running_kernel_is_joined() abort
  call s:elsewhere(['attached'])
  let file = fnamemodify($REVAL_TEST_RUNNING, ':t')
  call assert_equal([$REVAL_TEST_RUNNING], reval#kernel#complete($REVAL_TEST_RUNNING[: -9], '', 0))
  call s:answer(['running: python3, started \d.*, process \d\+  (' .. file[7 : 14]])
  RevalKernel
  call s:wait('chosen kernel', {-> execute('messages') =~# 'reval: kernel python3 ' .. file[7 : 14]})
  1Reval
  call s:wait_mark(1, '^⇒ 42$')
  call assert_match('^reval python3 ' .. file[7 : 14] .. ' \%(idle\|●busy\)$', reval#statusline())
endfunction

" run.sh looks whether these processes are gone after the editor.
function! s:test_kernels_end_with_the_editor() abort
  call s:python(['import os; print("pids", os.getpid(), os.getppid())'])
  1Reval
  call s:wait('process numbers', {-> s:has_output('^pids \d\+ \d\+$')})
  let pids = matchstr(s:output(), '^pids \d\+ \d\+$')
  edit! pid.go
  setlocal filetype=go
  call setline(1, ['import "os"', 'os.Getpid()'])
  %Reval
  call s:wait_mark(2, '^⇒ \d\+$')
  call writefile([pids .. ' ' .. matchstr(s:mark(2), '\d\+')], $REVAL_TEST_REPORT, 'a')
endfunction

function! s:run(name) abort
  let v:errors = []
  messages clear
  let start = reltime()
  let watch = timer_start(s:limit, {-> s:stuck(a:name)})
  try
    call call(matchstr(execute('function /' .. a:name .. '$'), '<SNR>\d\+_' .. a:name), [])
  catch
    call add(v:errors, v:exception .. ' at ' .. v:throwpoint)
  endtry
  call timer_stop(watch)
  call writefile([printf('%s %s (%.1f s)', empty(v:errors) ? 'ok  ' : 'FAIL', a:name, reltimefloat(reltime(start)))]
        \ + map(copy(v:errors), {_, e -> '     ' .. e}), $REVAL_TEST_REPORT, 'a')
  return empty(v:errors)
endfunction

function! s:stuck(name) abort
  call writefile([printf('FAIL %s: stuck for %d s in mode %s, state %s', a:name, s:limit / 1000, mode(1), state())],
        \ $REVAL_TEST_REPORT, 'a')
  cquit!
endfunction

let s:names = filter(map(filter(readfile(expand('<sfile>')), {_, l -> l =~# '^function! s:test_'}),
      \ {_, l -> matchstr(l, 's:\zstest_\w\+')}), {_, name -> name =~# '\v' .. $REVAL_TEST_PATTERN
      \ && (name !~# '_elsewhere_' || $REVAL_TEST_SERVER !=# '')})

function! s:all(timer) abort
  set columns=250 " room for messages; Vim keeps to its terminal
  let failed = 0
  for name in s:names
    let failed += !s:run(name)
  endfor
  call writefile([failed ? failed .. ' failed' : 'all ' .. len(s:names) .. ' passed'], $REVAL_TEST_REPORT, 'a')
  execute failed ? 'cquit' : 'qall!'
endfunction

" From a timer: while a script is sourced the editor counts as busy.
call timer_start(1, function('s:all'))
