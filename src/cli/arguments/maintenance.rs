//! Arguments of `mtl doctor`, `mtl rm`, `mtl gc` and `mtl man`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// Download ONNX Runtime if it is missing
    #[arg(long)]
    pub fetch: bool,
    /// Read all stored bytes (database, artifacts, files of runs) and report what is damaged
    #[arg(long)]
    pub deep: bool,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RmArguments {
    /// Runs' names, unique prefixes of them, or `last`
    #[arg(required = true, value_name = "RUN")]
    pub names: Vec<String>,
}

#[derive(Debug, Args)]
pub struct GcArguments {
    /// Only print what would be removed
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
