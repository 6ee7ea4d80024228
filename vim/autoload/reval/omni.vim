" omnifunc=reval#omni#complete: names from the running namespace.
scriptencoding utf-8

" LSP CompletionItemKind → Vim's one letter.
let s:kinds = {2: 'm', 3: 'f', 4: 'f', 5: 'm', 6: 'v', 7: 't', 8: 't', 9: 'm', 10: 'm', 12: 'v',
      \ 13: 't', 14: 'd', 21: 'v', 22: 't'}
let s:items = []

" See :help complete-functions. The first call asks, because the server says where
" the completed text starts; the second one answers from that.
function! reval#omni#complete(findstart, base) abort
  if a:findstart
    return s:ask()
  endif
  let words = filter(copy(s:items), {_, item -> stridx(tolower(item.word), tolower(a:base)) == 0})
  return {'words': words, 'refresh': 'always'}
endfunction

" The column where completion starts, or -2 (no completion, silently) if there is none.
function! s:ask() abort
  let s:items = []
  let uri = reval#client#attach(bufnr('%'))
  if uri ==# ''
    return -3
  endif
  let result = reval#editor#call('request_sync', bufnr('%'), 'textDocument/completion',
        \ {'textDocument': {'uri': uri}, 'position': reval#position()}, reval#config#get('complete_timeout'))
  let list = type(result) == v:t_dict ? result.items : type(result) == v:t_list ? result : []
  if empty(list)
    return -2
  endif
  let before = strpart(getline('.'), 0, col('.') - 1)
  let start = strlen(before) - strlen(matchstr(before, '\k*$'))
  for item in list
    let edit = get(item, 'textEdit', {})
    if has_key(edit, 'range') && edit.range.start.line == line('.') - 1
      let start = edit.range.start.character
      break
    endif
  endfor
  let s:items = map(copy(list), {_, item -> s:item(item)})
  augroup reval_omni
    autocmd! * <buffer>
    autocmd CompleteDone <buffer> ++once call s:done(v:completed_item)
  augroup END
  return start
endfunction

" Makes the edits that come with what was chosen, such as an import: the server puts whole
" lines in front of others.
function! s:done(chosen) abort
  let edits = get(a:chosen, 'user_data', [])
  for edit in type(edits) == v:t_list ? edits : []
    call append(edit.range.start.line, split(edit.newText, "\n", 1)[: -2])
  endfor
endfunction

function! s:item(item) abort
  let details = get(a:item, 'labelDetails', {})
  let menu = get(a:item, 'detail', '')
  let documentation = get(a:item, 'documentation', '')
  return {
        \ 'word': has_key(a:item, 'textEdit') ? a:item.textEdit.newText : get(a:item, 'insertText', a:item.label),
        \ 'abbr': a:item.label,
        \ 'kind': get(s:kinds, get(a:item, 'kind', 0), ''),
        \ 'menu': menu ==# '' ? get(details, 'detail', '') .. get(details, 'description', '') : menu,
        \ 'info': type(documentation) == v:t_dict ? documentation.value : documentation,
        \ 'user_data': get(a:item, 'additionalTextEdits', []),
        \ 'icase': 1, 'dup': 1}
endfunction
