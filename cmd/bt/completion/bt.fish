# Completion of bt for fish: bt completion fish prints it.

function __bt_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l answer (command bt __complete fish -- $words[2..-1] "$word" </dev/null 2>/dev/null)
    set -l head (string split \t -- $answer[1])
    set -l prefix "$head[2]"
    set -l kind $head[1]
    if contains -- "$kind" words part
        for value in $answer[2..-1]
            echo -- $prefix$value
        end
        return
    end

    # fish completes names of files for a command that it does not know.
    set -l path (string sub -s (math 1 + (string length -- "$prefix")) -- "$word")
    set -l files (complete -C "__bt_no_such_command $path")
    set -l wanted $files
    switch "$kind"
        case directories
            set wanted (string match -r '^.*/(?:\t.*)?$' -- $files)
        case torrents
            set wanted (string match -ri '^.*(?:\.torrent|/)(?:\t.*)?$' -- $files)
    end
    # Where none is right, such as a torrent of another name, all are.
    test -n "$wanted"; or set wanted $files
    for value in $wanted
        echo -- $prefix$value
    end
end

complete -c bt -f -k -a '(__bt_complete)'
