//! `mtl verify BUNDLE`: is the model still the one that was trained? Works anywhere; needs neither the data nor the run.
//! Of a run, everything that is kept of it is read besides.

use serde_json::json;

use crate::cli::arguments::{Arguments, Verify};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{kept, named, output, workspace};
use crate::report::number::tiny;

pub fn perform(arguments: &Arguments, words: &Verify) -> Result<Exit, Error> {
    let kept = match named::run_of_model(arguments, &words.bundle)? {
        Some((store, run)) => Some(kept::of_run(&workspace::layout(arguments), &store.run(&run)?)),
        None => None,
    };
    if let Some(kept) = kept.as_ref().filter(|kept| !kept.is_whole()) {
        match words.json {
            true => output::print_json(&json!({"kept": kept.json()}))?,
            false => output::print(&format!("{}: DAMAGED\n{}", words.bundle, kept.text()))?,
        }
        return Ok(Exit::Failed);
    }
    let parity = named::bundle(arguments, &words.bundle)?.verify(&|line| output::tell(line))?;
    let equal = parity.largest <= parity.tolerance;
    if words.json {
        let mut told = serde_json::to_value(&parity).unwrap_or_default();
        if let Some(kept) = &kept {
            told["kept"] = kept.json();
        }
        output::print_json(&told)?;
    } else {
        let batches: Vec<String> = parity.batches.iter().map(ToString::to_string).collect();
        let mut text = format!(
            "{}: {}, ONNX Runtime {}, batches of {} rows\n",
            words.bundle,
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
    Ok(if equal { Exit::Done } else { Exit::Parity })
}
