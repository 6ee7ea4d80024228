" reval: evaluate code in a live kernel.  Commands and <Plug> maps; everything
" else is loaded at first use.  See :help reval.
scriptencoding utf-8

if exists('g:loaded_reval')
  finish
endif
let g:loaded_reval = 1

let s:commands = ['Reval', 'RevalCell', 'RevalFile', 'RevalToHere', 'RevalDefinition',
      \ 'RevalInterrupt', 'RevalRestart', 'RevalShutdown', 'RevalRestore', 'RevalCancel', 'RevalKernel', 'RevalInspect',
      \ 'RevalOutput', 'RevalClear', 'RevalNextCell', 'RevalPrevCell', 'RevalYank',
      \ 'RevalState', 'RevalDoctor', 'RevalInput', 'RevalQueue']

" An editor that is too old gets one clear line from every command, and no more.
let s:supported = has('nvim') ? has('nvim-0.10')
      \ : has('patch-9.0.1378') && has('job') && has('channel') && has('textprop') && has('timers')
if !s:supported
  for s:name in s:commands
    execute 'command! -bar -bang -range -nargs=*' s:name
          \ 'echohl ErrorMsg | echomsg "reval: needs Neovim 0.10, or Vim 9.0.1378 with +channel and +textprop: this editor is too old" | echohl None'
  endfor
  finish
endif

command! -bar -range Reval if <range> | call reval#range(<line1>, <line2>) | else | call reval#unit('line') | endif
command! -bar RevalCell call reval#unit('cell')
command! -bar -nargs=* -complete=file RevalFile call reval#unit('file', <f-args>)
command! -bar RevalToHere call reval#unit('toHere')
command! -bar RevalDefinition call reval#unit('definition')
command! -bar RevalInterrupt call reval#interrupt()
command! -bar RevalRestart call reval#restart()
command! -bar RevalShutdown call reval#shutdown()
command! -bar RevalRestore call reval#restore()
command! -bar RevalCancel call reval#cancel()
command! -bar RevalQueue call reval#queue#show()
command! -nargs=? -complete=customlist,reval#kernel#complete RevalKernel call reval#kernel#select(<q-args>)
command! -bar -bang RevalInspect call reval#inspect#show(<bang>0)
command! -bar -bang RevalOutput call reval#output#command(<bang>0)
command! -bar -range RevalClear call reval#clear(<range>, <line1>, <line2>)
command! -bar -count=1 RevalNextCell call reval#cell#jump(<count>)
command! -bar -count=1 RevalPrevCell call reval#cell#jump(-<count>)
command! -bar -register RevalYank call reval#results#yank(<q-reg>)
command! -nargs=? RevalInput call reval#input#command(<q-args>, <q-args> !=# '')
command! -bar RevalState call reval#kernel#show()
command! -bar RevalDoctor call reval#kernel#doctor()

nnoremap <silent> <expr> <Plug>(reval-eval) reval#operator#start()
xnoremap <silent> <expr> <Plug>(reval-eval) reval#operator#start()
nnoremap <silent> <expr> <Plug>(reval-eval-line) v:count ? reval#operator#start() .. '_' : reval#operator#unit('line')
nnoremap <silent> <expr> <Plug>(reval-eval-cell) reval#operator#unit('cell')
nnoremap <silent> <Plug>(reval-eval-cell-next) <Cmd>call reval#cell#evaluate_and_jump()<CR>
nnoremap <silent> <expr> <Plug>(reval-eval-definition) reval#operator#unit('definition')
nnoremap <silent> <Plug>(reval-eval-file) <Cmd>RevalFile<CR>
nnoremap <silent> <Plug>(reval-eval-to-here) <Cmd>RevalToHere<CR>
nnoremap <silent> <Plug>(reval-interrupt) <Cmd>RevalInterrupt<CR>
nnoremap <silent> <Plug>(reval-input) <Cmd>RevalInput<CR>
nnoremap <silent> <Plug>(reval-queue) <Cmd>RevalQueue<CR>
nnoremap <silent> <Plug>(reval-inspect) <Cmd>call reval#inspect#key()<CR>
nnoremap <silent> <Plug>(reval-output) <Cmd>RevalOutput<CR>
nnoremap <silent> <Plug>(reval-show) <Cmd>RevalOutput!<CR>
nnoremap <silent> <Plug>(reval-yank) <Cmd>execute 'RevalYank' v:register<CR>
for s:mode in ['n', 'x', 'o']
  execute s:mode .. 'noremap <silent> <Plug>(reval-next-cell) <Cmd>call reval#cell#jump(v:count1)<CR>'
  execute s:mode .. 'noremap <silent> <Plug>(reval-prev-cell) <Cmd>call reval#cell#jump(-v:count1)<CR>'
endfor

" The groups stand here so that a colour scheme or a vimrc may set them first.
highlight default link RevalResult Comment
highlight default link RevalError ErrorMsg
highlight default link RevalRunning WarningMsg
highlight default link RevalQueued NonText
highlight default link RevalStale NonText
highlight default link RevalLost WarningMsg
highlight default link RevalHeader Title
highlight default link RevalStderr WarningMsg
highlight default link RevalPicture Directory

" Where daemons have their sockets, on Linux and on macOS.
let s:runtime = (empty($XDG_RUNTIME_DIR) ? '' : escape($XDG_RUNTIME_DIR, ', ') .. '/reval,')
      \ .. '~/.local/share/jupyter/runtime,~/Library/Jupyter/runtime'

augroup reval
  autocmd!
  autocmd FileType * if get(g:, 'reval_default_maps', 0) | call reval#maps#buffer() | endif
  " Where a daemon runs, one of its sessions may have results of the file.
  autocmd FileType * if get(g:, 'reval_join', 1) && !empty(globpath(s:runtime, 'daemon-*.sock'))
        \ | call reval#join#look(str2nr(expand('<abuf>'))) | endif
augroup END
