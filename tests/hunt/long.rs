//! Fuzzing with hundreds of thousands of inputs, in separate processes so that crashes are detected, with
//! limits for memory and time. Findings are written to a folder, minimized if that is quick.
//!
//! ```text
//! MTL_HUNT=100000 cargo test --release --test main hunt::long::hunts -- --ignored --nocapture
//! ```
//!
//! `MTL_HUNT_TARGETS=card,settings`: only these targets; `MTL_HUNT_SEED=2`: another random seed;
//! `MTL_HUNT_TO`: the folder for findings.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::dice::Dice;
use super::mutate::mutated;
use super::seeds;
use super::target::Target;

/// Time limit per input.
const LONGEST: Duration = Duration::from_secs(20);
/// Limit of the address space in KiB.
const MEMORY: u64 = 12 << 20;
/// Inputs per process.
const BATCH: u64 = 2000;
/// Files kept per kind of finding.
const KEPT: u64 = 3;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str) -> Option<u64> {
    variable(name).map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is no whole number: {value}")))
}

fn input(target: Target, seeds: &[Vec<u8>], seed: u64, number: u64) -> Vec<u8> {
    mutated(target, seeds, &mut Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number))
}

/// Location and message of the last panic.
static SAID: Mutex<String> = Mutex::new(String::new());

/// Feeds an input; returns the message of a panic.
fn fed(target: Target, bytes: &[u8]) -> Option<String> {
    let fed = catch_unwind(AssertUnwindSafe(|| target.feed(bytes)));
    fed.err().map(|_| SAID.lock().expect("the hook's").clone())
}

/// The kind of a finding: its location without the message.
fn kind(output: &str) -> &str {
    output.split(": ").next().unwrap_or(output)
}

/// Minimizes an input that fails at the same location, by deleting smaller and smaller parts.
fn smaller(target: Target, bytes: Vec<u8>, output: &str) -> Vec<u8> {
    let (mut bytes, mut part, started) = (bytes, usize::MAX, Instant::now());
    part = part.min(bytes.len() / 2);
    while part > 0 {
        let mut at = 0;
        while at < bytes.len() && started.elapsed() < Duration::from_secs(5) {
            let without = [&bytes[..at], &bytes[(at + part).min(bytes.len())..]].concat();
            match fed(target, &without) {
                Some(other) if kind(&other) == kind(output) => bytes = without,
                _ => at += part,
            }
        }
        part /= 2;
    }
    bytes
}

/// One process: feeds a range of inputs.
#[test]
#[ignore = "started by `hunts`"]
fn fed_with_a_range() {
    let Some(name) = variable("HUNT_TARGET") else { return };
    let target = Target::ALL.into_iter().find(|target| target.name() == name).expect("a target");
    let number = |name: &str| number(name).expect(name);
    let (seed, range) = (number("HUNT_SEED"), number("HUNT_FROM")..number("HUNT_TO"));
    let actual = PathBuf::from(variable("HUNT_FOUND").expect("a folder"));
    let at = File::create(actual.join("at")).expect("a file");
    let seeds = seeds(target);
    set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        let text = panic.payload();
        let text = text
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| text.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("?");
        let output = format!("{}: {text}", place.unwrap_or_default());
        *SAID.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = output;
    }));
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for number in range {
        at.write_all_at(&number.to_le_bytes(), 0).expect("written");
        let (bytes, started) = (input(target, &seeds, seed, number), Instant::now());
        let output = fed(target, &bytes);
        let slow = started.elapsed() > Duration::from_secs(3);
        let output =
            output.or_else(|| slow.then(|| format!("slow: {:.1} s", started.elapsed().as_secs_f64())));
        let Some(output) = output else { continue };
        let count = kinds.entry(kind(&output).to_owned()).or_default();
        *count += 1;
        let bytes = if *count == 1 && !slow { smaller(target, bytes, &output) } else { bytes };
        keep(&actual, target, number, &bytes, &output, *count);
    }
    let _ = take_hook();
}

/// Stores a finding: the message always, the input only for the first ones of a kind.
fn keep(folder: &Path, target: Target, number: u64, bytes: &[u8], output: &str, count: u64) {
    let name = format!("{}-{number:07}", target.name());
    fs::write(folder.join(format!("{name}.txt")), output).expect("written");
    if count <= KEPT {
        fs::write(folder.join(format!("{name}.bin")), bytes).expect("written");
    }
}

