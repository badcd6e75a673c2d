//! `mtl doctor`, `rm` and `gc`: what is here, and what of it goes.

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
