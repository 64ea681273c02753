//! `in-toto completion`: scripts that let a shell complete commands and options.

use std::fmt::Write;

use super::pflag::Parsed;
use super::{COMMANDS, Command};
use crate::drop_in::log::print;

pub(super) fn act(parsed: &Parsed) -> Result<u8, String> {
    let [shell] = parsed.words.as_slice() else {
        return Err(format!("accepts 1 arg(s), received {}", parsed.words.len()));
    };
    print(&match shell.as_str() {
        "bash" => bash(),
        "zsh" => format!("#compdef in-toto\nautoload -U bashcompinit && bashcompinit\n{}", bash()),
        "fish" => fish(),
        "powershell" => powershell(),
        _ => return Err(format!("invalid argument {shell:?} for \"in-toto completion\"")),
    });
    Ok(0)
}

fn options(command: &Command) -> Vec<String> {
    let flags = command.flags.iter().flat_map(|flags| flags.iter());
    flags.map(|flag| format!("--{}", flag.name)).chain(["--help".to_owned()]).collect()
}

/// The words that may come first.
fn first_words() -> String {
    let mut words: Vec<&str> =
        COMMANDS.iter().filter_map(|command| command.name.split(' ').next()).collect();
    words.dedup();
    words.join(" ")
}

fn bash() -> String {
    let mut out =
        "_in_toto() {\n    local words\n    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n"
            .to_owned();
    for command in COMMANDS {
        let pattern = if command.name.contains(' ') {
            format!("'{}'", command.name)
        } else {
            format!("'{} '*", command.name)
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "        {pattern}) words='{}' ;;", options(command).join(" "));
    }
    let _ = write!(
        out,
        "        'record '*) words='start stop' ;;\n        'key '*) words='id layout' ;;\n        \
         *) words='{}' ;;\n    esac\n    \
         [ \"$COMP_CWORD\" -eq 1 ] && words='{0}'\n    \
         COMPREPLY=($(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n}}\n\
         complete -o default -F _in_toto in-toto\n",
        first_words()
    );
    out
}

fn fish() -> String {
    let mut out = format!("complete -c in-toto -n __fish_use_subcommand -a '{}'\n", first_words());
    for command in COMMANDS {
        let mut words = command.name.split(' ');
        let seen = words.next().unwrap_or_default();
        for word in words {
            let _ = writeln!(
                out,
                "complete -c in-toto -n '__fish_seen_subcommand_from {seen}' -a {word}"
            );
        }
        for option in options(command) {
            let option = option.trim_start_matches('-');
            let _ = writeln!(
                out,
                "complete -c in-toto -n '__fish_seen_subcommand_from {seen}' -l {option}"
            );
        }
    }
    out
}

fn powershell() -> String {
    let mut out = "Register-ArgumentCompleter -Native -CommandName in-toto -ScriptBlock {\n    \
        param($word, $line)\n    $words = switch -Regex (\"$line\") {\n"
        .to_owned();
    for command in COMMANDS {
        let quoted: Vec<String> =
            options(command).iter().map(|option| format!("'{option}'")).collect();
        let _ = writeln!(out, "        '^in-toto {} ' {{ {} }}", command.name, quoted.join(", "));
    }
    let firsts: Vec<String> = first_words().split(' ').map(|word| format!("'{word}'")).collect();
    let _ = write!(
        out,
        "        default {{ {} }}\n    }}\n    $words | Where-Object {{ $_ -like \"$word*\" }}\n}}\n",
        firsts.join(", ")
    );
    out
}
