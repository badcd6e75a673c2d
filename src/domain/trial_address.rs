//! The address of a trial: `census-3f2a9c#3`.

use std::fmt;

use serde::Serialize;

use crate::domain::name::RunId;

/// Separates the run from the number of the trial.
const SEPARATOR: char = '#';

/// One trial of one run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct TrialAddress {
    /// Name of the run.
    pub run: RunId,
    /// Counts from 1.
    pub trial: u32,
}

impl TrialAddress {
    /// The trial `trial`, from 1, of `run`.
    pub fn new(run: &RunId, trial: u32) -> Self {
        Self { run: run.clone(), trial }
    }

    /// Splits what a user wrote into run and trial, without validating either: the run may be `last` or a
    /// prefix of a name, and the trial may not be a number.
    pub fn parts(text: &str) -> (&str, Option<&str>) {
        match text.split_once(SEPARATOR) {
            Some((run, number)) => (run, Some(number)),
            None => (text, None),
        }
    }

    /// The name of a run, or the address of one of its trials.
    pub fn format(run: &RunId, trial: Option<u32>) -> String {
        trial.map_or_else(|| run.to_string(), |trial| Self::new(run, trial).to_string())
    }
}

impl fmt::Display for TrialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.run, self.trial)
    }
}

impl From<TrialAddress> for String {
    fn from(address: TrialAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::name::RunId;
    use crate::domain::trial_address::TrialAddress;

    #[test]
    fn addresses_parse_back() {
        let run = RunId::new("census-3f2a9c").expect("a name");
        let address = TrialAddress::new(&run, 12);
        assert_eq!(TrialAddress::parts(&address.to_string()), (run.as_str(), Some("12")));
        assert_eq!(serde_json::to_string(&address).expect("text"), "\"census-3f2a9c#12\"");
        assert_eq!(TrialAddress::format(&run, Some(12)), address.to_string());
        assert_eq!(TrialAddress::format(&run, None), "census-3f2a9c");
        // Validated by the caller.
        assert_eq!(TrialAddress::parts("last#x#3"), ("last", Some("x#3")));
        assert_eq!(TrialAddress::parts("#3"), ("", Some("3")));
    }
}
