//! `mtl verify BUNDLE`: checks that the model is still the one that was trained. Needs neither the data nor
//! the run. For a run, all its stored files are also read.

use serde_json::json;

use crate::cli::arguments::{Arguments, VerifyArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{integrity, output, run_selector, workspace};
use crate::report::number::tiny;

pub fn perform(arguments: &Arguments, args: &VerifyArguments) -> Result<ExitStatus, CliError> {
    let integrity = match run_selector::run_of_model(arguments, &args.bundle)? {
        Some((store, run)) => Some(integrity::of_run(&workspace::layout(arguments), &store.run(&run)?)),
        None => None,
    };
    if let Some(integrity) = integrity.as_ref().filter(|integrity| !integrity.is_intact()) {
        match args.json {
            true => output::print_json(&json!({"kept": integrity.json()}))?,
            false => output::print(&format!("{}: DAMAGED\n{}", args.bundle, integrity.text()))?,
        }
        return Ok(ExitStatus::Failed);
    }
    let parity = run_selector::bundle(arguments, &args.bundle)?.verify(&|line| output::print_error(line))?;
    let equal = !parity.is_broken();
    if args.json {
        let mut report = serde_json::to_value(&parity).unwrap_or_default();
        if let Some(integrity) = &integrity {
            report["kept"] = integrity.json();
        }
        output::print_json(&report)?;
    } else {
        let batches: Vec<String> = parity.batches.iter().map(ToString::to_string).collect();
        let mut text = format!(
            "{}: {}, ONNX Runtime {}, batches of {} rows\n",
            args.bundle,
            match (equal, parity.holds()) {
                (true, true) => "verified",
                (true, false) => "rounded weights, beyond the tolerance",
                (false, _) => "DIFFERS from the trained model",
            },
            parity.runtime.as_deref().unwrap_or("?"),
            batches.join(" and ")
        );
        for output in &parity.outputs {
            text += &format!("  {:<32} max difference {}\n", output.output, tiny(output.largest));
        }
        text += &format!("  tolerance {:.0e}", parity.tolerance);
        if let Some(integrity) = &integrity {
            text += &format!("\n{}", integrity.text());
        }
        output::print(&text)?;
    }
    Ok(if equal { ExitStatus::Done } else { ExitStatus::Parity })
}
