//! Files that appear whole or not at all: written beside, synced, renamed.

use std::io::{BufWriter, Error as IoError, Write};
use std::path::Path;

use crate::data::error::Error;

/// Writes a file by `fill`; its folder must exist.
pub(in crate::data) fn persist(
    file: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut std::fs::File>) -> Result<(), IoError>,
) -> Result<(), Error> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> Result<(), IoError> {
        let mut temporary = builder().tempfile_in(folder)?;
        let mut writer = BufWriter::with_capacity(1 << 16, temporary.as_file_mut());
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        temporary.as_file().sync_all()?;
        temporary.persist(file).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|source| Error::Unwritable { file: file.to_owned(), source })
}

/// Temporary files are for their owner alone, unless told otherwise; these become ordinary files.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mtl-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}
