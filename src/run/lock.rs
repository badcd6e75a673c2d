//! Who works on a run: a lock the system lets go of when its holder dies, however it dies.
//!
//! It is taken before the database says that the run is running, and kept until the database says how it
//! ended. Whoever wants to write that a run is dead holds its lock while doing so, so that nobody can go on
//! with it in between.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::run::error::RunError;

/// Held for as long as this process works on the run.
#[derive(Debug)]
pub struct RunLock {
    /// `None` where nobody has ever made a lock.
    _file: Option<File>,
}

/// A look at a lock holds it for a moment. Who works on a run holds it for longer than this.
const MOMENT: Duration = Duration::from_millis(500);

impl RunLock {
    /// Takes the run, whose folder is there, or says that another process has it.
    pub fn take(layout: &Layout, run: &RunId) -> Result<Self, RunError> {
        let path = layout.lock(run);
        let began = Instant::now();
        loop {
            let file = File::options().create(true).append(true).open(&path);
            let file = file.map_err(RunError::io("create", &path))?;
            match file.try_lock() {
                // Who waited while the folder was removed, or made anew, holds a lock that nobody else will
                // look at.
                Ok(()) if is_at(&file, &path) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::Error(source)) => return Err(RunError::io("lock", &path)(source)),
                Err(TryLockError::WouldBlock) if began.elapsed() > MOMENT => {
                    return Err(RunError::Busy { run: run.to_string() });
                }
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Takes the run of a process that may be dead, to say so: `None` when it is alive, or cannot be asked.
    pub fn of_dead(layout: &Layout, run: &RunId) -> Option<Self> {
        match File::open(layout.lock(run)) {
            Ok(file) => file.try_lock().is_ok().then_some(Self { _file: Some(file) }),
            // Who works on a run has made its lock first.
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Self { _file: None }),
            Err(_) => None,
        }
    }

    /// Does a living process work on the run?
    pub fn is_held(layout: &Layout, run: &RunId) -> bool {
        let Ok(file) = File::open(layout.lock(run)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// Is this open file the one at the path?
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |data: std::fs::Metadata| (data.dev(), data.ino());
    let both = file.metadata().and_then(|own| Ok((identity(own), identity(std::fs::metadata(path)?))));
    both.is_ok_and(|(own, there)| own == there)
}

/// An open file cannot be removed here.
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
    fn a_run_is_held_once_and_free_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (layout, run) = run_in(&folder);
        assert!(!RunLock::is_held(&layout, &run));
        assert!(RunLock::of_dead(&layout, &run).is_some(), "who works on a run has made its lock");
        let lock = RunLock::take(&layout, &run).expect("free");
        assert!(RunLock::is_held(&layout, &run));
        assert!(RunLock::take(&layout, &run).is_err() && RunLock::of_dead(&layout, &run).is_none());
        drop(lock);
        assert!(!RunLock::is_held(&layout, &run));
        let dead = RunLock::of_dead(&layout, &run).expect("dead");
        assert!(RunLock::take(&layout, &run).is_err(), "while it is being said, nobody goes on with it");
        drop(dead);
        assert!(RunLock::take(&layout, &run).is_ok());
    }

    #[test]
    fn a_look_does_not_keep_a_run_from_who_takes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (layout, run) = run_in(&folder);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        RunLock::is_held(&layout, &run);
                        drop(RunLock::of_dead(&layout, &run));
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
    fn the_lock_of_a_removed_folder_is_none() {
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
