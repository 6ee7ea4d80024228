" Keys of the output buffer. See :help reval-output.
scriptencoding utf-8

if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

nnoremap <buffer> <silent> <CR> <Cmd>call reval#output#jump()<CR>
nnoremap <buffer> <silent> <nowait> o <Cmd>call reval#output#picture()<CR>
nnoremap <buffer> <silent> <nowait> q <Cmd>close<CR>
nnoremap <buffer> <silent> <C-c> <Cmd>RevalInterrupt<CR>
nnoremap <buffer> <silent> ]] <Cmd>call search('^── ', 'W')<CR>
nnoremap <buffer> <silent> [[ <Cmd>call search('^── ', 'bW')<CR>

let b:undo_ftplugin = 'nunmap <buffer> <CR>| nunmap <buffer> o| nunmap <buffer> q'
      \ .. '| nunmap <buffer> <C-c>| nunmap <buffer> ]]| nunmap <buffer> [['
