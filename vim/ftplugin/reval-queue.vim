" Keys of the list of what runs and waits. See :help reval-queue.
scriptencoding utf-8

if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

nnoremap <buffer> <silent> <CR> <Cmd>call reval#queue#jump()<CR>
nnoremap <buffer> <silent> <nowait> d <Cmd>call reval#queue#cancel()<CR>
nnoremap <buffer> <silent> <nowait> x <Cmd>call reval#queue#cancel()<CR>
nnoremap <buffer> <silent> <nowait> K <Cmd>call reval#queue#move(-1)<CR>
nnoremap <buffer> <silent> <nowait> J <Cmd>call reval#queue#move(1)<CR>
nnoremap <buffer> <silent> <M-Up> <Cmd>call reval#queue#move(-1)<CR>
nnoremap <buffer> <silent> <M-Down> <Cmd>call reval#queue#move(1)<CR>
nnoremap <buffer> <silent> <nowait> q <Cmd>close<CR>
nnoremap <buffer> <silent> <C-c> <Cmd>RevalInterrupt<CR>

let b:undo_ftplugin = 'nunmap <buffer> <CR>| nunmap <buffer> d| nunmap <buffer> x| nunmap <buffer> K'
      \ .. '| nunmap <buffer> J| nunmap <buffer> <M-Up>| nunmap <buffer> <M-Down>| nunmap <buffer> q| nunmap <buffer> <C-c>'
