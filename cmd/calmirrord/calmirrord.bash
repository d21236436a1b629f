# Completion of calmirrord(8) for bash.
_calmirrord()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    [[ $current == "=" ]] && current=
    [[ $previous == "=" ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
    case $previous in
    -c | --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --log-format)
        mapfile -t COMPREPLY < <(compgen -W "auto journal text json" -- "$current")
        return
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "-c --config= --check-config --print-config --resync --resync= \
        --log-format= -V --version -h --help" -- "$current")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o filenames -F _calmirrord calmirrord
