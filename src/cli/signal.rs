//! Ctrl-C and SIGTERM: the first one finishes the step and saves a checkpoint, a second one stops at once.

use crate::cli::output;
use crate::domain::cancel::CancelToken;

/// Installs the signal handler.
pub fn listen() -> CancelToken {
    let cancel = CancelToken::default();
    let request = cancel.clone();
    let installed = ctrlc::set_handler(move || {
        if request.is_requested() {
            std::process::exit(crate::cli::exit::ExitStatus::Interrupted as i32);
        }
        request.request();
        output::print_error("\nstopping after this step (press again to stop at once)");
    });
    if let Err(error) = installed {
        output::print_error(&format!("warning: Ctrl-C will not save a checkpoint: {error}"));
    }
    cancel
}
