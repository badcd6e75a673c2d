//! Who works on a run: a lock the system lets go of when its holder dies, however it dies.

use std::fs::{File, TryLockError};

use crate::domain::layout::Layout;
use crate::domain::name::RunId;
use crate::run::error::Error;

/// Held for as long as this process works on the run.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the run, or says that another process has it.
    pub fn take(layout: &Layout, run: &RunId) -> Result<Self, Error> {
        let path = layout.lock(run);
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { run: run.to_string() }),
            Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
        }
    }

    /// Does a living process work on the run?
    pub fn is_held(layout: &Layout, run: &RunId) -> bool {
        let Ok(file) = File::open(layout.lock(run)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

#[cfg(test)]
mod tests {
    use super::RunLock;
    use crate::domain::layout::Layout;
    use crate::domain::name::RunId;

    #[test]
    fn a_run_is_held_once_and_free_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(folder.path());
        let run = RunId::new("census-1").expect("a name");
        std::fs::create_dir(layout.run(&run)).expect("a run's folder");
        assert!(!RunLock::is_held(&layout, &run));
        let lock = RunLock::take(&layout, &run).expect("free");
        assert!(RunLock::is_held(&layout, &run));
        assert!(RunLock::take(&layout, &run).is_err());
        drop(lock);
        assert!(!RunLock::is_held(&layout, &run));
        assert!(RunLock::take(&layout, &run).is_ok());
    }
}
