//! `mtl doctor`, `rm`, `gc` and `man`: what is here, what of it goes, and how to use it.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// Fetch ONNX Runtime if it is missing
    #[arg(long)]
    pub fetch: bool,
    /// Read every byte that is kept (the database, artifacts, files of runs) and name what is damaged
    #[arg(long)]
    pub deep: bool,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RmArguments {
    /// Runs' names, unique beginnings of them, or `last`
    #[arg(required = true, value_name = "RUN")]
    pub names: Vec<String>,
}

#[derive(Debug, Args)]
pub struct GcArguments {
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ManArguments {
    /// A command, such as `run` or `sweep status` [default: mtl itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this folder, such as ~/.local/share/man/man1
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub to: Option<PathBuf>,
}
