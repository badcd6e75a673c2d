//! One trial of one run, as people name it: `census-3f2a9c#3`.

use std::fmt;

use serde::Serialize;

use crate::domain::name::RunId;

/// What stands between a run and the number of its trial.
const BETWEEN: char = '#';

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct TrialAddress {
    pub run: RunId,
    /// Counts from 1.
    pub trial: u32,
}

impl TrialAddress {
    pub fn new(run: &RunId, trial: u32) -> Self {
        Self { run: run.clone(), trial }
    }

    /// The two parts of what somebody wrote for a run, or for a trial of one, before either is held against
    /// what there is: the run may be `last` or the beginning of a name, and the number none.
    pub fn parts(text: &str) -> (&str, Option<&str>) {
        match text.split_once(BETWEEN) {
            Some((run, number)) => (run, Some(number)),
            None => (text, None),
        }
    }

    /// The name of a run, or of its trial where one is meant.
    pub fn format(run: &RunId, trial: Option<u32>) -> String {
        trial.map_or_else(|| run.to_string(), |trial| Self::new(run, trial).to_string())
    }
}

impl fmt::Display for TrialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{BETWEEN}{}", self.run, self.trial)
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
    fn what_is_shown_is_what_is_read() {
        let run = RunId::new("census-3f2a9c").expect("a name");
        let address = TrialAddress::new(&run, 12);
        assert_eq!(TrialAddress::parts(&address.to_string()), (run.as_str(), Some("12")));
        assert_eq!(serde_json::to_string(&address).expect("text"), "\"census-3f2a9c#12\"");
        assert_eq!(TrialAddress::format(&run, Some(12)), address.to_string());
        assert_eq!(TrialAddress::format(&run, None), "census-3f2a9c");
        // Held against the trials there are by who asks.
        assert_eq!(TrialAddress::parts("last#x#3"), ("last", Some("x#3")));
        assert_eq!(TrialAddress::parts("#3"), ("", Some("3")));
    }
}
