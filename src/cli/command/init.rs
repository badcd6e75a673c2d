//! `mtl init DATA --target a,b`: writes a first pipeline for the columns of a file.

use std::path::{Path, PathBuf};

use crate::cli::arguments::InitArguments;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output;
use crate::disk::whole_file::same_file;
use crate::run::{draft, publish};

pub fn perform(args: &InitArguments) -> Result<ExitStatus, CliError> {
    let stem = args.data.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = stem.split('.').next().unwrap_or("pipeline").to_owned();
    let to = args.to.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.yaml")));
    if to.exists() && !args.force {
        return Err(CliError::Failed(format!("{} already exists; --force replaces it", to.display())));
    }
    if same_file(&args.data, &to) || to.is_dir() {
        let what = if to.is_dir() { "a folder" } else { "the data file" };
        return Err(CliError::Usage(format!("{} is {what}; choose another file with --to", to.display())));
    }
    let data = relative(&args.data, &to);
    let drafted = draft::draft(&args.data, &data, &name, &args.target)?;
    publish::write(&to, drafted.text.as_bytes())?;
    let (messages, to) = (drafted.messages.join("\n"), to.display());
    output::print(&format!("{messages}\nwrote {to}\nnext: mtl run {to}"))?;
    Ok(ExitStatus::Done)
}

/// The data path relative to the folder of the pipeline.
fn relative(data: &Path, pipeline: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (data, pipeline) = (absolute(data), absolute(pipeline));
    let folder = pipeline.parent().unwrap_or(Path::new("/"));
    let shared = data.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().count() - shared;
    let mut path = PathBuf::new();
    path.extend(std::iter::repeat_n("..", up));
    path.extend(data.components().skip(shared));
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::relative;

    #[test]
    fn data_paths_are_relative_to_the_pipelines_folder() {
        assert_eq!(relative(Path::new("/a/b/rows.csv"), Path::new("/a/p.yaml")), "b/rows.csv");
        assert_eq!(relative(Path::new("/a/rows.csv"), Path::new("/a/b/c/p.yaml")), "../../rows.csv");
    }
}
