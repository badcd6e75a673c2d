//! Pictures as cameras and programs store them.
