" The one seam between what Vim and Neovim share and what each does in its own
" way.  The functions behind it, in Vim9 script and in Lua, with the same names
" and arguments:
"
"   attach(bufnr)                    start or find the server, open the document;
"                                    answers its URI, or '' after telling why not
"   request(bufnr, token, method, params)
"                                    reval#client#reply(token, error, result) follows
"   request_sync(bufnr, method, params, ms)
"                                    the result, or v:null after ms milliseconds
"   notify(bufnr, method, params)
"   detach(bufnr)                    close the document
"   standalone(bufnr)                whether the server's kernels end with it
"   last_words(line)                 say it in the terminal, where it stays after the editor
"   mark(bufnr, id, lnum, text, group)
"                                    virtual text after line lnum; id is 0 or the
"                                    mark to replace; answers the new id
"   mark_line(bufnr, id)             the line where a mark stands now, 0 if nowhere
"   unmark(bufnr, id)
"   marks(bufnr)                     [mark, text of its line] of every mark that stands
"   marks_around(bufnr, lnum)        the nearest mark from the line on, and before it
"   exact(bufnr, version)            whether that version of the document is the buffer's
"                                    text as it is now
"   paint(bufnr, first, last, items) highlight lines first..last with nothing but
"                                    items: [lnum, byte column, end column, group],
"                                    from 1, the end exclusive
"   float(lines, items, title)       show text at the cursor; items as for paint
"   decode(base64, path)             write decoded bytes to a file
"   spawn(argv)                      start a program without a shell;
"                                    reval#picture#opened(argv, status) follows its end
"
" Lines count from 1 here, as in Vim script; positions in params from 0, as in LSP,
" with characters in UTF-8 code units: bytes.
scriptencoding utf-8

if has('nvim')
  function! reval#editor#call(name, ...) abort
    return luaeval('require("reval")[_A[1]](unpack(_A[2]))', [a:name, a:000])
  endfunction
else
  function! reval#editor#call(name, ...) abort
    return call('reval#vim9#' .. toupper(a:name[0]) .. a:name[1 :], a:000)
  endfunction
endif
