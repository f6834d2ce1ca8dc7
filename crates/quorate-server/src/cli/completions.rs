//! `quorate completions`: what a shell needs to complete this command line.

use clap_complete::Shell;

use super::exit::{Done, Exit, print};

/// The arguments of `quorate completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  quorate completions bash > /etc/bash_completion.d/quorate
  quorate completions zsh > \"${fpath[1]}/_quorate\"
  quorate completions fish > ~/.config/fish/completions/quorate.fish")]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

pub fn run(arguments: &Arguments, mut program: clap::Command) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "quorate", &mut script);
    print(String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
