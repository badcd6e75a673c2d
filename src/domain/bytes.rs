//! Sizes of memory as people write them: `8GB`, `512 MB`, `1.5GiB`.

use std::fmt;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Bytes(pub u64);

/// Accepted units and their sizes; without an `i` they are decimal, as disks and memory are sold.
const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
];

impl Bytes {
    /// The maximum; also the result of an overflow.
    pub const MAX: Self = Self(u64::MAX);

    /// The size of `count` 32-bit floats.
    pub fn floats(count: usize) -> Self {
        Self(4).times(count)
    }

    /// `count` times this size; saturates.
    pub fn times(self, count: usize) -> Self {
        Self(self.0.saturating_mul(count as u64))
    }

    /// Parses a size such as `8GB`.
    ///
    /// # Errors
    ///
    /// A message for the user if `text` is not a size greater than 0.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let end = text.find(|letter: char| letter.is_alphabetic()).unwrap_or(text.len());
        let (number, unit) = (text[..end].trim(), text[end..].to_lowercase());
        let size = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
        let number = number.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        match (number, size) {
            (Some(number), Some(size)) => Ok(Self((number * size as f64) as u64)),
            _ => Err(format!("`{text}` is not a memory size: write, for example, 8GB, 512MB or 1.5GiB")),
        }
    }
}

impl std::ops::Add for Bytes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self(0), |sum, one| sum + one)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::MAX {
            return f.write_str("more than 18 EB");
        }
        let mut value = self.0 as f64;
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
        for (index, unit) in units.iter().enumerate() {
            // From 999.5 on, the value would round to 1000.
            if value < 999.5 || index + 1 == units.len() {
                return match value < 9.95 && index > 0 {
                    true => write!(f, "{value:.1} {unit}"),
                    false => write!(f, "{value:.0} {unit}"),
                };
            }
            value /= 1000.0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn parses_written_sizes() {
        let read = |text: &str| Bytes::parse(text).map(|bytes| bytes.0);
        assert_eq!(read("8GB").unwrap(), 8_000_000_000);
        assert_eq!(read(" 512 mb ").unwrap(), 512_000_000);
        assert_eq!(read("1.5GiB").unwrap(), 3 << 29);
        assert_eq!(read("4096").unwrap(), 4096);
        assert_eq!(read("2g").unwrap(), 2_000_000_000);
        assert_eq!(read("2T").unwrap(), 2_000_000_000_000);
        for wrong in ["", "GB", "-1GB", "0", "eight GB", "8 gigabytes", "1e999GB", "NaN"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn formats_sizes() {
        let text = |bytes: u64| Bytes(bytes).to_string();
        assert_eq!(text(999), "999 B");
        assert_eq!(text(1_500), "1.5 kB");
        assert_eq!(text(999_700), "1.0 MB");
        assert_eq!(text(68_719_476_736), "69 GB");
        assert_eq!(text(u64::MAX - 1), "18 EB");
        assert_eq!(Bytes::MAX.to_string(), "more than 18 EB");
    }

    #[test]
    fn nothing_overflows() {
        assert_eq!(Bytes::floats(usize::MAX), Bytes::MAX);
        assert_eq!([Bytes::MAX, Bytes(1)].into_iter().sum::<Bytes>(), Bytes::MAX);
    }
}
