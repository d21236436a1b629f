# Completion of calmirror(1) for bash.
_calmirror()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" verb="" word
    local common="-c --config= --api= -h --help"
    [[ $current == "=" ]] && current=
    [[ $previous == "=" ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
    case $previous in
    -c | --config | --api | --append)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    -f | --from | -t | --to)
        mapfile -t COMPREPLY < <(compgen -W "now today tomorrow" -- "$current")
        return
        ;;
    esac
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $command-$word in
        -status | -resync | -verify | -calendars | -events | -agenda | -watch | -client | -hooks | -doctor | -login | -logout | -key | -version | -help) command=$word ;;
        client-add | client-list | hooks-retry | hooks-drop | key-rotate) verb=$word && break ;;
        esac
    done
    case $command-$verb in
    -) word="status resync verify calendars events agenda watch client hooks doctor login logout key version help -V --version $common" ;;
    status-) word="-j --json -a --account= --all $common" ;;
    calendars- | doctor- | version- | client-list | hooks-retry | hooks-drop | key-rotate) word="-j --json $common" ;;
    resync-) word="-j --json -a --account= -w --wait $common" ;;
    verify-) word="-j --json -a --account= -i --instances -f --from= -t --to= $common" ;;
    events-) word="-j --json -f --from= -t --to= $common" ;;
    agenda-) word="-j --json -f --from= -t --to= --calendar= --watch $common" ;;
    watch-) word="-j --json -a --account= --calendar= -x --exec= $common" ;;
    hooks-) word="retry drop -j --json $common" ;;
    client-) word="add list -h --help" ;;
    client-add) word="-j --json -a --account= --calendar= --freebusy-only --origin= --expires= --admin --append= $common" ;;
    login-) word="-j --json -a --account= --port= --no-browser --acl $common" ;;
    logout-) word="-j --json -a --account= --force $common" ;;
    key-) word="rotate -h --help" ;;
    help-) word="status resync verify calendars events agenda watch client hooks doctor login logout key version help" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o filenames -F _calmirror calmirror
