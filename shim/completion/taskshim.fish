# Completion of taskshim for fish. What verbs and options there are is asked of taskshim itself, so that it cannot differ.

# The verb on the command line, or nothing.
function __taskshim_verb
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case --root --log --log-format --cgroup-manager --rootless --spawn-daemon
                set skip yes
            case '-*'
            case '*'
                echo $word
                return 0
        end
    end
    return 1
end

# The program and its --root, as they were typed.
function __taskshim_program
    set -l words (commandline -opc)
    echo $words[1]
    set -l at (contains -i -- --root $words); and echo --root; and echo $words[(math $at + 1)]
end

function __taskshim_verbs
    set -l program (commandline -opc)[1]
    $program --help 2>/dev/null | sed -n '/^verbs:/,/^$/s/^  \([a-z][a-z]*\)  *\(.*\)/\1\t\2/p'
end

function __taskshim_options
    set -l program (commandline -opc)[1]
    begin
        $program (__taskshim_verb) --help 2>/dev/null
        echo --help
    end | string match -ra -- '(?<![a-z-])--?[a-z][a-z-]*' | sort -u
end

# Whether the verb's synopsis has the ID of a task that there is: that of run and create is new.
function __taskshim_takes_task
    set -l verb (__taskshim_verb); or return 1
    contains -- $verb run create; and return 1
    set -l program (commandline -opc)[1]
    $program $verb --help 2>/dev/null | string match -rq -- '^(usage:|       taskshim).*[][ |](ID|IDSTRING)([][ .|]|$)'
end

function __taskshim_tasks
    set -l program (__taskshim_program)
    $program list -q 2>/dev/null
end

complete -c taskshim -n 'not __taskshim_verb >/dev/null' -f -a '(__taskshim_verbs)'
complete -c taskshim -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__taskshim_options)'
complete -c taskshim -n __taskshim_takes_task -a '(__taskshim_tasks)'