/// How a process ended; `None` if successfully.
fn ended(target: Target, seed: u64, range: std::ops::Range<u64>, folder: &Path) -> Option<(u64, String)> {
    let at = folder.join("at");
    let _ = fs::remove_file(&at);
    let errors = File::create(folder.join("errors")).expect("a file");
    let exe = std::env::current_exe().expect("this test");
    // Out of memory is reported by the process; without a limit the machine would hang.
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -v {MEMORY} -c 0; exec \"$0\" \"$@\"")])
        .arg(exe)
        .args(["hunt::long::fed_with_a_range", "--exact", "--ignored", "--nocapture", "--test-threads", "1"])
        .env("HUNT_TARGET", target.name())
        .env("HUNT_SEED", seed.to_string())
        .env("HUNT_FROM", range.start.to_string())
        .env("HUNT_TO", range.end.to_string())
        .env("HUNT_FOUND", folder)
        .env("MTL_OFFLINE", "1")
        // Test threads get the stack size of a main thread.
        .env("RUST_MIN_STACK", (8 << 20).to_string())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .expect("it starts");
    let number = || {
        let bytes = fs::read(&at).ok()?;
        Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?))
    };
    let (mut last, mut since) = (None, Instant::now());
    let how = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break match (status.success(), status.signal()) {
                (true, _) => return None,
                (_, Some(signal)) => format!("signal {signal}"),
                (..) => format!("exit {:?}", status.code()),
            };
        }
        let now = number();
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > LONGEST {
            let _ = child.kill();
            let _ = child.wait();
            break "hang".to_owned();
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let errors = fs::read(folder.join("errors")).unwrap_or_default();
    let tail = String::from_utf8_lossy(&errors[errors.len().saturating_sub(600)..]).into_owned();
    Some((number().expect("a process that began"), format!("{how}: {tail}")))
}

#[test]
#[ignore = "runs long: see .ci/hunt"]
fn hunts() {
    let count = number("MTL_HUNT").unwrap_or(2000);
    let seed = number("MTL_HUNT_SEED").unwrap_or(1);
    let wanted = variable("MTL_HUNT_TARGETS");
    let is_wanted = |target: &Target| {
        wanted.as_deref().is_none_or(|names| names.split(',').any(|name| name == target.name()))
    };
    let folder =
        variable("MTL_HUNT_TO").map_or_else(|| crate::support::root().join("target/hunt"), PathBuf::from);
    fs::create_dir_all(&folder).expect("a folder");
    let mut all = 0;
    println!(
        "{:<12} {:>9} {:>7} {:>7} {:>6} {:>6} {:>9}",
        "target", "inputs", "panics", "aborts", "hangs", "slow", "seconds"
    );
    for target in Target::ALL.into_iter().filter(is_wanted) {
        let (started, mut from) = (Instant::now(), 0);
        let place = folder.join(target.name());
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).expect("a folder");
        let seeds = seeds(target);
        while from < count {
            let to = (from + BATCH).min(count);
            from = match ended(target, seed, from..to, &place) {
                None => to,
                Some((number, output)) => {
                    keep(&place, target, number, &input(target, &seeds, seed, number), &output, 1);
                    number + 1
                }
            };
        }
        let output: Vec<String> = crate::support::files(&place, "txt")
            .iter()
            .map(|file| fs::read_to_string(file).expect("said"))
            .collect();
        let of = |begins: &str| output.iter().filter(|output| output.starts_with(begins)).count();
        let (hangs, slow, aborts) = (of("hang"), of("slow"), of("signal") + of("exit"));
        let panics = output.len() - hangs - slow - aborts;
        println!(
            "{:<12} {count:>9} {panics:>7} {aborts:>7} {hangs:>6} {slow:>6} {:>9.1}",
            target.name(),
            started.elapsed().as_secs_f64()
        );
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        output.iter().for_each(|output| *kinds.entry(kind(output)).or_default() += 1);
        kinds.iter().for_each(|(kind, count)| println!("    {count:>6} x {kind}"));
        all += output.len();
    }
    assert_eq!(all, 0, "findings in {}", folder.display());
}
