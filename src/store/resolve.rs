//! Finds the run that a user names: by its name, a unique prefix, or `last`.

use crate::domain::diagnostic::nearest;
use crate::domain::name::RunId;
use crate::store::ResultsDatabase;
use crate::store::error::StoreError;

impl ResultsDatabase {
    /// Returns the run that `text` names: its name, `last`, or a unique prefix of its name or of its code
    /// (the part after the last `-`).
    ///
    /// # Errors
    /// [`StoreError::NoRuns`], [`StoreError::UnknownRun`] or [`StoreError::AmbiguousRun`].
    pub fn resolve_run(&self, text: &str) -> Result<RunId, StoreError> {
        let newest_first = self.run_names()?;
        choose(text, &newest_first).map(|name| {
            RunId::new(name).ok_or(StoreError::UnknownRun { found: text.to_owned(), nearest: None })
        })?
    }
}

fn choose(text: &str, newest_first: &[String]) -> Result<String, StoreError> {
    let Some(newest) = newest_first.first() else { return Err(StoreError::NoRuns) };
    if let Some(exact) = newest_first.iter().find(|name| *name == text) {
        return Ok(exact.clone());
    }
    if text == "last" {
        return Ok(newest.clone());
    }
    let matches = |name: &&String| {
        let code = name.rsplit_once('-').map_or("", |(_, code)| code);
        !text.is_empty() && (name.starts_with(text) || code.starts_with(text))
    };
    let candidates: Vec<String> = newest_first.iter().filter(matches).cloned().collect();
    match candidates.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let nearest = nearest(text, newest_first.iter().map(String::as_str)).map(str::to_owned);
            Err(StoreError::UnknownRun { found: text.to_owned(), nearest })
        }
        _ => Err(StoreError::AmbiguousRun { found: text.to_owned(), runs: candidates }),
    }
}

#[cfg(test)]
mod tests {
    use crate::store::error::StoreError;
    use crate::store::resolve::choose;

    fn names() -> Vec<String> {
        ["census-9f1b", "census-3f2a", "reviews-3f77", "census"].map(str::to_owned).to_vec()
    }

    #[test]
    fn last_exact_prefix_and_code() {
        let chosen = |text| choose(text, &names()).expect("found");
        assert_eq!(chosen("last"), "census-9f1b");
        assert_eq!(chosen("census"), "census", "an exact name wins over a prefix");
        assert_eq!(chosen("census-3"), "census-3f2a");
        assert_eq!(chosen("r"), "reviews-3f77");
        assert_eq!(chosen("9f"), "census-9f1b");
    }

    #[test]
    fn ambiguous_lists_all() {
        let Err(StoreError::AmbiguousRun { runs, .. }) = choose("3f", &names()) else {
            panic!("must be ambiguous")
        };
        assert_eq!(runs, ["census-3f2a", "reviews-3f77"]);
    }

    #[test]
    fn unknown_suggests() {
        let error = choose("censsu-9f1b", &names()).expect_err("unknown");
        assert_eq!(error.to_string(), "unknown run `censsu-9f1b`; did you mean `census-9f1b`?");
        let error = choose("zzz", &names()).expect_err("unknown");
        assert_eq!(error.to_string(), "unknown run `zzz`; `mtl runs` lists them");
        assert!(matches!(choose("", &names()), Err(StoreError::UnknownRun { .. })));
    }

    #[test]
    fn no_runs_says_so() {
        assert!(matches!(choose("last", &[]), Err(StoreError::NoRuns)));
    }
}
