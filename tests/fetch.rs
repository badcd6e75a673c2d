//! The scripts that download data and build the wheel: their self-tests need Python, but no network.

use std::process::Command;

use crate::support::root;

fn python(arguments: &[&str]) -> Option<std::process::Output> {
    Command::new("python3").args(arguments).current_dir(root()).output().ok()
}

#[test]
fn the_fetch_script_passes_its_self_test() {
    let Some(output) = python(&["pipelines/data/fetch", "--self-test"]) else {
        println!("skipped: python3 not found");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_wheel_script_passes_its_self_test() {
    // TOML is in Python's standard library since 3.11.
    let Some(version) = python(&["-c", "import tomllib"]) else { return };
    if !version.status.success() {
        println!("this python3 is older than 3.11: not tested");
        return;
    }
    let Some(output) = python(&["tools/wheel", "--self-test"]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let Some(output) = python(&["pipelines/data/fetch", "mnits"]) else { return };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("there is no `mnits`; there are multi_mnist, "), "{text}");
}
