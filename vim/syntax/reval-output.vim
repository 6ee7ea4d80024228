" Header lines only: everything else is coloured as the kernel says.
scriptencoding utf-8

if exists('b:current_syntax')
  finish
endif
let b:current_syntax = 'reval-output'

setlocal synmaxcol=300
syntax match revalHeader /^── .* ──$/
highlight default link revalHeader RevalHeader
