//! `mtl man [COMMAND]`: manual pages, made of what `--help` is made of.

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::arguments::{Arguments, ManArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output;
use crate::domain::diagnostic::suggestion;
use crate::run::publish;

pub fn perform(args: &ManArguments) -> Result<ExitStatus, CliError> {
    if let Some(folder) = &args.to {
        let mut written = 0;
        write(&every_command(), folder, &mut written)?;
        output::print(&format!("{written} pages written into {}", folder.display()))?;
        return Ok(ExitStatus::Done);
    }
    let page = page(find(&every_command(), &args.command)?)?.1;
    output::pipe(|out| out.write_all(&page)).map(|()| ExitStatus::Done)
}

/// `mtl`, with whatever clap adds to it. `help` has no page: it prints what is in the others.
fn every_command() -> clap::Command {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    command
}

/// The command that is called so: `sweep status` is a command of a command.
fn find<'a>(all: &'a clap::Command, names: &[String]) -> Result<&'a clap::Command, CliError> {
    let mut command = all;
    for name in names {
        command = command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let help = suggestion(name, &known).map(|help| format!("; {help}")).unwrap_or_default();
            CliError::Usage(format!("`{}` has no command `{name}`{help}", command.get_name()))
        })?;
    }
    Ok(command)
}

/// The name and text of a command's page.
fn page(command: &clap::Command) -> Result<(String, Vec<u8>), CliError> {
    // An empty date would be written as no word at all, and the next word taken for it.
    let page = Man::new(command.clone()).date(" ").manual("mtl manual");
    let page = page.source(concat!("mtl ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    page.render(&mut text).map_err(CliError::Output)?;
    Ok((page.get_filename(), text))
}

/// Writes the page of a command and those of its commands.
fn write(command: &clap::Command, folder: &Path, written: &mut usize) -> Result<(), CliError> {
    let (name, text) = page(command)?;
    publish::write(&folder.join(name), &text)?;
    *written += 1;
    command.get_subcommands().try_for_each(|inner| write(inner, folder, written))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{every_command, find, page};
    use crate::cli::arguments::Arguments;

    fn text(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        String::from_utf8(page(find(&every_command(), &names).unwrap()).unwrap().1).unwrap()
    }

    #[test]
    fn clap_finds_no_fault_in_the_command_line() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_page_has_every_option_of_its_command() {
        let all = every_command();
        let mut seen = 0;
        for command in all.get_subcommands() {
            let text = text(&[command.get_name()]);
            for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
                let Some(long) = option.get_long() else { continue };
                // A hyphen that is no end of a line is `\-` in a page.
                let long = format!(r"\-\-{}", long.replace('-', r"\-"));
                assert!(text.contains(&long), "{}: {long}\n{text}", command.get_name());
                seen += 1;
            }
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn pages_bear_the_whole_names_of_their_commands() {
        let all = every_command();
        let status = ["sweep".to_owned(), "status".to_owned()];
        assert_eq!(page(find(&all, &status).unwrap()).unwrap().0, "mtl-sweep-status.1");
        let (name, text) = page(&all).unwrap();
        let title = concat!(".TH mtl 1 \" \" \"mtl ", env!("CARGO_PKG_VERSION"), "\" \"mtl manual\"\n");
        assert!(name == "mtl.1" && String::from_utf8(text).unwrap().contains(title), "{title}");
        assert!(!all.get_subcommands().any(|command| command.get_name() == "help"));
        let error = find(&all, &["rnu".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("`mtl` has no command `rnu`") && error.contains("`run`"), "{error}");
    }
}
