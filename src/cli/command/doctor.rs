//! `mtl doctor`: devices, threads, ONNX Runtime and the database of this machine.

use serde_json::json;

use crate::cli::arguments::{Arguments, DoctorArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{integrity, output, workspace};
use crate::run::machine;
use crate::store::ResultsDatabase;

pub fn perform(arguments: &Arguments, args: &DoctorArguments) -> Result<ExitStatus, CliError> {
    let layout = workspace::layout(arguments);
    let path = layout.database();
    let runtime = machine::runtime(args.fetch, &|line| output::print_error(line));
    let database = match path.exists() {
        false => Ok("not created yet".to_owned()),
        true => match ResultsDatabase::open_read_only(&path).and_then(|store| store.runs()) {
            Ok(runs) => Ok(format!("{} runs", runs.len())),
            Err(error) => Err(error.to_string()),
        },
    };
    let integrity = (args.deep && path.exists()).then(|| integrity::everything(&layout));
    let devices = machine::devices();
    let (threads, cores) = (machine::threads(), std::thread::available_parallelism().map_or(1, usize::from));
    let kernels = machine::kernels().map_err(CliError::Usage)?;
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        output::print_json(&json!({
            "mtl": version,
            "threads": threads,
            "cores": cores,
            "kernels": kernels,
            "devices": devices,
            "onnx_runtime": {"found": runtime.as_ref().ok(), "problem": runtime.as_ref().err()},
            "database": {"path": path, "state": database.as_ref().ok(), "problem": database.as_ref().err()},
            "kept": integrity.as_ref().map(integrity::IntegrityReport::json),
        }))?;
    } else {
        let mut lines =
            vec![format!("mtl           {version}"), format!("threads       {threads} of {cores} cores")];
        lines.push(format!("kernels       {kernels}"));
        for device in devices {
            let state = device.problem.unwrap_or_else(|| "usable".to_owned());
            lines.push(format!("device        {}: {state}", device.name));
        }
        lines.push(match &runtime {
            Ok(library) => {
                format!("onnx runtime  {} at {} ({})", library.version, library.path.display(), library.how)
            }
            Err(problem) => {
                format!("onnx runtime  MISSING: {problem}\n              `mtl doctor --fetch` downloads it")
            }
        });
        let state = database.as_ref().unwrap_or_else(|problem| problem);
        lines.push(format!("database      {}: {state}", path.display()));
        lines.extend(integrity.iter().map(integrity::IntegrityReport::text));
        output::print(&lines.join("\n"))?;
    }
    let is_intact = integrity.is_none_or(|integrity| integrity.is_intact());
    Ok(if runtime.is_ok() && database.is_ok() && is_intact { ExitStatus::Done } else { ExitStatus::Failed })
}
