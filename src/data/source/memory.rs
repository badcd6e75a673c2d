//! How much a data file may hold once it is unpacked. A few thousand bytes can unpack to more than any memory, and then
//! the system ends the program without a word: so what a file will hold is told before, or counted on the way.

use std::path::Path;
use std::sync::OnceLock;

use crate::data::error::Error;

/// The environment variable that sets the limit, such as `8GB`.
pub(in crate::data) const VARIABLE: &str = "MTL_DATA_MEMORY";

/// Where the system does not say how much memory is free.
const UNTOLD: u64 = 8 << 30;

/// What one picture may hold, where nobody set a limit: more than any camera's.
const PICTURE: u64 = 512 << 20;

/// What the variable says; bytes, or with a unit.
fn told() -> Result<Option<u64>, Error> {
    let Some(text) = std::env::var_os(VARIABLE) else { return Ok(None) };
    let found = text.to_string_lossy().into_owned();
    parsed(&found).map(Some).ok_or(Error::MemorySetting { found })
}

fn parsed(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit: u64 = match text[digits..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" | "K" => 1_000,
        "MB" | "M" => 1_000_000,
        "GB" | "G" => 1_000_000_000,
        "TB" | "T" => 1_000_000_000_000,
        "KIB" => 1 << 10,
        "MIB" => 1 << 20,
        "GIB" => 1 << 30,
        "TIB" => 1 << 40,
        _ => return None,
    };
    Some((number * unit as f64) as u64).filter(|bytes| *bytes > 0)
}

/// The bytes that one file may hold: half of what is free when the first is read, since its table needs as much again.
pub(in crate::data) fn limit() -> Result<u64, Error> {
    static FREE: OnceLock<u64> = OnceLock::new();
    let free = || *FREE.get_or_init(|| free().map_or(UNTOLD, |free| free / 2));
    Ok(told()?.unwrap_or_else(free))
}

/// The bytes that one picture may hold.
pub(in crate::data) fn picture_limit() -> Result<u64, Error> {
    Ok(told()?.unwrap_or(limit()?.min(PICTURE)))
}

/// Refuses a file that holds so many bytes, where these are too many.
pub(in crate::data) fn allow(file: &Path, bytes: u64) -> Result<(), Error> {
    let limit = limit()?;
    if bytes <= limit {
        return Ok(());
    }
    Err(too_large(file, format!("needs {} in memory,", size(bytes)), limit))
}

/// `found`: what is more than the limit.
pub(in crate::data) fn too_large(file: &Path, found: String, limit: u64) -> Error {
    Error::TooLarge { file: file.to_owned(), found, limit: size(limit) }
}

/// As people say it: `1.5 GB`.
pub(in crate::data) fn size(bytes: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

/// The memory that is free: the system's, or what its group of processes has left where that is less.
fn free() -> Option<u64> {
    let system = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let number = |name: &str| {
        let text = std::fs::read_to_string(Path::new("/sys/fs/cgroup").join(name)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let group =
        number("memory.max").zip(number("memory.current")).map(|(most, used)| most.saturating_sub(used));
    system.into_iter().chain(group).min()
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use crate::data::source::memory::{available, parsed, size};

    #[test]
    fn sizes_are_read_and_said_as_people_do() {
        for (text, bytes) in [
            ("1000", Some(1000)),
            ("8GB", Some(8_000_000_000)),
            ("1.5 GiB", Some(3 << 29)),
            ("64m", Some(64_000_000)),
            ("0", None),
            ("GB", None),
            ("8 apples", None),
            ("-1", None),
        ] {
            assert_eq!(parsed(text), bytes, "{text}");
        }
        assert_eq!([size(999), size(1_500_000), size(1 << 40)], ["999 bytes", "1.5 MB", "1.1 TB"]);
    }

    #[test]
    fn free_memory_is_what_linux_says_is_available() {
        let text = "MemTotal:       24505356 kB\nMemFree:         917564 kB\nMemAvailable:   21213056 kB\n";
        assert_eq!(available(text), Some(21213056 << 10));
        assert_eq!(available("MemTotal: 5 kB\n"), None);
    }
}
