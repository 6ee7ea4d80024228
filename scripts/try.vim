" `make try`: the plugin of this checkout and nothing of the user's, for Vim and Neovim.
set nocompatible
let &runtimepath = $REVAL_TRY_ROOT .. '/vim,' .. $VIMRUNTIME
if has('nvim') " its parsers, which floating windows with Markdown need
  let &runtimepath ..= ',' .. fnamemodify(v:progpath, ':p:h:h') .. '/lib/nvim'
endif
let &packpath = $VIMRUNTIME
set encoding=utf-8 hidden noswapfile nobackup laststatus=2 mouse=a
let mapleader = ' '
let maplocalleader = '\'
let g:reval_command = [$REVAL_TRY_BIN, 'lsp'] + split($REVAL_TRY_FLAGS)
let g:reval_default_maps = 1
filetype plugin indent on
syntax on
