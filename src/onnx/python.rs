//! Runs Python with a time limit: to find an installed ONNX Runtime, and to download one.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::onnx::error::OnnxError;

/// Runs `python <arguments>` and returns what it printed.
///
/// # Errors
/// If it cannot be started, fails or exceeds the time limit.
pub fn run(python: &Path, arguments: &[&str], limit: Duration) -> Result<String, OnnxError> {
    let command = || {
        let shown: Vec<&str> =
            arguments.iter().copied().filter(|word| !word.contains('\n')).take(3).collect();
        format!("{} {}", python.display(), shown.join(" "))
    };
    let failed = |reason: String| OnnxError::Command { command: command(), reason };
    let broken = |error: std::io::Error| failed(error.to_string());

    // Files instead of pipes: a full pipe that nobody reads would block the child.
    let mut output = tempfile::tempfile().map_err(broken)?;
    let mut errors = tempfile::tempfile().map_err(broken)?;
    let mut child = Command::new(python)
        .args(arguments)
        // Downloading installs nothing, so the rule against installing outside of virtual environments
        // does not apply.
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(broken)?)
        .stderr(errors.try_clone().map_err(broken)?)
        .spawn()
        .map_err(broken)?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait().map_err(broken)? {
            Some(status) => break status,
            None if started.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!("no result within {} seconds", limit.as_secs())));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    if !status.success() {
        let text = text(&mut errors).map_err(broken)?;
        let reason = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message");
        return Err(failed(format!("{status}: {}", reason.trim())));
    }
    text(&mut output).map_err(broken)
}

fn text(file: &mut std::fs::File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Finds the package without importing it, which would take seconds.
const WHERE: &str = r#"
import glob, importlib.util, os
spec = importlib.util.find_spec("onnxruntime")
for folder in (spec.submodule_search_locations or []) if spec else []:
    for pattern in ("libonnxruntime.so*", "libonnxruntime*.dylib", "onnxruntime.dll"):
        for path in sorted(glob.glob(os.path.join(folder, "capi", pattern))):
            print(path)
"#;

/// The library files of the ONNX Runtime that is installed for this Python.
pub fn installed(python: &Path) -> Result<Vec<PathBuf>, OnnxError> {
    let printed = run(python, &["-c", WHERE], Duration::from_secs(30))?;
    Ok(printed.lines().map(PathBuf::from).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::run;

    #[test]
    fn returns_output_and_reports_failures() {
        let python = Path::new("python3");
        assert_eq!(run(python, &["-c", "print(6 * 7)"], Duration::from_secs(60)).unwrap().trim(), "42");
        let error = run(python, &["-c", "raise SystemExit('no room')"], Duration::from_secs(60)).unwrap_err();
        assert!(error.to_string().contains("no room"), "{error}");
        let error = run(Path::new("no-such-python"), &[], Duration::from_secs(60)).unwrap_err();
        assert!(error.to_string().contains("no-such-python"), "{error}");
    }

    #[test]
    fn has_a_time_limit() {
        let started = Instant::now();
        let error = run(Path::new("python3"), &["-c", "import time; time.sleep(60)"], Duration::from_secs(1));
        assert!(error.unwrap_err().to_string().contains("within 1 seconds"));
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
