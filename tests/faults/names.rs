//! Names of runs, files and answer columns.
