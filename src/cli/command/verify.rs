//! `mtl verify BUNDLE`: is the model still the one that was trained? Works anywhere; needs neither
//! the data nor the run.

use crate::cli::arguments::{Arguments, Verify};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::{named, output};
use crate::report::number::tiny;

pub fn perform(arguments: &Arguments, words: &Verify) -> Result<Exit, Error> {
    let parity = named::bundle(arguments, &words.bundle)?.verify(&|line| output::tell(line))?;
    let equal = parity.largest <= parity.tolerance;
    if words.json {
        output::print_json(&serde_json::to_value(&parity).unwrap_or_default())?;
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
        output::print(&text)?;
    }
    Ok(if equal { Exit::Done } else { Exit::Parity })
}
