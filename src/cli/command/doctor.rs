//! `mtl doctor`: what this machine has: devices, threads, ONNX Runtime, the database.

use serde_json::json;

use crate::cli::arguments::{Arguments, Doctor};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{kept, output, workspace};
use crate::run::machine;
use crate::store::Store;

pub fn perform(arguments: &Arguments, words: &Doctor) -> Result<Exit, Error> {
    let layout = workspace::layout(arguments);
    let path = layout.database();
    let runtime = machine::runtime(words.fetch, &|line| output::tell(line));
    let database = match path.exists() {
        false => Ok("none yet".to_owned()),
        true => match Store::open_read_only(&path).and_then(|store| store.runs()) {
            Ok(runs) => Ok(format!("{} runs", runs.len())),
            Err(error) => Err(error.to_string()),
        },
    };
    let kept = (words.deep && path.exists()).then(|| kept::everything(&layout));
    let devices = machine::devices();
    let (threads, cores) = (machine::threads(), std::thread::available_parallelism().map_or(1, usize::from));
    let kernels = machine::kernels().map_err(Error::Usage)?;
    let version = env!("CARGO_PKG_VERSION");
    if words.json {
        output::print_json(&json!({
            "mtl": version,
            "threads": threads,
            "cores": cores,
            "kernels": kernels,
            "devices": devices,
            "onnx_runtime": {"found": runtime.as_ref().ok(), "problem": runtime.as_ref().err()},
            "database": {"path": path, "state": database.as_ref().ok(), "problem": database.as_ref().err()},
            "kept": kept.as_ref().map(kept::Checked::json),
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
            Ok(found) => {
                format!("onnx runtime  {} at {} ({})", found.version, found.path.display(), found.how)
            }
            Err(problem) => {
                format!("onnx runtime  MISSING: {problem}\n              `mtl doctor --fetch` fetches it")
            }
        });
        let state = database.as_ref().unwrap_or_else(|problem| problem);
        lines.push(format!("database      {}: {state}", path.display()));
        lines.extend(kept.iter().map(kept::Checked::text));
        output::print(&lines.join("\n"))?;
    }
    let whole = kept.is_none_or(|kept| kept.is_whole());
    Ok(if runtime.is_ok() && database.is_ok() && whole { Exit::Done } else { Exit::Failed })
}
