# For test_completion.sh: complete.zsh DIR LINE: what zsh, with the functions in DIR, offers behind LINE. Its line editor runs in
# a pseudo-terminal, and compadd hands over what matches.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= RPS1=; PATH='$PATH'; fpath=('$1' \$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' verbose no
compadd() { local -a got; builtin compadd -O got \"\$@\"; (( \$#got )) && print -rl -- '<'\${^got}'>'; builtin compadd \"\$@\" }
finish() { zle complete-word; print -r -- '<<end>>'; zle send-break }; zle -N finish; bindkey '^T' finish; print -r ready-now'<<'"
zpty -r shell text '*ready-now<<*'
zpty -w -n shell "$2"$'\x14'
zpty -r shell text '*<<end>>*'
print -r -- "$text" | tr -d '\r' | grep -oE '<[^<>]+>' | tr -d '<>' | grep -vx end | sort -u
zpty -d shell
