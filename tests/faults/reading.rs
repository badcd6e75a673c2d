//! A model reads new files as it read its training files.
