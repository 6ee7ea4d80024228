" What the tests' editor starts with: nothing but the plugin.
set nocompatible encoding=utf-8 hidden nomore shortmess+=I noswapfile
let &runtimepath = expand('<sfile>:p:h:h') .. ',' .. &runtimepath
filetype plugin on
syntax on
let g:reval_command = [$REVAL_BIN, 'lsp', '--standalone']
nmap gz <Plug>(reval-eval)
xmap gz <Plug>(reval-eval)
nmap gzz <Plug>(reval-eval-line)
nmap gZ <Plug>(reval-eval-cell)
nmap gN <Plug>(reval-eval-cell-next)
nmap ]r <Plug>(reval-next-cell)
nmap [r <Plug>(reval-prev-cell)
set omnifunc=reval#omni#complete
