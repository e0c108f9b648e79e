#compdef bt
# Completion of bt for zsh: bt completion zsh prints it.

_bt() {
    local kind prefix line
    local -a answer values blank
    answer=("${(@f)$(command bt __complete zsh -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" </dev/null 2>/dev/null)}")
    kind=${answer[1]%%$'\t'*}
    prefix=${answer[1]#*$'\t'}
    [[ -z $prefix ]] || compset -P "${(b)prefix}" || return 1
    case $kind in
    files) _files ;;
    directories) _files -/ ;;
    torrents) _files -g '(#i)*.torrent(-.)' ;;
    words | part)
        for line in "${(@)answer[2,-1]}"; do
            value=${${line%%$'\t'*}//\\/\\\\}
            values+=("${value//:/\\:}:${line#*$'\t'}")
        done
        [[ $kind == words ]] || blank=(-S '')
        _describe -t values bt values "${(@)blank}"
        ;;
    *) _files ;;
    esac
}

# The file may be in a directory of fpath, or be sourced.
if [[ ${funcstack[1]} == _bt ]]; then
    _bt "$@"
else
    compdef _bt bt
fi
