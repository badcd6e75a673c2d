//! What `mtl init` makes of files it has never seen.
