//! Run locks: an advisory file lock that the system releases when its holder dies, however it dies.
//!
//! A process takes the lock before the database records the run as running, and keeps it until the database
//! records how the run ended. A process that marks a run as dead holds the lock meanwhile, so that nobody can
//! resume the run in between.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::run::error::RunError;

/// The lock of a run, held as long as this process works on it.
#[derive(Debug)]
pub struct RunLock {
    /// `None` if the lock file does not exist.
    _file: Option<File>,
}

/// The longest wait for a lock. Checks hold a lock only briefly; a process that works on a run holds it
/// longer.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

impl RunLock {
    /// Takes the lock of a run whose folder exists.
    ///
    /// # Errors
    /// [`RunError::Busy`] if another process holds it.
    pub fn take(layout: &Layout, run: &RunId) -> Result<Self, RunError> {
        let path = layout.lock(run);
        let began = Instant::now();
        loop {
            let file = File::options().create(true).append(true).open(&path);
            let file = file.map_err(RunError::io("create", &path))?;
            match file.try_lock() {
                // The folder may have been removed or recreated while waiting: then nobody else sees this
                // lock.
                Ok(()) if is_at(&file, &path) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::Error(source)) => return Err(RunError::io("lock", &path)(source)),
                Err(TryLockError::WouldBlock) if began.elapsed() > LONGEST_WAIT => {
                    return Err(RunError::Busy { run: run.to_string() });
                }
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Takes the lock of a run whose process may be dead; `None` if it is alive or the lock cannot be opened.
    pub fn take_if_dead(layout: &Layout, run: &RunId) -> Option<Self> {
        match File::open(layout.lock(run)) {
            Ok(file) => file.try_lock().is_ok().then_some(Self { _file: Some(file) }),
            // A process creates the lock file before it works on a run.
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Self { _file: None }),
            Err(_) => None,
        }
    }

    /// Whether a living process holds the lock.
    pub fn is_held(layout: &Layout, run: &RunId) -> bool {
        let Ok(file) = File::open(layout.lock(run)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// Whether this open file is the one at the path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |data: std::fs::Metadata| (data.dev(), data.ino());
    let both = file.metadata().and_then(|opened| Ok((identity(opened), identity(std::fs::metadata(path)?))));
    both.is_ok_and(|(opened, there)| opened == there)
}

/// An open file cannot be removed on this platform.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::RunLock;
    use crate::domain::layout::Layout;
    use crate::domain::name::RunId;

    fn run_in(folder: &tempfile::TempDir) -> (Layout, RunId) {
        let layout = Layout::new(folder.path());
        let run = RunId::new("census-1").expect("a name");
        std::fs::create_dir(layout.run(&run)).expect("a run's folder");
        (layout, run)
    }

    #[test]
    fn a_lock_is_exclusive_and_released() {
        let folder = tempfile::tempdir().expect("a folder");
        let (layout, run) = run_in(&folder);
        assert!(!RunLock::is_held(&layout, &run));
        assert!(RunLock::take_if_dead(&layout, &run).is_some(), "a run without a lock file is not in use");
        let lock = RunLock::take(&layout, &run).expect("free");
        assert!(RunLock::is_held(&layout, &run));
        assert!(RunLock::take(&layout, &run).is_err() && RunLock::take_if_dead(&layout, &run).is_none());
        drop(lock);
        assert!(!RunLock::is_held(&layout, &run));
        let dead = RunLock::take_if_dead(&layout, &run).expect("dead");
        assert!(RunLock::take(&layout, &run).is_err(), "nobody can resume it meanwhile");
        drop(dead);
        assert!(RunLock::take(&layout, &run).is_ok());
    }

    #[test]
    fn checking_a_lock_does_not_prevent_taking_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (layout, run) = run_in(&folder);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        RunLock::is_held(&layout, &run);
                        drop(RunLock::take_if_dead(&layout, &run));
                    }
                });
            }
            let taken: Vec<_> = (0..200).map(|_| RunLock::take(&layout, &run).map(drop)).collect();
            over.store(true, Ordering::Relaxed);
            assert!(taken.iter().all(Result::is_ok), "{taken:?}");
        });
    }

    #[cfg(unix)]
    #[test]
    fn the_lock_of_a_removed_folder_does_not_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let (layout, run) = run_in(&folder);
        let gone = RunLock::take(&layout, &run).expect("free");
        std::fs::remove_dir_all(layout.run(&run)).expect("removed");
        assert!(RunLock::take(&layout, &run).is_err(), "there is no folder");
        std::fs::create_dir(layout.run(&run)).expect("another run of the name");
        let lock = RunLock::take(&layout, &run).expect("its own lock");
        drop((gone, lock));
    }
}
