# Completion of bt for bash. It needs nothing but bash: bt completion bash prints it.

_bt() {
    local line=${COMP_LINE:0:${COMP_POINT:-0}} word=${2-} kind='' prefix='' value rest
    [ -n "$line" ] || line="${COMP_WORDS[*]}"
    COMPREPLY=()
    {
        IFS=$'\t' read -r kind prefix
        while IFS=$'\t' read -r value rest; do
            [ -z "$value" ] || COMPREPLY[${#COMPREPLY[@]}]=$value
        done
    } <<<"$(command bt __complete bash -- "$line" "$COMP_WORDBREAKS" </dev/null 2>/dev/null)"

    # Without compopt, which bash 3.2 does not have, bash completes names of files
    # itself where there is no reply.
    type compopt >/dev/null 2>&1 || return 0
    case $kind in
    part)
        compopt -o nospace
        return 0
        ;;
    files) set -- -f ;;
    directories) set -- -d ;;
    torrents)
        set -- -f -X '!*.[tT][oO][rR][rR][eE][nN][tT]'
        compopt -o plusdirs
        ;;
    *) return 0 ;;
    esac
    compopt -o filenames
    while IFS= read -r value; do
        [ -z "$value" ] || COMPREPLY[${#COMPREPLY[@]}]=$prefix$value
    done <<<"$(compgen "$@" -- "${word#"$prefix"}")"
    return 0
}

complete -o default -F _bt bt
