//! `mtl verify BUNDLE`: is the model still the one that was trained? Works anywhere; needs neither the data
//! nor the run. Of a run, everything that is kept of it is read besides.

use serde_json::json;

use crate::cli::arguments::{Arguments, VerifyArguments};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::{integrity, output, run_selector, workspace};
use crate::report::number::tiny;

pub fn perform(arguments: &Arguments, args: &VerifyArguments) -> Result<ExitStatus, CliError> {
    let kept = match run_selector::run_of_model(arguments, &args.bundle)? {
        Some((store, run)) => Some(integrity::of_run(&workspace::layout(arguments), &store.run(&run)?)),
        None => None,
    };
    if let Some(kept) = kept.as_ref().filter(|kept| !kept.is_whole()) {
        match args.json {
            true => output::print_json(&json!({"kept": kept.json()}))?,
            false => output::print(&format!("{}: DAMAGED\n{}", args.bundle, kept.text()))?,
        }
        return Ok(ExitStatus::Failed);
    }
    let parity = run_selector::bundle(arguments, &args.bundle)?.verify(&|line| output::print_error(line))?;
    let equal = parity.largest <= parity.tolerance;
    if args.json {
        let mut report = serde_json::to_value(&parity).unwrap_or_default();
        if let Some(kept) = &kept {
            report["kept"] = kept.json();
        }
        output::print_json(&report)?;
    } else {
        let batches: Vec<String> = parity.batches.iter().map(ToString::to_string).collect();
        let mut text = format!(
            "{}: {}, ONNX Runtime {}, batches of {} rows\n",
            args.bundle,
            if equal { "verified" } else { "DIFFERS from what was trained" },
            parity.runtime.as_deref().unwrap_or("?"),
            batches.join(" and ")
        );
        for output in &parity.outputs {
            text += &format!("  {:<32} largest difference {}\n", output.output, tiny(output.largest));
        }
        text += &format!("  allowed {:.0e}", parity.tolerance);
        if let Some(kept) = &kept {
            text += &format!("\n{}", kept.text());
        }
        output::print(&text)?;
    }
    Ok(if equal { ExitStatus::Done } else { ExitStatus::Parity })
}
