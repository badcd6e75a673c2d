//! Sets the number of threads through environment variables, which libraries read once.

use std::num::NonZeroUsize;

use crate::cli::error::CliError;

/// Sets the number of threads of rayon (also used by gemm and the kernels) and polars; default: one per core.
///
/// candle has a second thread pool for element-wise operations, whose threads spin while they wait. Beside
/// rayon's threads, this made training three times slower on two cores. They are configured to sleep instead;
/// with parallel trials, whose threads would wait for each other, the pool has one thread. Must be called
/// first in `main`.
pub fn settle(threads: Option<NonZeroUsize>, jobs: Option<NonZeroUsize>) -> Result<(), CliError> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    if let Some(jobs) = jobs {
        checked("-j", &jobs.to_string(), "parallel trials", cores.get())?;
    }
    if let Some(requested) = threads {
        checked("--threads", &requested.to_string(), "threads", cores.get())?;
    }
    let count = |name: &str| match (threads, std::env::var(name)) {
        (Some(requested), _) => Ok(requested.get()),
        // The libraries ignore these values too.
        (None, Ok(text)) if ["", "0"].contains(&text.trim()) => Ok(cores.get()),
        (None, Ok(text)) => checked(&format!("{name} in the environment"), &text, "threads", cores.get()),
        (None, Err(std::env::VarError::NotUnicode(text))) => {
            checked(&format!("{name} in the environment"), &text.to_string_lossy(), "threads", cores.get())
        }
        (None, Err(std::env::VarError::NotPresent)) => Ok(cores.get()),
    };
    let (rayon, polars) = (count("RAYON_NUM_THREADS")?, count("POLARS_MAX_THREADS")?);
    let candle = if jobs.is_some_and(|jobs| jobs.get() > 1) { 1 } else { rayon };
    let settings = [
        ("RAYON_NUM_THREADS", rayon),
        ("POLARS_MAX_THREADS", polars),
        ("CANDLE_NUM_THREADS", candle),
        ("CANDLE_BARRIER_POOL_SPIN_LIMIT", 1),
    ];
    for (name, value) in settings {
        // SAFETY: the program has only one thread at this point, so nothing reads the environment
        // concurrently.
        unsafe { std::env::set_var(name, value.to_string()) };
    }
    Ok(())
}

/// The limit is a few times the number of cores: more threads use memory without being faster, and operating
/// systems refuse very large numbers.
fn limit(cores: usize) -> usize {
    cores.saturating_mul(4).max(64)
}

/// Parses a number of threads or trials and checks its limit.
fn checked(from: &str, text: &str, what: &str, cores: usize) -> Result<usize, CliError> {
    let limit = limit(cores);
    let threads = text.trim().parse().ok().filter(|count| (1..=limit).contains(count));
    threads.ok_or_else(|| {
        let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
        CliError::Usage(format!(
            "found `{text}` for {from}, expected 1 to {limit} {what}: this machine has {cores}; remove it to \
             use the default"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn the_limit_is_a_few_times_the_number_of_cores() {
        let threads = |text: &str, cores| checked("--threads", text, "threads", cores).ok();
        assert_eq!((threads("1", 2), threads("64", 2), threads("65", 2)), (Some(1), Some(64), None));
        assert_eq!((threads("512", 128), threads("513", 128)), (Some(512), None));
        for text in ["0", "-1", "30000", "99999999999999999999999", "four", "2.0"] {
            let message = checked("--threads", text, "threads", 2).expect_err(text).to_string();
            assert!(
                message.contains(text) && message.contains("1 to 64") && message.contains("2 cores"),
                "{message}"
            );
        }
    }
}
