//! How many threads the work may use. The libraries below read it from the environment, once.

use std::num::NonZeroUsize;

use crate::cli::error::CliError;

/// Gives rayon (with it gemm and our kernels) and polars these many threads, by default one per core.
///
/// candle keeps a second pool of its own for element-wise operations whose threads spin while they
/// wait, beside rayon's: on two cores that made training three times slower. They are told to sleep instead;
/// and where several trials are trained at once, whose threads would wait for one another, there is one. Must
/// be called first in `main`.
pub fn settle(threads: Option<NonZeroUsize>, jobs: Option<NonZeroUsize>) -> Result<(), CliError> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    if let Some(jobs) = jobs {
        allowed("-j", &jobs.to_string(), "trials side by side", cores.get())?;
    }
    if let Some(wanted) = threads {
        allowed("--threads", &wanted.to_string(), "threads", cores.get())?;
    }
    let count = |name: &str| match (threads, std::env::var(name)) {
        (Some(wanted), _) => Ok(wanted.get()),
        // These say nothing in those libraries either.
        (None, Ok(text)) if ["", "0"].contains(&text.trim()) => Ok(cores.get()),
        (None, Ok(text)) => allowed(&format!("{name} in the environment"), &text, "threads", cores.get()),
        (None, Err(std::env::VarError::NotUnicode(text))) => {
            allowed(&format!("{name} in the environment"), &text.to_string_lossy(), "threads", cores.get())
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
        // SAFETY: the program has one thread yet; nobody can be reading the environment.
        unsafe { std::env::set_var(name, value.to_string()) };
    }
    Ok(())
}

/// A few times as many as there are cores: more threads take memory and make nothing faster, and very many
/// the system refuses, or it stands still.
fn most(cores: usize) -> usize {
    cores.saturating_mul(4).max(64)
}

/// The number, if it is one that a machine of so many cores can bear.
fn allowed(from: &str, text: &str, of: &str, cores: usize) -> Result<usize, CliError> {
    let most = most(cores);
    let threads = text.trim().parse().ok().filter(|count| (1..=most).contains(count));
    threads.ok_or_else(|| {
        let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
        CliError::Usage(format!(
            "found `{text}` for {from}, expected 1 to {most} {of}: this machine has {cores}; leave it out for the default"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn a_few_times_the_cores_are_enough() {
        let threads = |text: &str, cores| allowed("--threads", text, "threads", cores).ok();
        assert_eq!((threads("1", 2), threads("64", 2), threads("65", 2)), (Some(1), Some(64), None));
        assert_eq!((threads("512", 128), threads("513", 128)), (Some(512), None));
        for text in ["0", "-1", "30000", "99999999999999999999999", "four", "2.0"] {
            let output = allowed("--threads", text, "threads", 2).expect_err(text).to_string();
            assert!(
                output.contains(text) && output.contains("1 to 64") && output.contains("2 cores"),
                "{output}"
            );
        }
    }
}
